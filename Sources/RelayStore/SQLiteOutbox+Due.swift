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
      var page = DuePage(deliveries: [], nextDue: nil)
      guard let first = try Self.firstPlace(db, at: destination, excluding: excluding) else { return page }
      let heads = try BoundStatement(db, sql: Self.dueSQL)
      try heads.eachRow(.integer(destination.rawValue), .integer(first.dueAt), .integer(first.notification)) { row in
        if excluding.contains(try row.member(1)) { return true }
        let dueAt = SteadyTime(milliseconds: try row.integer(0))
        guard dueAt <= time, page.deliveries.count < limit else {
          page.nextDue = dueAt
          return false
        }
        page.deliveries.append(try row.delivery(at: 1))
        return true
      }
      return page
    }
  }

  /// Where the first one that is not excluded stands. The caller mostly holds the ones before it, by the thousand: they are passed over in
  /// the index, where reading each with its notification was a good part of the store's work on a delivery.
  private static func firstPlace(
    _ db: Database, at destination: DestinationID, excluding: Set<DeliveryID>
  ) throws -> (dueAt: Int64, notification: Int64)? {
    var place: (dueAt: Int64, notification: Int64)?
    try BoundStatement(db, sql: duePlacesSQL).eachRow(.integer(destination.rawValue)) { row in
      if excluding.contains(try row.member(2)) { return true }
      place = (try row.integer(0), try row.integer(1))
      return false
    }
    return place
  }

  static let duePlacesSQL = """
    SELECT due_at, notification, id FROM deliveries
    WHERE destination = ? AND due_at IS NOT NULL ORDER BY due_at, notification
    """

  /// One statement for the whole page: in the order recorded, rows lie side by side, and SQLite steps from one to the next.
  static let dueSQL = """
    SELECT d.due_at, \(BoundRow.deliveryColumns)
    FROM deliveries d LEFT JOIN notifications n ON n.id = d.notification
    WHERE d.destination = ? AND d.due_at IS NOT NULL AND (d.due_at, d.notification) >= (?, ?)
    ORDER BY d.due_at, d.notification
    """
}
