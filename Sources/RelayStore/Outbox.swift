import GreenAPI
import RelayCore

/// The durable store of snapshot, notifications and deliveries. Every write is on disk when the call returns.
///
/// The protocol asks for little, so that another database can stand behind it: each method writes in one transaction (but for
/// ``retry(_:at:)``), none holds a cursor, and an account's rows are touched only by whoever polls that account.
public protocol Outbox: OutboxHistory {
  /// What is remembered of an account; empty for one never seen.
  func account(_ idInstance: IDInstance) async throws(OutboxError) -> StoredAccount

  func remember(_ identity: AccountIdentity, of idInstance: IDInstance) async throws(OutboxError)

  /// Records all that a poll changed, or nothing. A notification whose (idInstance, idMessage, status) is in the history
  /// already is not recorded again.
  /// - Returns: the new deliveries that are first in their lane, in the order recorded; the others follow from ``settle(_:at:)``.
  func record(_ poll: PollRecording) async throws(OutboxError) -> [Delivery]

  /// Enters the configuration's destinations, and gives what is remembered of them, by name.
  ///
  /// Where a destination's ordering has changed, all its unsettled deliveries move to the lanes of the new one. Where its address
  /// has, the pause of one that was gone ends, and so does what its circuit had learned. Nothing is written when nothing changed.
  func enter(
    _ destinations: [DestinationEntry], at now: Moment
  ) async throws(OutboxError) -> [String: StoredDestination]

  func setPause(_ pause: DestinationPause?, of destination: DestinationID) async throws(OutboxError)

  /// Remembers that a destination's circuit is open, or with `nil` that it is closed.
  func setCircuit(_ trip: CircuitBreaker.Trip?, of destination: DestinationID) async throws(OutboxError)

  /// Unsettled deliveries of a destination that are first in their lane and due by `time`, the earliest due first.
  /// - Parameter excluding: deliveries the caller holds already.
  func due(
    at destination: DestinationID, by time: SteadyTime, limit: Int, excluding: Set<DeliveryID>
  ) async throws(OutboxError) -> DuePage

  /// Records what became of these deliveries, all in one transaction.
  /// - Returns: the deliveries that thereby became first in their lane, due at once.
  func settle(_ settlements: [Settlement], at now: Moment) async throws(OutboxError) -> [Delivery]

  /// Makes dead letters due again, with a fresh schedule, in their place in the lane's order.
  ///
  /// One transaction holds a bounded number; when a later one fails, what the earlier ones did stands, and a repeated call does
  /// the rest.
  /// - Returns: the ids that were dead letters and are now waiting.
  func retry(_ selection: DeadLetterSelection, at now: Moment) async throws(OutboxError) -> [DeliveryID]

  /// Sends notifications to a destination again, or for the first time: the oldest ``HistoryFilter/limit`` that match, at most
  /// 5,000. A settled delivery waits again with a fresh schedule, in its place in the lane's order; one that is unsettled is left
  /// alone; where there is none it is made.
  ///
  /// Call again with ``HistoryFilter/after`` at the page's `last` until that is `nil`.
  /// - Parameters:
  ///   - filter: which notifications; `states` and `settledSince` speak of their delivery at this destination, `destinations` of none.
  ///   - lane: the lane of a notification at this destination; `nil`: it doesn't take this one.
  func replay(
    _ filter: HistoryFilter, at destination: DestinationID,
    lane: @escaping @Sendable (RelayCore.Notification) -> Lane?, now: Moment
  ) async throws(OutboxError) -> ReplayPage

  /// Deletes settled history beyond the limits, a bounded piece at a time; never an unsettled delivery, never a dead letter
  /// younger than `maximumAge`.
  /// - Returns: how many notifications went; call again while it is not zero.
  func prune(olderThan limit: UnixTime, keepingAtMost count: Int) async throws(OutboxError) -> Int

  /// The latest steady time any transaction was recorded at; `nil` in a new outbox.
  func latestSteadyTime() async throws(OutboxError) -> SteadyTime?

  /// What writing has taken so far.
  var commits: CommitStatistics { get }

  /// For how long the disk has not answered the call that is under way; `nil` while none is.
  var unansweredTime: Duration? { get }

  /// Ends every call under way, and each that is made later, with ``OutboxError/Kind/closed``, whatever becomes of it on disk. For a
  /// process that is to end though the disk does not answer.
  func abandon()

  /// Writes out what is buffered and lets go of the files; after ``abandon()`` it only returns.
  func close() async
}

/// What is remembered of an account: who it is, and its snapshot.
public struct StoredAccount: Sendable, Equatable {
  public var identity: AccountIdentity?
  public var snapshot: Snapshot

  public init(identity: AccountIdentity? = nil, snapshot: Snapshot = Snapshot()) {
    self.identity = identity
    self.snapshot = snapshot
  }

  public var progress: AccountProgress { snapshot.progress }
  public var messages: [TrackedMessage] { snapshot.trackedMessages }
}

/// A destination as the configuration has it.
public struct DestinationEntry: Sendable, Hashable {
  public var name: String
  public var ordering: Ordering
  /// Tells one address from another; `nil`: not known yet, so what is stored stays.
  public var addressDigest: String?

  public init(name: String, ordering: Ordering, addressDigest: String? = nil) {
    self.name = name
    self.ordering = ordering
    self.addressDigest = addressDigest
  }
}

/// What the outbox remembers of a destination.
public struct StoredDestination: Sendable, Hashable {
  public var id: DestinationID
  public var name: String
  public var pause: DestinationPause?
  /// `nil`: closed.
  public var circuit: CircuitBreaker.Trip?
  /// When the latest attempt was recorded.
  public var latestAttempt: SteadyTime?
  /// It was gone until this call, which gave it a new address.
  public var resumedByNewAddress: Bool

  public init(
    id: DestinationID, name: String, pause: DestinationPause?, circuit: CircuitBreaker.Trip? = nil,
    latestAttempt: SteadyTime? = nil, resumedByNewAddress: Bool = false
  ) {
    self.id = id
    self.name = name
    self.pause = pause
    self.circuit = circuit
    self.latestAttempt = latestAttempt
    self.resumedByNewAddress = resumedByNewAddress
  }
}

/// Why a destination gets nothing for now, though its deliveries are kept.
public enum DestinationPause: String, Sendable, Hashable, CaseIterable {
  /// It answered 410.
  case gone
  /// An operator paused it.
  case byOperator
}

public struct DuePage: Sendable, Hashable {
  public var deliveries: [Delivery]
  /// When the next delivery beyond these falls due (in the past when `limit` cut the page short); `nil` when none waits.
  public var nextDue: SteadyTime?

  public init(deliveries: [Delivery], nextDue: SteadyTime?) {
    self.deliveries = deliveries
    self.nextDue = nextDue
  }
}

/// Which dead letters to retry.
public enum DeadLetterSelection: Sendable, Hashable {
  case ids([DeliveryID])
  /// The oldest ``HistoryFilter/limit`` that match. ``HistoryFilter/states`` says nothing here.
  case matching(HistoryFilter)
}

/// What one call of a replay did.
public struct ReplayPage: Sendable, Hashable {
  /// Deliveries that now wait.
  public var replayed: Int
  /// Notifications that matched, but the destination doesn't take them, or their delivery is unsettled anyway.
  public var passedOver: Int
  /// The id of the latest notification looked at; `nil` when none matched any more.
  public var last: Int64?

  public init(replayed: Int, passedOver: Int, last: Int64?) {
    self.replayed = replayed
    self.passedOver = passedOver
    self.last = last
  }
}
