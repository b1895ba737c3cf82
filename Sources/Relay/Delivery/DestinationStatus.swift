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
  public var failedAttempts = 0
  public var deadLetters = 0
  public var latestSuccess: Moment?
  public var latestFailure: LatestFailure?
  /// Of the latest attempts.
  public var lately = AttemptStatistics().summary(at: SteadyTime(milliseconds: 0))

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
