/// Spaces attempts evenly, so that no stretch of one period, wherever it begins, holds more than the limit's count.
///
/// With `50/s` one attempt may start every 20 ms; unused turns are not saved up, as a burst of saved turns next to regular ones
/// would exceed the limit in the period that spans both.
public struct RateLimiter: Hashable, Sendable {
  private let spacing: Int64
  private var next: SteadyTime?

  public init(_ limit: RateLimit) {
    let count = Int64(max(limit.count, 1))
    // Rounded up to whole milliseconds: never faster than asked for.
    spacing = (limit.period.milliseconds + count - 1) / count
  }

  /// Takes a turn if there is one now.
  public mutating func admit(at now: SteadyTime) -> Bool {
    if let next, now < next { return false }
    next = SteadyTime(milliseconds: now.milliseconds + spacing)
    return true
  }

  /// When the next turn comes; `nil`: at once.
  public var nextAdmission: SteadyTime? { next }
}
