import RelayCore
import RelayStore

/// What there is to know of one destination while it is delivered to. Counts begin when the relay starts.
public struct DestinationStatus: Sendable, Hashable {
  public var name: String
  public var id: DestinationID
  public var pause: DestinationPause?
  public var circuit: CircuitBreaker.State = .closed
  public var inFlight = 0
  public var delivered = 0
  public var failedAttempts = 0
  public var deadLetters = 0
  public var latestSuccess: Moment?
  public var latestFailure: LatestFailure?

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
