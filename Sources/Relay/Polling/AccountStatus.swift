import GreenAPI
import RelayCore

/// What there is to know of one account while it is polled.
public struct AccountStatus: Sendable, Hashable {
  public var idInstance: IDInstance
  public var health: AccountHealth
  public var identity: AccountIdentity?
  /// Records in the latest successful answer.
  public var latestRecords = 0
  /// Messages in the snapshot.
  public var trackedMessages = 0
  public var nextPoll: SteadyTime?
  /// From the latest of the changes announced last to their recording; `nil` before any is.
  public var lag: Duration?
  /// Since the relay started.
  public var counts = Counts()

  public struct Counts: Sendable, Hashable {
    public var polls = 0
    public var failedPolls = 0
    public var announced = 0
    public var regressions = 0
    public var suppressed = 0
    /// Records passed over, by reason.
    public var faults: [RecordFault: Int] = [:]
    /// Failed polls, by reason: one of `PollFailure.reasons`.
    public var failures: [String: Int] = [:]
  }

  public init(idInstance: IDInstance, health: AccountHealth) {
    self.idInstance = idInstance
    self.health = health
  }
}
