import GRDB
import GRDBSQLite
import GreenAPI
import RelayCore

/// A prepared statement that is bound, stepped and read by SQLite's own calls, within one access to the database.
///
/// It is for what runs once for each notification or delivery. For each execution GRDB makes an array of boxed values, and for each
/// row a dictionary of its columns' names: of recording, reading and settling a delivery that was two thirds of the time.
struct BoundStatement {
  /// Keeps the handle. Kept by the connection itself for the next time.
  private let statement: Statement
  private let handle: SQLiteStatement
  private let db: Database

  init(_ db: Database, sql: String) throws {
    self.db = db
    statement = try db.cachedStatement(sql: sql)
    handle = statement.sqliteStatement
  }

  /// What a `?` stands for; SQLite makes copies of texts and bytes.
  enum Value: ExpressibleByNilLiteral, ExpressibleByIntegerLiteral {
    case null
    case integer(Int64)
    case text(String)
    case bytes([UInt8])

    init(nilLiteral: ()) { self = .null }
    init(integerLiteral value: Int64) { self = .integer(value) }
    init(_ value: Int64?) { self = value.map(Self.integer) ?? .null }
    init(_ value: String?) { self = value.map(Self.text) ?? .null }
  }

  /// Runs it to its end.
  func run(_ values: Value...) throws {
    bind(values)
    _ = try step()
    sqlite3_reset(handle)
  }

  /// What `read` makes of the first row; `nil` when there is none.
  func first<T>(_ values: Value..., read: (BoundRow) throws -> T) throws -> T? {
    bind(values)
    guard try step() else { return nil }
    defer { sqlite3_reset(handle) }
    return try read(BoundRow(handle: handle))
  }

  /// Gives rows to `read` until there are no more, or it says `false`.
  func eachRow(_ values: Value..., read: (BoundRow) throws -> Bool) throws {
    bind(values)
    while try step() {
      do {
        if try read(BoundRow(handle: handle)) { continue }
      } catch {
        sqlite3_reset(handle)
        throw error
      }
      sqlite3_reset(handle)
      return
    }
  }

  private func bind(_ values: [Value]) {
    // Makes SQLite copy. https://www.sqlite.org/c3ref/c_static.html
    let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    for (offset, value) in values.enumerated() {
      let index = Int32(offset + 1)
      switch value {
      case .null: sqlite3_bind_null(handle, index)
      case .integer(let value): sqlite3_bind_int64(handle, index, value)
      case .text(var text):
        text.withUTF8 { utf8 in
          let start = UnsafeRawPointer(utf8.baseAddress ?? Self.empty.utf8Start)
          sqlite3_bind_text(
            handle, index, start.assumingMemoryBound(to: CChar.self), Int32(utf8.count), transient)
        }
      case .bytes(let bytes):
        bytes.withUnsafeBytes { bytes in
          _ = sqlite3_bind_blob(
            handle, index, bytes.baseAddress ?? UnsafeRawPointer(Self.empty.utf8Start), Int32(bytes.count), transient)
        }
      }
    }
  }

  /// Something without an address would be taken for NULL.
  private static let empty: StaticString = ""

  /// Whether there is a row. Without one the statement is ready to run again.
  private func step() throws -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE:
      sqlite3_reset(handle)
      return false
    default:
      let connection = sqlite3_db_handle(handle)
      let error = DatabaseError(
        resultCode: ResultCode(rawValue: sqlite3_extended_errcode(connection)),
        message: String(cString: sqlite3_errmsg(connection)), sql: statement.sql)
      sqlite3_reset(handle)
      throw error
    }
  }
}

/// The row a ``BoundStatement`` stands at; columns count from 0. Reading one never traps, whatever a damaged file holds.
struct BoundRow {
  fileprivate let handle: SQLiteStatement

  func optionalInteger(_ column: Int32) throws(UnreadableRow) -> Int64? {
    switch sqlite3_column_type(handle, column) {
    case SQLITE_NULL: return nil
    case SQLITE_INTEGER: return sqlite3_column_int64(handle, column)
    default: throw unreadable(column)
    }
  }

  func integer(_ column: Int32) throws(UnreadableRow) -> Int64 {
    guard let value = try optionalInteger(column) else { throw unreadable(column) }
    return value
  }

  func text(_ column: Int32) throws(UnreadableRow) -> String {
    guard sqlite3_column_type(handle, column) == SQLITE_TEXT else { throw unreadable(column) }
    return String(decoding: bytes(at: sqlite3_column_text(handle, column), column), as: UTF8.self)
  }

  func bytes(_ column: Int32) throws(UnreadableRow) -> [UInt8] {
    guard sqlite3_column_type(handle, column) == SQLITE_BLOB else { throw unreadable(column) }
    return Array(bytes(at: sqlite3_column_blob(handle, column), column))
  }

  /// A value of ours that is not every integer.
  func member<T: RawRepresentable<Int64>>(_ column: Int32, of type: T.Type = T.self) throws(UnreadableRow) -> T {
    guard let member = T(rawValue: try integer(column)) else { throw unreadable(column) }
    return member
  }

  /// ``deliveryColumns``, the first of them at this place.
  func delivery(at first: Int32) throws(UnreadableRow) -> Delivery {
    Delivery(
      id: try member(first), destination: try member(first + 1), lane: try member(first + 2),
      attempts: Int(try integer(first + 3)), recordedAt: SteadyTime(milliseconds: try integer(first + 4)),
      notification: try notification(at: first + 5))
  }

  /// Of `deliveries`, there called `d`, and `notifications`, there called `n`.
  static let deliveryColumns = """
    d.id, d.destination, d.lane, d.attempts, d.recorded_steady, \(notificationColumns)
    """

  /// ``notificationColumns``, the first of them at this place.
  func notification(at first: Int32) throws(UnreadableRow) -> RelayCore.Notification {
    guard let status = MessageStatus(rawValue: try text(first + 3)) else { throw unreadable(first + 3) }
    return RelayCore.Notification(
      webhookID: try text(first), idInstance: try member(first + 1), idMessage: try text(first + 2), status: status,
      timestamp: try integer(first + 4), chatId: try text(first + 5), typeMessage: try text(first + 6),
      sendByApi: try integer(first + 7) != 0, body: try bytes(first + 8))
  }

  /// Of `notifications`, there called `n`.
  static let notificationColumns = """
    n.webhook_id, n.account, n.id_message, n.status, n.timestamp, n.chat_id, n.type_message, n.send_by_api, n.body
    """

  /// Its memory stands until the statement moves on.
  private func bytes(at start: UnsafeRawPointer?, _ column: Int32) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(handle, column)))
  }

  private func unreadable(_ column: Int32) -> UnreadableRow {
    let name = sqlite3_column_name(handle, column).map { String(cString: $0) } ?? "column \(column)"
    guard sqlite3_column_type(handle, column) != SQLITE_NULL else { return UnreadableRow(what: "\(name) is NULL") }
    let value = sqlite3_column_text(handle, column).map { String(cString: $0) } ?? ""
    return UnreadableRow(what: "\(name) holds \(value)")
  }
}
