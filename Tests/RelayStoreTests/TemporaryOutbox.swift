import Foundation
import GreenAPI
import RelayCore
import RelayStore

/// A directory that is gone when the test ends.
func withTemporaryDirectory<T>(_ body: (String) async throws -> T) async throws -> T {
  let directory = FileManager.default.temporaryDirectory.appendingPathComponent("outbox-\(UUID().uuidString)").path
  defer { try? FileManager.default.removeItem(atPath: directory) }
  return try await body(directory)
}

/// An open outbox in a directory of its own. It doesn't wait for the disk: no test pulls the plug.
func withOutbox<T>(_ body: (SQLiteOutbox, _ directory: String) async throws -> T) async throws -> T {
  try await withTemporaryDirectory { directory in
    let outbox = try await SQLiteOutbox.open(.init(directory: directory, synchronous: .normal))
    do {
      let result = try await body(outbox, directory)
      await outbox.close()
      return result
    } catch {
      await outbox.close()
      throw error
    }
  }
}

func moment(_ milliseconds: Int64) -> Moment {
  Moment(steady: SteadyTime(milliseconds: milliseconds), unix: UnixTime(milliseconds: 1_700_000_000_000 + milliseconds))
}

func notification(
  _ idMessage: String, _ status: MessageStatus = .sent, of idInstance: IDInstance = 1_101_000_001,
  chatId: String = "70000000001@c.us"
) -> RelayCore.Notification {
  RelayCore.Notification(
    Announcement(
      idMessage: idMessage, status: status, timestamp: 1_700_000_000, chatId: chatId, sendByApi: true,
      typeMessage: "imageMessage"),
    of: idInstance, identity: AccountIdentity(wid: "79991234567@c.us", typeInstance: .whatsapp))
}

/// A notification and its lane at each destination. A lane is a chat here, so that any two notifications can share one.
func routed(
  _ notification: RelayCore.Notification, to routes: (DestinationID, Int64)...
) -> PollRecording.Routed {
  let chat = routes.first?.1
  precondition(routes.allSatisfy { $0.1 == chat }, "a notification has one chat")
  let notification = RelayCore.Notification(
    webhookID: notification.webhookID, idInstance: notification.idInstance, idMessage: notification.idMessage,
    status: notification.status, timestamp: notification.timestamp,
    chatId: chat.map { "\($0)@c.us" } ?? notification.chatId, typeMessage: notification.typeMessage,
    sendByApi: notification.sendByApi, body: notification.body)
  return PollRecording.Routed(
    notification: notification,
    routes: routes.map { PollRecording.Route(destination: $0.0, lane: Ordering.chat.lane(of: notification)) })
}

func poll(
  of idInstance: IDInstance = 1_101_000_001, _ notifications: [PollRecording.Routed], at now: Int64 = 0,
  progress: AccountProgress = .init(), tracked: [TrackedMessage] = [], forgotten: [String] = []
) -> PollRecording {
  PollRecording(
    idInstance: idInstance, progress: progress, tracked: tracked, forgotten: forgotten, notifications: notifications,
    recordedAt: moment(now))
}

func report(_ failure: AttemptFailure? = nil, status: Int? = 200, detail: String = "") -> AttemptReport {
  AttemptReport(
    startedAt: UnixTime(milliseconds: 1_700_000_000_123), duration: .microseconds(1500), httpStatus: status,
    failure: failure, detail: detail, excerpt: failure == nil ? [] : Array("oh no".utf8))
}

func settlement(
  _ delivery: Delivery, _ verdict: Settlement.Verdict, attempts: Int? = nil, report given: AttemptReport? = nil
) -> Settlement {
  let failed = report(.serverError, status: 503, detail: "HTTP 503")
  return Settlement(
    delivery: delivery.id, destination: delivery.destination, lane: delivery.lane, verdict: verdict,
    attempts: attempts ?? delivery.attempts + (verdict == .held ? 0 : 1),
    report: given ?? (verdict == .delivered ? report() : failed))
}

extension Outbox {
  func enter(_ names: String..., ordering: Ordering = .chat) async throws -> [String: StoredDestination] {
    try await enter(names.map { DestinationEntry(name: $0, ordering: ordering) }, at: moment(0))
  }

  func destination(_ name: String = "crm", ordering: Ordering = .chat) async throws -> DestinationID {
    guard let destination = try await enter(name, ordering: ordering)[name] else { throw Missing() }
    return destination.id
  }

  /// The ids of all that is due by a time.
  func dueIDs(at destination: DestinationID, by time: Int64 = .max) async throws -> [DeliveryID] {
    try await due(at: destination, by: SteadyTime(milliseconds: time), limit: .max, excluding: []).deliveries.map(\.id)
  }
}

struct Missing: Error {}

/// Runs `body` and gives the outbox's error, or `nil` when there was none.
func outboxError(_ body: () async throws -> Void) async throws -> OutboxError? {
  do {
    try await body()
    return nil
  } catch let error as OutboxError {
    return error
  }
}

/// SplitMix64 (https://prng.di.unimi.it/splitmix64.c): a failing run is a seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
