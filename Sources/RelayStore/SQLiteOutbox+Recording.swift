import GRDB
import RelayCore

extension SQLiteOutbox {
  public func record(_ poll: PollRecording) async throws(OutboxError) -> [Delivery] {
    try await connection.write("recording a poll of account \(poll.idInstance)") { db in
      // Notifications refer to their account.
      try db.cachedStatement(sql: "INSERT INTO accounts (id_instance) VALUES (?) ON CONFLICT DO NOTHING")
        .execute(arguments: [poll.idInstance.rawValue])
      var recorder = try NotificationRecorder(db, recordedAt: poll.recordedAt)
      for routed in poll.notifications { try recorder.record(routed) }
      try Self.writeSnapshot(of: poll, newEvents: recorder.recorded, in: db)
      try Self.touch(poll.recordedAt, in: db)
      return recorder.heads
    }
  }
}

/// Writes notifications and their deliveries, within one transaction.
private struct NotificationRecorder {
  /// Notifications that were not in the history already.
  private(set) var recorded = 0
  /// New deliveries that are first in their lane.
  private(set) var heads: [Delivery] = []

  private let db: Database
  private let recordedAt: Moment
  private let insertNotification: BoundStatement
  private let insertDelivery: BoundStatement
  private let lanes: LaneQueries
  private var orderings: StoredOrderings

  init(_ db: Database, recordedAt: Moment) throws {
    self.db = db
    self.recordedAt = recordedAt
    insertNotification = try BoundStatement(
      db,
      sql: """
        INSERT INTO notifications
          (account, id_message, status, webhook_id, timestamp, chat_id, type_message, send_by_api, recorded_at, body)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id_message, account, status) DO NOTHING
        """)
    // The same destination twice for one notification is one delivery.
    insertDelivery = try BoundStatement(
      db,
      sql: """
        INSERT INTO deliveries (notification, destination, lane, state, recorded_steady, due_at)
        VALUES (?, ?, ?, 'waiting', ?, ?)
        ON CONFLICT (notification, destination) DO NOTHING
        """)
    lanes = try LaneQueries(db)
    orderings = try StoredOrderings(db)
  }

  mutating func record(_ routed: PollRecording.Routed) throws {
    let notification = routed.notification
    try insertNotification.run(
      .integer(notification.idInstance.rawValue), .text(notification.idMessage), .text(notification.status.rawValue),
      .text(notification.webhookID), .integer(notification.timestamp), .text(notification.chatId),
      .text(notification.typeMessage), .integer(notification.sendByApi ? 1 : 0),
      .integer(recordedAt.unix.milliseconds), .bytes(notification.body))
    guard db.changesCount > 0 else { return }
    recorded += 1
    let id = db.lastInsertedRowID
    for route in routed.routes {
      let lane = try orderings.lane(of: notification, at: route.destination) ?? route.lane
      let isHead = try !lanes.hasHead(route.destination, lane)
      try insertDelivery.run(
        .integer(id), .integer(route.destination.rawValue), .integer(lane.rawValue),
        .integer(recordedAt.steady.milliseconds), .init(isHead ? recordedAt.steady.milliseconds : nil))
      guard db.changesCount > 0, isHead else { continue }
      heads.append(
        Delivery(
          id: DeliveryID(rawValue: db.lastInsertedRowID), destination: route.destination, lane: lane,
          attempts: 0, recordedAt: recordedAt.steady, notification: notification))
    }
  }
}
