import Foundation
import GRDB
import GreenAPI
import RelayCore

/// The history of an SQLite outbox, over a connection that can't write.
public final class SQLiteOutboxReader: OutboxHistory {
  let connection: SerialConnection

  init(connection: SerialConnection) { self.connection = connection }

  public func events(_ filter: HistoryFilter) async throws(OutboxError) -> [EventRow] {
    try await connection.read("listing events") { db in
      let query = HistoryQuery.events(filter)
      return try Row.fetchAll(db, sql: query.sql, arguments: query.arguments).map { row in
        EventRow(
          id: try row.value("id"), recordedAt: try row.unixTime("recorded_at"), notification: try row.notification())
      }
    }
  }

  public func deliveries(_ filter: HistoryFilter) async throws(OutboxError) -> [DeliveryRow] {
    try await connection.read("listing deliveries") { db in
      let query = HistoryQuery.deliveries(filter)
      return try Row.fetchAll(db, sql: query.sql, arguments: query.arguments).map { try $0.deliveryRow() }
    }
  }

  public func countEvents(_ filter: HistoryFilter) async throws(OutboxError) -> Int {
    try await connection.read("counting events") { db in
      let query = HistoryQuery.countEvents(filter)
      return try Int.fetchOne(db, sql: query.sql, arguments: query.arguments) ?? 0
    }
  }

  public func countDeliveries(_ filter: HistoryFilter) async throws(OutboxError) -> Int {
    try await connection.read("counting deliveries") { db in
      let query = HistoryQuery.countDeliveries(filter)
      return try Int.fetchOne(db, sql: query.sql, arguments: query.arguments) ?? 0
    }
  }

  public func attempts(of delivery: DeliveryID) async throws(OutboxError) -> [AttemptRow] {
    try await connection.read("listing attempts") { db in
      var attempts = try Row.fetchAll(
        db, sql: "SELECT * FROM attempts WHERE delivery = ? ORDER BY number", arguments: [delivery.rawValue]
      ).map { row in
        AttemptRow(number: try row.value("number"), report: try row.attemptReport(excerpt: try row.bytes("excerpt")))
      }
      // The successful attempt stands in the delivery's own row.
      if let row = try Row.fetchOne(
        db, sql: "SELECT * FROM deliveries WHERE id = ? AND state = 'delivered'", arguments: [delivery.rawValue])
      {
        attempts.append(
          AttemptRow(number: (attempts.last?.number ?? 0) + 1, report: try row.attemptReport("last_")))
      }
      return attempts
    }
  }

  public func accountSummaries() async throws(OutboxError) -> [AccountSummary] {
    try await connection.read("summing up the accounts") { db in
      let sql = """
        SELECT *, (SELECT count(*) FROM messages WHERE account = id_instance) AS tracked
        FROM accounts ORDER BY id_instance
        """
      return try Row.fetchAll(db, sql: sql).map { row in
        AccountSummary(
          idInstance: try row.member("id_instance"), identity: try row.identity(), progress: try row.progress(),
          trackedMessages: try row.value("tracked"), events: try row.value("events"))
      }
    }
  }

  public func destinationSummaries(
    excluding excluded: Set<String>
  ) async throws(OutboxError) -> [DestinationSummary] {
    try await connection.read("summing up the destinations") { db in
      let names = String(decoding: try JSONEncoder().encode(excluded), as: UTF8.self)
      return try Row.fetchAll(db, sql: Self.destinationSummariesSQL, arguments: [names]).map { row in
        DestinationSummary(
          id: try row.member("id"), name: try row.value("name"), pause: try row.optionalMember("pause"),
          waiting: try row.value("heads", as: Int.self) + row.value("followers", as: Int.self),
          oldestWaiting: try row.optional("oldest_at", as: Int64.self).map(UnixTime.init(milliseconds:)),
          delivered: try row.value("delivered"), deadLetters: try row.value("dead_letters"))
      }
    }
  }

  /// Counted in the small indexes over unsettled deliveries, never over the whole history.
  static let destinationSummariesSQL = """
    SELECT t.*,
      (SELECT count(*) FROM deliveries WHERE destination = t.id AND due_at IS NOT NULL) AS heads,
      (SELECT count(*) FROM deliveries WHERE destination = t.id AND due_at IS NULL AND settled_at IS NULL) AS followers,
      (SELECT count(*) FROM deliveries WHERE destination = t.id AND state = 'deadLetter') AS dead_letters,
      (SELECT recorded_at FROM notifications WHERE id = (
        SELECT min(oldest) FROM (
          SELECT min(notification) AS oldest FROM deliveries WHERE destination = t.id AND due_at IS NOT NULL
          UNION ALL
          SELECT min(notification) FROM deliveries WHERE destination = t.id AND due_at IS NULL AND settled_at IS NULL))
      ) AS oldest_at
    FROM destinations t WHERE t.name NOT IN (SELECT value FROM json_each(?)) ORDER BY t.name
    """

  /// Lets go of the file; calls made later fail with ``OutboxError/Kind/closed``.
  public func close() async { await connection.close() }
}

extension Row {
  /// The columns of ``HistoryQuery/deliveries(_:)``.
  fileprivate func deliveryRow() throws(UnreadableRow) -> DeliveryRow {
    DeliveryRow(
      id: try member("delivery"), destination: try value("name"), state: try member("state"),
      attempts: try value("attempts"), recordedAt: try unixTime("recorded_at"),
      dueAt: try optional("due_at", as: Int64.self).map(SteadyTime.init(milliseconds:)),
      settledAt: try optional("settled_at", as: Int64.self).map(UnixTime.init(milliseconds:)),
      deadLetterReason: try optionalMember("reason"), lastHTTPStatus: try optional("last_http_status"),
      lastFailure: try optionalMember("last_failure"), lastDetail: try value("last_detail"),
      idInstance: try member("account"), idMessage: try value("id_message"), status: try member("status"),
      webhookID: try value("webhook_id"))
  }
}
