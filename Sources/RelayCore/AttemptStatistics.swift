import Collections

/// How a destination has answered lately: its latest attempts, at most ``maximumCount`` and none older than ``maximumAge``.
public struct AttemptStatistics: Sendable {
  public struct Summary: Hashable, Sendable {
    public var attempts: Int
    public var succeeded: Int
    /// Of all attempts, failed ones too: a consumer that lets us wait for a timeout is slow.
    public var p50: Duration?
    public var p99: Duration?
    /// When the oldest attempt that counts here ended.
    public var since: SteadyTime?

    public init(attempts: Int, succeeded: Int, p50: Duration?, p99: Duration?, since: SteadyTime?) {
      self.attempts = attempts
      self.succeeded = succeeded
      self.p50 = p50
      self.p99 = p99
      self.since = since
    }
  }

  public static let maximumCount = 1000
  public static let maximumAge = Duration.seconds(3600)

  /// Kept small, as there may be a thousand destinations.
  private struct Attempt: Sendable {
    var endedAt: SteadyTime
    /// Up to 71 minutes; longer ones count as that.
    var microseconds: UInt32
    var succeeded: Bool
  }

  /// The latest last.
  private var attempts: Deque<Attempt> = []

  public init() {}

  public mutating func note(duration: Duration, succeeded: Bool, at now: SteadyTime) {
    while let oldest = attempts.first, attempts.count >= Self.maximumCount || !Self.counts(oldest, at: now) {
      attempts.removeFirst()
    }
    let (seconds, attoseconds) = min(max(duration, .zero), .microseconds(UInt32.max)).components
    let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    attempts.append(Attempt(endedAt: now, microseconds: UInt32(microseconds), succeeded: succeeded))
  }

  public func summary(at now: SteadyTime) -> Summary {
    let recent = attempts.drop { !Self.counts($0, at: now) }
    let durations = recent.map(\.microseconds).sorted()
    return Summary(
      attempts: recent.count, succeeded: recent.count { $0.succeeded }, p50: Self.percentile(50, of: durations),
      p99: Self.percentile(99, of: durations), since: recent.first?.endedAt)
  }

  private static func counts(_ attempt: Attempt, at now: SteadyTime) -> Bool { now - attempt.endedAt <= maximumAge }

  /// The smallest duration that at least so many percent don't exceed.
  private static func percentile(_ percent: Int, of sorted: [UInt32]) -> Duration? {
    guard !sorted.isEmpty else { return nil }
    return .microseconds(sorted[(sorted.count * percent + 99) / 100 - 1])
  }
}
