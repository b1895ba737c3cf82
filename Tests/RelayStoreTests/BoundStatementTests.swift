import GRDB
import Testing

@testable import RelayStore

@Suite("Statements bound by SQLite's own calls")
struct BoundStatementTests {
  /// What a column holds and of which type, by SQLite's own account.
  private func stored(_ value: BoundStatement.Value) throws -> [String] {
    try DatabaseQueue().write { db in
      try db.execute(sql: "CREATE TABLE t (value)")
      try BoundStatement(db, sql: "INSERT INTO t (value) VALUES (?)").run(value)
      let row = try #require(try Row.fetchOne(db, sql: "SELECT typeof(value), hex(value) FROM t"))
      return [row[0], row[1]]
    }
  }

  @Test("An empty text is a text and empty bytes are bytes; neither is NULL")
  func emptyValues() throws {
    #expect(try stored(.text("")) == ["text", ""])
    #expect(try stored(.bytes([])) == ["blob", ""])
    #expect(try stored(.null) == ["null", ""])
    #expect(try stored(.init(nil as String?)) == ["null", ""])
    #expect(try stored(.init(nil as Int64?)) == ["null", ""])
    #expect(try stored(.init("" as String?)) == ["text", ""])
    #expect(try stored(.init(0 as Int64?)) == ["integer", "30"])
  }

  private func complaint<T>(_ read: () throws -> T) -> String? {
    do { _ = try read() } catch { return (error as? UnreadableRow)?.what }
    return nil
  }

  @Test("Values come back as they were given, the extreme ones too")
  func values() throws {
    try DatabaseQueue().write { db in
      let echo = try BoundStatement(db, sql: "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7")
      let text = "status „ü“ 🟢 \u{0} and on, longer than a small string"
      let bytes = [UInt8](0...255)
      let isRead = try echo.first(
        .integer(.min), .integer(.max), .text(text), .bytes(bytes), .null, .text(""), .bytes([])
      ) { row throws in
        #expect(try row.integer(0) == .min)
        #expect(try row.integer(1) == .max)
        #expect(try row.text(2) == text)
        #expect(try row.bytes(3) == bytes)
        #expect(try row.optionalInteger(4) == nil)
        #expect(try row.text(5) == "")
        #expect(try row.bytes(6) == [])
        return true
      }
      #expect(isRead == true)
    }
  }

  @Test("A column of another type than asked for is an error that names it")
  func otherTypes() throws {
    try DatabaseQueue().write { db in
      let statement = try BoundStatement(db, sql: "SELECT 'seven' AS number, 7 AS name, NULL AS body")
      try statement.eachRow { row in
        #expect(complaint { try row.integer(0) } == "number holds seven")
        #expect(complaint { try row.optionalInteger(0) } == "number holds seven")
        #expect(complaint { try row.text(1) } == "name holds 7")
        #expect(complaint { try row.bytes(2) } == "body is NULL")
        #expect(complaint { try row.integer(2) } == "body is NULL")
        return true
      }
    }
  }

  @Test("A statement that has failed runs again, and so does one whose rows were not all read")
  func usableAgain() throws {
    try DatabaseQueue().write { db in
      try db.execute(sql: "CREATE TABLE t (id INTEGER PRIMARY KEY, value TEXT NOT NULL)")
      let insert = try BoundStatement(db, sql: "INSERT INTO t (id, value) VALUES (?, ?)")
      try insert.run(1, .text("one"))
      let error = #expect(throws: DatabaseError.self) { try insert.run(1, .text("again")) }
      #expect(error?.extendedResultCode == .SQLITE_CONSTRAINT_PRIMARYKEY)
      #expect(error?.sql == "INSERT INTO t (id, value) VALUES (?, ?)")
      #expect(throws: DatabaseError.self) { try insert.run(2, .null) }
      try insert.run(2, .text("two"))
      try insert.run(3, .text("three"))

      let all = try BoundStatement(db, sql: "SELECT id FROM t ORDER BY id")
      struct Enough: Error {}
      #expect(throws: Enough.self) { try all.eachRow { _ in throw Enough() } }
      var ids: [Int64] = []
      try all.eachRow { row in
        ids.append(try row.integer(0))
        return ids.count < 2
      }
      #expect(ids == [1, 2])
      #expect(try all.first { try $0.integer(0) } == 1)
      ids = []
      try all.eachRow { row in
        ids.append(try row.integer(0))
        return true
      }
      #expect(ids == [1, 2, 3])
      // Nothing is left open that would keep the table.
      try db.execute(sql: "DROP TABLE t")
    }
  }

  @Test("Without rows there is no first one")
  func noRows() throws {
    try DatabaseQueue().write { db in
      let none = try BoundStatement(db, sql: "SELECT 1 WHERE ? = 2")
      #expect(try none.first(1) { try $0.integer(0) } == nil)
      #expect(try none.first(2) { try $0.integer(0) } == 1)
    }
  }
}
