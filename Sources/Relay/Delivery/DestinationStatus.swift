import RelayCore
import RelayStore

/// What there is to know of one destination while it is delivered to. Counts begin when the relay starts.
public struct DestinationStatus: Sendable, Hashable {
  public var name: String
  public var id: DestinationID
  public var pause: DestinationPause?
  public var circuit: CircuitBreaker.State = .closed
  /// `nil` while the circuit is closed.
  public var trip: CircuitBreaker.Trip?
  public var address: Result<WebhookAddress, MissingAddress> = .failure(.notKnown)
  public var inFlight = 0
  public var delivered = 0
  /// Deliveries given up.
  public var deadLetters = 0
  public var succeededAttempts = 0
  public var failedAttempts: [AttemptFailure: Int] = [:]
  /// Of all attempts, failed ones too; in seconds.
  public var attemptDuration = Histogram(bounds: durationBounds)
  public var latestSuccess: Moment?
  public var latestFailure: LatestFailure?
  /// Of the latest attempts.
  public var lately = AttemptStatistics().summary(at: SteadyTime(milliseconds: 0))

  /// Around the default timeout of 30 s, and down to consumers on the same machine.
  static let durationBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

  public struct LatestFailure: Sendable, Hashable {
    public var at: Moment
    public var failure: AttemptFailure
    public var detail: String
  }

  public init(name: String, id: DestinationID, pause: DestinationPause? = nil) {
    self.name = name
    self.id = id
    self.pause = pause
  }
}

extension DestinationStatus {
  /// The gravest of what keeps it from delivering, one of ``stateNames``.
  public var stateName: String {
    if let pause { return pause.stateName }
    if case .failure = address { return "noAddress" }
    return trip == nil ? "delivering" : "circuitOpen"
  }

  public static let stateNames = ["delivering", "circuitOpen", "noAddress", "gone", "paused"]
}

extension DestinationPause {
  /// A label for metrics and the status.
  public var stateName: String {
    switch self {
    case .gone: "gone"
    case .byOperator: "paused"
    }
  }
}
