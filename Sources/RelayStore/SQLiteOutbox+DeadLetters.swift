import GRDB
import RelayCore

extension SQLiteOutbox {
  /// A retried dead letter goes out before the later ones of its lane, but never beside one that may be in the air now: when the
  /// lane has a head already, it follows that one.
  public func retry(
    _ selection: DeadLetterSelection, at now: Moment
  ) async throws(OutboxError) -> [DeliveryID] {
    try await connection.write("retrying dead letters") { db in
      var revived: [DeliveryID] = []
      var lanes = OrderedLanes()
      let revive = try db.cachedStatement(
        sql: """
          UPDATE deliveries
          SET state = 'waiting', attempts = 0, recorded_steady = ?, settled_at = NULL, reason = NULL WHERE id = ?
          """)
      for row in try Self.deadLetters(selection, in: db) {
        let id: DeliveryID = try row.member("id")
        try revive.execute(arguments: [now.steady.milliseconds, id.rawValue])
        revived.append(id)
        lanes.append(.init(destination: try row.member("destination"), lane: try row.member("lane")))
      }
      // `due` finds them: there may be more than anyone wants to hold at once.
      _ = try LaneQueries(db).promote(in: lanes, at: now.steady)
      try Self.touch(now, in: db)
      return revived
    }
  }

  private static func deadLetters(_ selection: DeadLetterSelection, in db: Database) throws -> [Row] {
    let select = "SELECT id, destination, lane FROM deliveries WHERE state = 'deadLetter'"
    switch selection {
    case .ids(let ids):
      let statement = try db.cachedStatement(sql: select + " AND id = ?")
      // Sorted and each once: a row that has been revived is no dead letter the second time.
      return try Set(ids).sorted().compactMap { try Row.fetchOne(statement, arguments: [$0.rawValue]) }
    case .all(let destination?):
      let statement = try db.cachedStatement(sql: select + " AND destination = ? ORDER BY id")
      return try Row.fetchAll(statement, arguments: [destination.rawValue])
    case .all(nil):
      return try Row.fetchAll(try db.cachedStatement(sql: select + " ORDER BY id"))
    }
  }
}
