import GreenAPI

/// How one destination is delivered to: the parts of `destinations[]` that decide when and in which order.
public struct DeliveryPolicy: Hashable, Sendable {
  /// Attempts at once.
  public var maxConcurrency: Int
  /// `nil`: no limit.
  public var rateLimit: RateLimit?
  public var ordering: Ordering
  public var retry: RetryPolicy

  public init(
    maxConcurrency: Int = 32, rateLimit: RateLimit? = nil, ordering: Ordering = .message, retry: RetryPolicy = .init()
  ) {
    self.maxConcurrency = maxConcurrency
    self.rateLimit = rateLimit
    self.ordering = ordering
    self.retry = retry
  }
}

/// At most `count` attempts in any stretch of time of length `period`.
public struct RateLimit: Hashable, Sendable {
  public var count: Int
  public var period: Duration

  public init(count: Int, period: Duration) {
    self.count = count
    self.period = period
  }
}

/// What is kept in order at a destination; all that shares a lane arrives in the order recorded.
public enum Ordering: String, Hashable, Sendable, CaseIterable {
  case message
  case chat
  case account
  case none
}

/// When a failed delivery is attempted again, and when it is given up: `destinations[].retry`.
public struct RetryPolicy: Hashable, Sendable {
  /// The wait after the first failed attempt, after the second, and so on. One failure more and it is a dead letter.
  public var schedule: [Duration]
  /// Each wait is stretched or shrunk by up to this share of it, at random; 0...1.
  public var jitter: Double
  /// A delivery older than this is not attempted again.
  public var giveUpAfter: Duration

  public static let defaultSchedule: [Duration] =
    [5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600].map { .seconds($0) }

  public init(
    schedule: [Duration] = RetryPolicy.defaultSchedule, jitter: Double = 0.2,
    giveUpAfter: Duration = .seconds(7 * 24 * 3600)
  ) {
    self.schedule = schedule
    self.jitter = jitter
    self.giveUpAfter = giveUpAfter
  }
}
