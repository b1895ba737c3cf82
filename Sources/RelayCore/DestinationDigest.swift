/// What the log tells of one destination: failures one by one as far as ``LineBudget`` goes, and once a minute what was done.
///
/// The history has every attempt; the log is for whoever reads along, and a line for each delivery costs more than the delivery.
public struct DestinationDigest: Sendable {
  /// What a line of its own is about. A closed set, so that what is counted is bounded.
  public enum Kind: Hashable, Sendable {
    case attempt(AttemptFailure)
    case deadLetter(DeadLetterReason)
    /// What is due could not be read.
    case reading
  }

  /// What one period came to.
  public struct Summary: Hashable, Sendable {
    public var delivered: Int
    /// Failed attempts, by reason.
    public var failures: [AttemptFailure: Int]
    public var deadLetters: Int
    /// Lines that were counted instead of written.
    public var unwritten: [Kind: Int]
  }

  /// How long a period is. It begins with the first thing that is noted.
  public static let period = Duration.seconds(60)

  private var delivered = 0
  private var failures: [AttemptFailure: Int] = [:]
  private var deadLetters = 0
  private var budget = LineBudget<Kind>()
  /// Whether anything was noted in this period.
  public private(set) var isEmpty = true

  public init() {}

  /// Notes what became of a delivery.
  /// - Returns: whether it is worth a line of its own above `debug`.
  public mutating func note(_ settlement: Settlement) -> Bool {
    isEmpty = false
    let failure = settlement.report?.failure
    if let failure { failures[failure, default: 0] += 1 }
    switch settlement.verdict {
    case .delivered:
      delivered += 1
      return false
    case .deadLetter(let reason):
      deadLetters += 1
      return budget.admit(.deadLetter(reason))
    case .retry, .held:
      return budget.admit(.attempt(failure ?? .other))
    }
  }

  /// Notes that what is due could not be read.
  /// - Returns: whether it is worth a line of its own.
  public mutating func noteFailedReading() -> Bool {
    isEmpty = false
    return budget.admit(.reading)
  }

  /// Ends the period, and begins a new one.
  /// - Returns: what it came to; `nil` when nothing was noted.
  public mutating func endPeriod() -> Summary? {
    guard !isEmpty else { return nil }
    let summary = Summary(
      delivered: delivered, failures: failures, deadLetters: deadLetters, unwritten: budget.endPeriod())
    delivered = 0
    failures.removeAll(keepingCapacity: true)
    deadLetters = 0
    isEmpty = true
    return summary
  }
}
