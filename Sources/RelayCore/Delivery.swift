import GreenAPI

/// The outbox's number for a destination. Its name in the configuration is what lasts; this is what rows refer to.
public struct DestinationID: RowNumber, Comparable, Sendable {
  public let rawValue: Int64
  public init(rawValue: Int64) { self.rawValue = rawValue }
  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// The outbox's number for a delivery; a later recorded one has a larger one.
public struct DeliveryID: RowNumber, Comparable, Sendable {
  public let rawValue: Int64
  public init(rawValue: Int64) { self.rawValue = rawValue }
  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Deliveries that must reach one destination in the order recorded share a lane; only the first unsettled one of a lane may
/// be attempted.
public struct Lane: RawRepresentable, Hashable, Sendable {
  /// A stable hash of what is kept in order. Two lanes with one hash are one lane: slower, never wrong.
  public let rawValue: Int64
  public init(rawValue: Int64) { self.rawValue = rawValue }
}

/// One notification on its way to one destination, as the dispatcher holds it while it is due.
public struct Delivery: Sendable, Hashable {
  public var id: DeliveryID
  public var destination: DestinationID
  public var lane: Lane
  /// Attempts made so far that count towards the retry schedule.
  public var attempts: Int
  /// When it was recorded; `giveUpAfter` counts from here.
  public var recordedAt: SteadyTime
  public var notification: Notification

  public init(
    id: DeliveryID, destination: DestinationID, lane: Lane, attempts: Int, recordedAt: SteadyTime,
    notification: Notification
  ) {
    self.id = id
    self.destination = destination
    self.lane = lane
    self.attempts = attempts
    self.recordedAt = recordedAt
    self.notification = notification
  }
}

/// What one attempt came to, as it is written into the history.
public struct AttemptReport: Sendable, Hashable {
  public var startedAt: UnixTime
  public var duration: Duration
  /// `nil` when no answer came.
  public var httpStatus: Int?
  /// `nil` when it was delivered.
  public var failure: AttemptFailure?
  /// What happened, in words, fit to be shown; empty when it was delivered.
  public var detail: String
  /// The beginning of a failing answer's body, at most ``maximumExcerpt`` bytes.
  public var excerpt: [UInt8]

  public static let maximumExcerpt = 1024

  public init(
    startedAt: UnixTime, duration: Duration, httpStatus: Int?, failure: AttemptFailure?, detail: String = "",
    excerpt: [UInt8] = []
  ) {
    self.startedAt = startedAt
    self.duration = duration
    self.httpStatus = httpStatus
    self.failure = failure
    self.detail = detail
    self.excerpt = excerpt
  }
}

/// Why an attempt failed. A closed set, shared by history, logs and metrics.
public enum AttemptFailure: String, Sendable, Hashable, CaseIterable {
  /// 408, 425, 429.
  case throttled
  /// 5xx.
  case serverError
  /// Other 3xx and 4xx: the consumer does not want it as it is.
  case rejected
  /// 410.
  case gone
  case timeout
  case resolve
  case connect
  case tls
  /// Connection closed or reset before an answer.
  case reset
  /// What came back is no HTTP.
  case malformedAnswer
  /// The request itself could not be made, such as an unreadable certificate file.
  case unusable
  case other
}

/// Why a delivery was given up.
public enum DeadLetterReason: String, Sendable, Hashable, CaseIterable {
  case scheduleUsedUp
  case tooOld
}

/// What becomes of a delivery after an attempt; the outbox records it together with the attempt.
public struct Settlement: Sendable, Hashable {
  public enum Verdict: Sendable, Hashable {
    case delivered
    /// Not before then.
    case retry(at: SteadyTime)
    case deadLetter(DeadLetterReason)
    /// It waits as if it had not been attempted, for as long as its destination is paused.
    case held
  }

  public var delivery: DeliveryID
  public var destination: DestinationID
  public var lane: Lane
  public var verdict: Verdict
  /// Attempts that count towards the schedule, this one included unless ``Verdict/held``.
  public var attempts: Int
  /// `nil` when it was given up without another attempt.
  public var report: AttemptReport?

  public init(
    delivery: DeliveryID, destination: DestinationID, lane: Lane, verdict: Verdict, attempts: Int,
    report: AttemptReport?
  ) {
    self.delivery = delivery
    self.destination = destination
    self.lane = lane
    self.verdict = verdict
    self.attempts = attempts
    self.report = report
  }
}
