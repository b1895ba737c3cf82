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
  /// Messages of the latest answer that don't move; `nil` when there are none.
  public var stuck: StuckMessages?
  /// `nil` also while it waits for its first poll, see `StartQueue`.
  public var nextPoll: SteadyTime?
  /// Whether the poll is due and waits for others of the same host, see `PollGate`.
  public var isWaitingForOthers = false
  /// From the latest of the changes announced last to their recording; `nil` before any is.
  public var lag: Duration?
  /// Since the account is polled; a reload that changes the account goes on counting.
  public var counts = Counts()

  public struct Counts: Sendable, Hashable {
    /// Begun; those under way and those called off are in neither of the next two.
    public var polls = 0
    public var succeededPolls = 0
    public var failedPolls = 0
    /// How the records of successful polls fared.
    public var records = DiffCounts()
    /// Records passed over, by reason.
    public var faults: [RecordFault: Int] = [:]
    public var notifications = NotificationCounts()
    /// Failed polls, by reason: one of `PollFailure.reasons`.
    public var failures: [String: Int] = [:]
  }

  /// Whether the next poll should have ended by itself long before.
  func isStuck(at now: SteadyTime, longestPoll: Duration) -> Bool {
    // Those that it waits for are looked at themselves.
    guard let nextPoll, !isWaitingForOthers else { return false }
    return now - nextPoll >= longestPoll
  }

  public init(idInstance: IDInstance, health: AccountHealth) {
    self.idInstance = idInstance
    self.health = health
  }
}
