import GRDB
import RelayCore

extension SQLiteOutbox {
  /// Notifications that one call looks at at most, so that recording and settling never wait long behind it.
  static let replayLimit = 5000

  public func replay(
    _ filter: HistoryFilter, at destination: DestinationID,
    lane: @escaping @Sendable (RelayCore.Notification) -> Lane?, now: Moment
  ) async throws(OutboxError) -> ReplayPage {
    var filter = filter
    filter.limit = min(filter.limit, Self.replayLimit)
    let query = HistoryQuery.replayable(filter, at: destination)
    // Looked for by the reading connection: the search may be long.
    let candidates = try await reader.connection.read("looking for notifications to send again") { db in
      try Int64.fetchAll(db, sql: query.sql, arguments: query.arguments)
    }
    guard let last = candidates.last else { return ReplayPage(replayed: 0, passedOver: 0, last: nil) }
    return try await connection.write("sending \(candidates.count) notifications again") { db in
      var replay = try Replay(db, destination: destination, lane: lane, now: now)
      for id in candidates { try replay.look(at: id) }
      try replay.finish()
      return ReplayPage(replayed: replay.replayed, passedOver: replay.passedOver, last: last)
    }
  }
}

/// Sends notifications to one destination again, within one transaction.
private struct Replay {
  private(set) var replayed = 0
  private(set) var passedOver = 0

  private let destination: DestinationID
  private let lane: @Sendable (RelayCore.Notification) -> Lane?
  private let now: Moment
  private let notification: Statement
  private let delivery: Statement
  private let insert: Statement
  private var orderings: StoredOrderings
  private var revival: Revival

  init(
    _ db: Database, destination: DestinationID, lane: @escaping @Sendable (RelayCore.Notification) -> Lane?, now: Moment
  ) throws {
    self.destination = destination
    self.lane = lane
    self.now = now
    notification = try db.cachedStatement(sql: "SELECT * FROM notifications WHERE id = ?")
    delivery = try db.cachedStatement(
      sql: "SELECT id, settled_at FROM deliveries WHERE notification = ? AND destination = ?")
    insert = try db.cachedStatement(
      sql: """
        INSERT INTO deliveries (notification, destination, lane, state, recorded_steady) VALUES (?, ?, ?, 'waiting', ?)
        """)
    orderings = try StoredOrderings(db)
    revival = try Revival(db, now: now)
  }

  mutating func look(at id: Int64) throws {
    // It may have been pruned a moment ago.
    guard let notification = try Row.fetchOne(notification, arguments: [id])?.notification() else { return }
    guard let given = lane(notification) else {
      passedOver += 1
      return
    }
    let place = OrderedLanes.Place(
      destination: destination, lane: try orderings.lane(of: notification, at: destination) ?? given)
    if let row = try Row.fetchOne(delivery, arguments: [id, destination.rawValue]) {
      guard try row.optional("settled_at", as: Int64.self) != nil else {
        passedOver += 1
        return
      }
      try revival.revive(try row.value("id"), at: place)
    } else {
      try insert.execute(arguments: [id, destination.rawValue, place.lane.rawValue, now.steady.milliseconds])
      revival.noteNew(at: place)
    }
    replayed += 1
  }

  func finish() throws { try revival.finish() }
}
