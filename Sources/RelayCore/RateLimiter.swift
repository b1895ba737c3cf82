/// Spaces attempts evenly, so that no stretch of one period, wherever it begins, holds more than the limit's count.
///
/// This is GCRA, the virtual scheduling algorithm of ITU-T I.371 (https://www.itu.int/rec/T-REC-I.371): an attempt that comes late, by up
/// to a tolerance τ, doesn't delay the ones after it. Where attempts are spaced by T, the n-th after one starts at least n·T − τ
/// later; with T = (period + τ) / count that is one whole period for n = count. So `50/s` starts one every 20.4 ms. The tolerance
/// is for wake-ups that come late; turns unused for longer are lost.
public struct RateLimiter: Hashable, Sendable {
  private var limit: RateLimit?
  private var spacing = Duration.zero
  private var tolerance = Duration.zero
  /// When the next turn comes, since the steady time 0; finer than the clock's milliseconds, or 3000/s would become 1000/s.
  private var next: Duration?
  /// The latest attempt, limited or not.
  private var latest: SteadyTime?

  static let longestTolerance = Duration.milliseconds(20)

  /// - Parameters:
  ///   - limit: `nil`: every attempt has its turn at once.
  ///   - latestAttempt: what is known from before a restart. The next attempt comes a whole spacing after it, however many
  ///     there were before.
  public init(_ limit: RateLimit?, latestAttempt: SteadyTime? = nil) {
    latest = latestAttempt
    adopt(limit)
  }

  /// Takes over another limit; attempts that were made under the old one still count. A stretch of time that spans the change
  /// holds no more than the more generous of the two allows.
  public mutating func adopt(_ limit: RateLimit?) {
    guard limit != self.limit else { return }
    self.limit = limit
    guard let limit else {
      next = nil
      return
    }
    tolerance = min(Self.longestTolerance, limit.period / 50)
    // Rounded up by a billionth of a billionth of a second: never faster than asked for.
    spacing = (limit.period + tolerance) / max(limit.count, 1) + Duration(secondsComponent: 0, attosecondsComponent: 1)
    next = latest.map { Self.line($0) + spacing }
  }

  /// Takes a turn if there is one now.
  public mutating func admit(at now: SteadyTime) -> Bool {
    let time = Self.line(now)
    if let next, time < next { return false }
    latest = now
    if limit != nil { next = max(next ?? time, time - tolerance) + spacing }
    return true
  }

  /// When the next turn comes; `nil`: at once.
  public var nextAdmission: SteadyTime? {
    guard let next else { return nil }
    let (seconds, attoseconds) = next.components
    let perMillisecond: Int64 = 1_000_000_000_000_000
    return SteadyTime(milliseconds: seconds * 1000 + (attoseconds + perMillisecond - 1) / perMillisecond)
  }

  private static func line(_ time: SteadyTime) -> Duration { .milliseconds(time.milliseconds) }
}
