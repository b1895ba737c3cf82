import GreenAPI

/// How an account fares, as an operator sees it.
public enum AccountState: Hashable, Sendable {
  /// No poll has come to an end yet.
  case starting
  case healthy
  /// Something is wrong that may pass by itself; the relay goes on trying.
  case degraded(Trouble)
  /// Nothing changes until a person acts; the relay looks again now and then.
  case needsAttention(Trouble)

  /// What is wrong with an account, in words and as a label.
  public struct Trouble: Hashable, Sendable {
    /// A label for logs and metrics: one of ``PollFailure/reasons``, ``SettingsWarning/reasons`` or ``noUsableRecords``.
    public let reason: String
    /// What happened.
    public let description: String
    /// What to do; `nil` where waiting is enough.
    public let advice: String?

    /// Every record of an answer was passed over.
    public static let noUsableRecords = "noUsableRecords"

    public init(reason: String, description: String, advice: String?) {
      self.reason = reason
      self.description = description
      self.advice = advice
    }
  }

  /// A label for metrics, one of ``names``.
  public var name: String {
    switch self {
    case .starting: "starting"
    case .healthy: "healthy"
    case .degraded: "degraded"
    case .needsAttention: "needsAttention"
    }
  }

  public static let names = ["starting", "healthy", "degraded", "needsAttention"]

  public var trouble: Trouble? {
    switch self {
    case .starting, .healthy: nil
    case .degraded(let trouble), .needsAttention(let trouble): trouble
    }
  }
}

extension AccountState: CustomStringConvertible {
  /// One line for a log or a table, such as `needs attention: HTTP 401: … Put the instance's current …`.
  public var description: String {
    switch self {
    case .starting: "starting"
    case .healthy: "healthy"
    case .degraded(let trouble): "degraded: \(trouble.inFull)"
    case .needsAttention(let trouble): "needs attention: \(trouble.inFull)"
    }
  }
}

extension AccountState.Trouble {
  /// What happened and what to do, in one line.
  public var inFull: String { advice.map { "\(description). \($0)" } ?? description }

  init(_ failure: PollFailure) {
    self.init(reason: failure.reason, description: failure.description, advice: failure.advice)
  }

  init(_ warning: SettingsWarning) {
    self.init(reason: warning.reason, description: warning.description, advice: warning.advice)
  }

  /// For an answer whose records were all passed over.
  init(allPassedOver faults: [RecordFault: Int]) {
    let reasons = faults.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
      .map { "\($0.value) \($0.key.rawValue)" }.joined(separator: ", ")
    self.init(
      reason: Self.noUsableRecords, description: "no record of GREEN-API's answer can be used: \(reasons)",
      advice: "The method is a beta and may have changed: see whether a newer statusrelay knows it.")
  }
}
