import GreenAPI
import RelayCore

/// The durable store of snapshot, notifications and deliveries. Every write is on disk when the call returns.
///
/// The protocol asks for little, so that another database can stand behind it: each method is one transaction, none holds a
/// cursor, and an account's rows are touched only by whoever polls that account.
public protocol Outbox: OutboxHistory {
  /// What is remembered of an account; empty for one never seen.
  func account(_ idInstance: IDInstance) async throws(OutboxError) -> StoredAccount

  func remember(_ identity: AccountIdentity, of idInstance: IDInstance) async throws(OutboxError)

  /// Records all that a poll changed, or nothing. A notification whose (idInstance, idMessage, status) is in the history
  /// already is not recorded again.
  /// - Returns: the new deliveries that are first in their lane, in the order recorded; the others follow from ``settle(_:at:)``.
  func record(_ poll: PollRecording) async throws(OutboxError) -> [Delivery]

  /// The outbox's numbers and states of these destinations, by name; unknown names are entered.
  func destinations(named names: [String]) async throws(OutboxError) -> [String: StoredDestination]

  func setPause(_ pause: DestinationPause?, of destination: DestinationID) async throws(OutboxError)

  /// Unsettled deliveries of a destination that are first in their lane and due by `time`, the earliest due first.
  /// - Parameter excluding: deliveries the caller holds already.
  func due(
    at destination: DestinationID, by time: SteadyTime, limit: Int, excluding: Set<DeliveryID>
  ) async throws(OutboxError) -> DuePage

  /// Records what became of these deliveries, all in one transaction.
  /// - Returns: the deliveries that thereby became first in their lane, due at once.
  func settle(_ settlements: [Settlement], at now: Moment) async throws(OutboxError) -> [Delivery]

  /// Makes dead letters due again, with a fresh schedule, in their place in the lane's order.
  /// - Returns: the ids that were dead letters and are now waiting.
  func retry(_ selection: DeadLetterSelection, at now: Moment) async throws(OutboxError) -> [DeliveryID]

  /// Deletes settled history beyond the limits, a bounded piece at a time; never an unsettled delivery, never a dead letter
  /// younger than `maximumAge`.
  /// - Returns: how many notifications went; call again while it is not zero.
  func prune(olderThan limit: UnixTime, keepingAtMost count: Int) async throws(OutboxError) -> Int

  /// The latest steady time any transaction was recorded at; `nil` in a new outbox.
  func latestSteadyTime() async throws(OutboxError) -> SteadyTime?

  /// Writes out what is buffered and lets go of the files.
  func close() async
}

public struct StoredAccount: Sendable, Hashable {
  public var identity: AccountIdentity?
  public var progress: AccountProgress
  public var messages: [TrackedMessage]

  public init(identity: AccountIdentity? = nil, progress: AccountProgress = .init(), messages: [TrackedMessage] = []) {
    self.identity = identity
    self.progress = progress
    self.messages = messages
  }
}

public struct StoredDestination: Sendable, Hashable {
  public var id: DestinationID
  public var name: String
  public var pause: DestinationPause?

  public init(id: DestinationID, name: String, pause: DestinationPause?) {
    self.id = id
    self.name = name
    self.pause = pause
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
  /// All of them, or all of one destination.
  case all(destination: DestinationID?)
}
