import GRDB
import RelayCore

extension SQLiteOutbox {
  /// Its cost grows with `limit` and with how many of `excluding` fall due early, never with how many wait.
  public func due(
    at destination: DestinationID, by time: SteadyTime, limit: Int, excluding: Set<DeliveryID>
  ) async throws(OutboxError) -> DuePage {
    // On the writing connection, though it only reads: so it sees every call made before it, and its answer is not
    // overtaken by a later one.
    try await connection.read("looking for due deliveries") { db in
      let lanes = try LaneQueries(db)
      let heads = try Row.fetchCursor(
        try db.cachedStatement(sql: Self.dueSQL), arguments: [destination.rawValue])
      var page = DuePage(deliveries: [], nextDue: nil)
      while let row = try heads.next() {
        let id: DeliveryID = try row.member("id")
        if excluding.contains(id) { continue }
        let dueAt = SteadyTime(milliseconds: try row.value("due_at"))
        guard dueAt <= time, page.deliveries.count < limit else {
          page.nextDue = dueAt
          break
        }
        page.deliveries.append(try lanes.fetch(id.rawValue))
      }
      return page
    }
  }

  static let dueSQL = """
    SELECT id, due_at FROM deliveries WHERE destination = ? AND due_at IS NOT NULL ORDER BY due_at, notification
    """
}
