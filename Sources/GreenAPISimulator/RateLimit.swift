import Foundation
import GreenAPI

/// GREEN-API's limit of requests a second, counted for each method of one instance.
///
/// Each accepted request claims the next interval. A request is refused while that claim lies further ahead than ``tolerance``,
/// and a refused one claims nothing. So the long-run rate never exceeds the limit.
public struct RateLimit: Sendable {
  /// Two requests that left a whole interval apart may arrive this much closer, in seconds.
  static let tolerance: TimeInterval = 0.05

  /// Seconds; `nil`: no limit.
  private let interval: TimeInterval?
  private var claimedUntil: [APIMethod: Date] = [:]

  /// - Parameter requestsPerSecond: GREEN-API's is 1; `nil` (or a number that isn't above 0) switches the limit off.
  public init(requestsPerSecond: Double? = 1) {
    interval = requestsPerSecond.flatMap { $0 > 0 && $0.isFinite ? 1 / $0 : nil }
  }

  /// Whether a request is within the limit; if so, it counts.
  public mutating func admits(_ method: APIMethod, at now: Date) -> Bool {
    guard let interval else { return true }
    var claimed = claimedUntil[method] ?? .distantPast
    // No claim reaches this far ahead unless the clock was set back, and that must not close the method for hours.
    if claimed.timeIntervalSince(now) > interval + 2 * Self.tolerance { claimed = now }
    guard claimed.timeIntervalSince(now) <= min(Self.tolerance, interval / 2) else { return false }
    claimedUntil[method] = max(claimed, now).addingTimeInterval(interval)
    return true
  }
}
