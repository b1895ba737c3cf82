import GRDB
import RelayCore

extension SQLiteOutbox {
  /// Notifications that one call deletes at most, so that recording and settling never wait long behind it.
  static let pruneLimit = 5000

  /// Pages (of 4 KiB) that one call gives back to the file system at most.
  private static let vacuumLimit = 2000

  public func prune(
    olderThan limit: UnixTime, keepingAtMost count: Int
  ) async throws(OutboxError) -> Int {
    // Looked for by the reading connection: with many old deliveries unsettled the search is long.
    let candidates = try await reader.connection.read("looking for old history") { db in
      try Self.prunable(olderThan: limit, keepingAtMost: count, in: db)
    }
    return try await connection.write("deleting old history") { db in
      // Deliveries and attempts go with it. Looked at again: a dead letter may have been retried meanwhile.
      let delete = try db.cachedStatement(
        sql: "DELETE FROM notifications WHERE id = ? AND NOT \(Self.isProtected("notifications.id"))")
      var deleted = 0
      for id in candidates {
        try delete.execute(arguments: [id, limit.milliseconds])
        deleted += db.changesCount
      }
      try Self.shrink(db)
      return deleted
    }
  }

  private static func prunable(olderThan limit: UnixTime, keepingAtMost count: Int, in db: Database) throws -> [Int64] {
    // Both limits are a place in the order (recorded_at, id): what stands before the later one may go.
    let excess = try Row.fetchOne(db, sql: excessSQL, arguments: [max(0, count)])
    var bound = (recordedAt: limit.milliseconds, id: Int64.min)
    if let excess {
      let last: (Int64, Int64) = (try excess.value("recorded_at"), try excess.value("id"))
      if last >= (bound.recordedAt, bound.id) { bound = (last.0, last.1 + 1) }
    }
    return try Int64.fetchAll(
      db, sql: prunableSQL, arguments: [bound.recordedAt, bound.id, limit.milliseconds, pruneLimit])
  }

  /// The newest notification beyond the count.
  static let excessSQL = """
    SELECT recorded_at, id FROM notifications ORDER BY recorded_at DESC, id DESC LIMIT 1 OFFSET ?
    """

  static let prunableSQL = """
    SELECT id FROM notifications
    WHERE (recorded_at, id) < (?, ?) AND NOT \(isProtected("notifications.id")) ORDER BY recorded_at, id LIMIT ?
    """

  /// An unsettled delivery keeps its notification, and so does a dead letter that a person may not have seen yet.
  private static func isProtected(_ notification: String) -> String {
    """
    EXISTS (SELECT 1 FROM deliveries d WHERE d.notification = \(notification)
      AND (d.settled_at IS NULL OR (d.state = 'deadLetter' AND d.settled_at >= ?)))
    """
  }

  /// Gives free pages back once they are a tenth of the file; fewer are soon used again.
  private static func shrink(_ db: Database) throws {
    let free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
    let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
    guard free > pages / 10 else { return }
    try db.execute(sql: "PRAGMA incremental_vacuum(\(vacuumLimit))")
  }
}
