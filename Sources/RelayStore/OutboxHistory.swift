import GreenAPI
import RelayCore

/// The reading half of the outbox: what an operator looks at. It can be opened while a relay runs on the same directory.
public protocol OutboxHistory: Sendable {
  /// Newest first, or oldest first with ``HistoryFilter/after``. A filter's destinations, states and settling are those of any
  /// one of the event's deliveries.
  func events(_ filter: HistoryFilter) async throws(OutboxError) -> [EventRow]
  /// Newest first, or oldest first with ``HistoryFilter/after``; with ``HistoryFilter/states`` also the dead letters.
  func deliveries(_ filter: HistoryFilter) async throws(OutboxError) -> [DeliveryRow]
  /// How many ``events(_:)`` there are on all pages: `limit` and `before` don't count, `after` does.
  func countEvents(_ filter: HistoryFilter) async throws(OutboxError) -> Int
  /// How many ``deliveries(_:)`` there are on all pages: `limit` and `before` don't count, `after` does.
  func countDeliveries(_ filter: HistoryFilter) async throws(OutboxError) -> Int
  /// Oldest first.
  func attempts(of delivery: DeliveryID) async throws(OutboxError) -> [AttemptRow]
  func accountSummaries() async throws(OutboxError) -> [AccountSummary]
  /// Takes time with how many deliveries wait.
  /// - Parameter excluded: names of destinations that nothing is to be said of.
  func destinationSummaries(excluding excluded: Set<String>) async throws(OutboxError) -> [DestinationSummary]
}

extension OutboxHistory {
  public func destinationSummaries() async throws(OutboxError) -> [DestinationSummary] {
    try await destinationSummaries(excluding: [])
  }
}

public enum DeliveryState: String, Sendable, Hashable, CaseIterable {
  /// Not yet attempted, or waiting behind an earlier one of its lane.
  case waiting
  /// Attempted, and to be attempted again.
  case retrying
  case delivered
  case deadLetter
}

/// A recorded notification, as `events` lists it.
public struct EventRow: Sendable, Hashable {
  public var id: Int64
  public var recordedAt: UnixTime
  public var notification: Notification

  public init(id: Int64, recordedAt: UnixTime, notification: Notification) {
    self.id = id
    self.recordedAt = recordedAt
    self.notification = notification
  }
}

/// A delivery, as `deliveries` and `dead-letters` list it.
public struct DeliveryRow: Sendable, Hashable {
  public var id: DeliveryID
  public var destination: String
  public var state: DeliveryState
  public var attempts: Int
  public var recordedAt: UnixTime
  /// When it is due, on the steady line; `nil` when settled or waiting behind another of its lane.
  public var dueAt: SteadyTime?
  public var settledAt: UnixTime?
  public var deadLetterReason: DeadLetterReason?
  public var lastHTTPStatus: Int?
  public var lastFailure: AttemptFailure?
  public var lastDetail: String
  public var idInstance: IDInstance
  public var idMessage: String
  public var status: MessageStatus
  public var webhookID: String

  public init(
    id: DeliveryID, destination: String, state: DeliveryState, attempts: Int, recordedAt: UnixTime, dueAt: SteadyTime?,
    settledAt: UnixTime?, deadLetterReason: DeadLetterReason?, lastHTTPStatus: Int?, lastFailure: AttemptFailure?,
    lastDetail: String, idInstance: IDInstance, idMessage: String, status: MessageStatus, webhookID: String
  ) {
    self.id = id
    self.destination = destination
    self.state = state
    self.attempts = attempts
    self.recordedAt = recordedAt
    self.dueAt = dueAt
    self.settledAt = settledAt
    self.deadLetterReason = deadLetterReason
    self.lastHTTPStatus = lastHTTPStatus
    self.lastFailure = lastFailure
    self.lastDetail = lastDetail
    self.idInstance = idInstance
    self.idMessage = idMessage
    self.status = status
    self.webhookID = webhookID
  }
}

/// One attempt of a delivery. A delivery's failed attempts are kept one by one, its successful one too.
public struct AttemptRow: Sendable, Hashable {
  /// From 1.
  public var number: Int
  public var report: AttemptReport

  public init(number: Int, report: AttemptReport) {
    self.number = number
    self.report = report
  }
}

public struct AccountSummary: Sendable, Hashable {
  public var idInstance: IDInstance
  public var identity: AccountIdentity?
  public var progress: AccountProgress
  public var trackedMessages: Int
  /// Recorded in all, those pruned since included.
  public var events: Int

  public init(
    idInstance: IDInstance, identity: AccountIdentity?, progress: AccountProgress, trackedMessages: Int, events: Int
  ) {
    self.idInstance = idInstance
    self.identity = identity
    self.progress = progress
    self.trackedMessages = trackedMessages
    self.events = events
  }
}

public struct DestinationSummary: Sendable, Hashable {
  public var id: DestinationID
  public var name: String
  public var pause: DestinationPause?
  /// Unsettled deliveries.
  public var waiting: Int
  /// When the oldest unsettled one was recorded.
  public var oldestWaiting: UnixTime?
  /// Delivered in all, those pruned since included.
  public var delivered: Int
  /// Those there are now.
  public var deadLetters: Int

  public init(
    id: DestinationID, name: String, pause: DestinationPause?, waiting: Int, oldestWaiting: UnixTime?, delivered: Int,
    deadLetters: Int
  ) {
    self.id = id
    self.name = name
    self.pause = pause
    self.waiting = waiting
    self.oldestWaiting = oldestWaiting
    self.delivered = delivered
    self.deadLetters = deadLetters
  }
}
