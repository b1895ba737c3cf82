import GRDB
import RelayCore

/// Moves all unsettled deliveries of a destination to the lanes of another ordering, within one transaction.
///
/// All of them in one, however many they are: between two transactions a lane would have two heads, or a notification would wait in
/// one lane and the next of its message in another, and either breaks their order. A million take some tens of seconds, once for each
/// change of `ordering`; memory holds a thousand at a time.
///
/// Of each new lane the head is the first one that was a head before, with its due time, as that one may be in the air now; in a
/// lane without such it is the first, due at once.
struct Relaning {
  private let db: Database
  private let lanes: LaneQueries

  private static let pieceSize = 1000

  init(_ db: Database) throws {
    self.db = db
    lanes = try LaneQueries(db)
  }

  /// - Returns: whether anything waits there.
  func run(destination: DestinationID, ordering: Ordering, at now: SteadyTime) throws -> Bool {
    try putHeadsAside(destination)
    let isAny = try move(destination, ordering)
    try putHeadsBack(destination)
    try promote(destination, at: now)
    return isAny
  }

  /// While they change lanes one by one, two heads would meet in a lane, which the table doesn't allow.
  private func putHeadsAside(_ destination: DestinationID) throws {
    try db.execute(
      sql: """
        INSERT INTO relaned_heads (notification, delivery, due_at)
        SELECT notification, id, due_at FROM deliveries WHERE destination = ? AND due_at IS NOT NULL
        """, arguments: [destination.rawValue])
    let piece = try db.cachedStatement(
      sql: """
        UPDATE deliveries SET due_at = NULL WHERE id IN (
          SELECT id FROM deliveries WHERE destination = ? AND due_at IS NOT NULL LIMIT ?)
        """)
    repeat { try piece.execute(arguments: [destination.rawValue, Self.pieceSize]) } while db.changesCount > 0
  }

  static let unsettledSQL = """
    SELECT d.id AS delivery, d.lane, d.notification, n.account, n.id_message, n.status, n.webhook_id, n.timestamp, n.chat_id,
      n.type_message, n.send_by_api, x'' AS body
    FROM deliveries d JOIN notifications n ON n.id = d.notification
    WHERE d.destination = ? AND d.due_at IS NULL AND d.settled_at IS NULL AND (d.lane, d.notification) > (?, ?)
    ORDER BY d.lane, d.notification LIMIT ?
    """

  /// In the order of the lanes they are in. One that moves ahead is met again, in its new lane, and stays there.
  private func move(_ destination: DestinationID, _ ordering: Ordering) throws -> Bool {
    let unsettled = try db.cachedStatement(sql: Self.unsettledSQL)
    let setLane = try db.cachedStatement(sql: "UPDATE deliveries SET lane = ? WHERE id = ?")
    var last: (lane: Int64, notification: Int64) = (.min, .min)
    var isAny = false
    while true {
      let piece = try Row.fetchAll(
        unsettled, arguments: [destination.rawValue, last.lane, last.notification, Self.pieceSize])
      for row in piece {
        last = (try row.value("lane"), try row.value("notification"))
        isAny = true
        let lane = ordering.lane(of: try row.notification()).rawValue
        if lane != last.lane { try setLane.execute(arguments: [lane, try row.value("delivery", as: Int64.self)]) }
      }
      if piece.count < Self.pieceSize { return isAny }
    }
  }

  private func putHeadsBack(_ destination: DestinationID) throws {
    let heads = try Row.fetchCursor(
      db,
      sql: """
        SELECT h.delivery, h.due_at, d.lane FROM relaned_heads h JOIN deliveries d ON d.id = h.delivery
        ORDER BY h.notification
        """)
    while let head = try heads.next() {
      guard try !lanes.hasHead(destination, try head.member("lane")) else { continue }
      try lanes.makeHead(try head.value("delivery"), dueAt: SteadyTime(milliseconds: try head.value("due_at")))
    }
    try db.execute(sql: "DELETE FROM relaned_heads")
  }

  static let nextLaneSQL = """
    SELECT lane FROM deliveries WHERE destination = ? AND due_at IS NULL AND settled_at IS NULL AND lane >= ?
    ORDER BY lane LIMIT 1
    """

  private func promote(_ destination: DestinationID, at now: SteadyTime) throws {
    let nextLane = try db.cachedStatement(sql: Self.nextLaneSQL)
    var from: Int64? = .min
    while let bound = from, let lane = try Int64.fetchOne(nextLane, arguments: [destination.rawValue, bound]) {
      try lanes.promote(in: .init(destination: destination, lane: Lane(rawValue: lane)), at: now)
      from = lane == .max ? nil : lane + 1
    }
  }
}
