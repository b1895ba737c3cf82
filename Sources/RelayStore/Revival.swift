import GRDB
import RelayCore

/// Makes settled deliveries wait again, within one transaction.
struct Revival {
  /// Lanes that may be without a head.
  private var lanes = OrderedLanes()

  private let db: Database
  private let now: Moment
  private let revive: Statement
  private let keepSuccess: Statement
  private let attempts: AttemptHistory

  init(_ db: Database, now: Moment) throws {
    self.db = db
    self.now = now
    revive = try db.cachedStatement(
      sql: """
        UPDATE deliveries
        SET state = 'waiting', attempts = 0, lane = ?, recorded_steady = ?, settled_at = NULL, reason = NULL WHERE id = ?
        """)
    // The row is about to belong to the attempts to come.
    keepSuccess = try db.cachedStatement(
      sql: """
        INSERT INTO attempts (delivery, number, started_at, duration_us, http_status, failure, detail, excerpt)
        SELECT id, 1 + COALESCE((SELECT max(number) FROM attempts WHERE delivery = ?1), 0),
          last_started_at, last_duration_us, last_http_status, last_failure, last_detail, x''
        FROM deliveries WHERE id = ?1 AND state = 'delivered' AND last_started_at IS NOT NULL
        """)
    attempts = try AttemptHistory(db)
  }

  /// - Parameter id: of a settled delivery.
  mutating func revive(_ id: Int64, at place: OrderedLanes.Place) throws {
    try keepSuccess.execute(arguments: [id])
    if db.changesCount > 0 { try attempts.limit(of: id) }
    try revive.execute(arguments: [place.lane.rawValue, now.steady.milliseconds, id])
    lanes.append(place)
  }

  /// A delivery that has just been made, without a due time.
  mutating func noteNew(at place: OrderedLanes.Place) { lanes.append(place) }

  /// Where a lane has a head, that one may be in the air: what has come back follows it, and goes before the later ones.
  /// ``SQLiteOutbox/due(at:by:limit:excluding:)`` finds the new heads: there may be more than anyone wants to hold at once.
  func finish() throws {
    let queries = try LaneQueries(db)
    for place in lanes.places { try queries.promote(in: place, at: now.steady) }
    try SQLiteOutbox.touch(now, in: db)
  }
}
