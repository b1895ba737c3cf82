import GRDB

@testable import RelayStore

extension SQLiteOutbox {
  func pragma(_ name: String) async throws -> String? {
    try await connection.read("testing") { db in try String.fetchOne(db, sql: "PRAGMA \(name)") }
  }

  func setPragma(_ pragma: String) async throws {
    try await connection.read("testing") { db in try db.execute(sql: "PRAGMA \(pragma)") }
  }

  /// How SQLite would answer a query, a line for each step.
  func plan(_ sql: String) async throws -> [String] {
    try await connection.read("testing") { db in
      // Never bound: the plan doesn't depend on the values.
      let statement = try db.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
      statement.setUncheckedArguments(StatementArguments())
      return try Row.fetchAll(statement).map { $0["detail"] }
    }
  }
}
