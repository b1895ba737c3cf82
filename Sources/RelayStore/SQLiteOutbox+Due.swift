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
      let heads = try BoundStatement(db, sql: Self.dueSQL)
      var page = DuePage(deliveries: [], nextDue: nil)
      try heads.forEach(.integer(destination.rawValue)) { row in
        let id: DeliveryID = try row.member(0)
        if excluding.contains(id) { return true }
        let dueAt = SteadyTime(milliseconds: try row.integer(1))
        guard dueAt <= time, page.deliveries.count < limit else {
          page.nextDue = dueAt
          return false
        }
        page.deliveries.append(try lanes.fetch(id.rawValue))
        return true
      }
      return page
    }
  }

  static let dueSQL = """
    SELECT id, due_at FROM deliveries WHERE destination = ? AND due_at IS NOT NULL ORDER BY due_at, notification
    """
}
