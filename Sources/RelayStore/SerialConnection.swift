import Dispatch
import Foundation
import GRDB
import GRDBSQLite
import NIOConcurrencyHelpers

/// One SQLite connection on a queue of its own, under an asynchronous face: calls run one after the other, in the order made,
/// and never on Swift's threads.
///
/// Cancelling the calling task changes nothing. GRDB's own `async` methods interrupt a cancelled task's statements; then nobody
/// would know whether a commit happened, and the results of a relay that is shutting down would go unrecorded. Each call here
/// is short, so that waiting for it costs a cancelled task little.
final class SerialConnection: Sendable {
  let path: String
  private let queue: DatabaseQueue
  private let isClosed = NIOLockedValueBox(false)
  private let statistics = NIOLockedValueBox(CommitStatistics())

  init(path: String, configuration: GRDB.Configuration) throws {
    self.path = path
    queue = try DatabaseQueue(path: path, configuration: configuration)
  }

  /// One transaction, rolled back wholly when `body` or the commit fails.
  func write<T: Sendable>(
    _ action: String, _ body: @escaping @Sendable (Database) throws -> T
  ) async throws(OutboxError) -> T {
    try await access(action) { [statistics] db in
      let (start, changesBefore) = (ContinuousClock.now, db.totalChangesCount)
      do {
        let value = try db.transaction(.immediate) { try body(db) }
        let (duration, rows) = (ContinuousClock.now - start, db.totalChangesCount - changesBefore)
        statistics.withLockedValue { $0.succeeded(in: duration, rows: rows) }
        return value
      } catch {
        statistics.withLockedValue { $0.noteFailure() }
        throw error
      }
    }
  }

  /// What the calls of ``write(_:_:)`` took.
  var commits: CommitStatistics { statistics.withLockedValue { $0 } }

  /// One consistent view of the database.
  func read<T: Sendable>(
    _ action: String, _ body: @escaping @Sendable (Database) throws -> T
  ) async throws(OutboxError) -> T {
    try await access(action) { db in try db.transaction(.deferred) { try body(db) } }
  }

  private func access<T: Sendable>(
    _ action: String, _ body: @escaping @Sendable (Database) throws -> T
  ) async throws(OutboxError) -> T {
    let result: Result<T, OutboxError> = await withCheckedContinuation { continuation in
      queue.asyncWriteWithoutTransaction { [self] db in
        guard !isClosed.withLockedValue({ $0 }) else {
          continuation.resume(returning: .failure(.closed(path)))
          return
        }
        do {
          continuation.resume(returning: .success(try body(db)))
        } catch {
          let systemError = db.sqliteConnection.map { sqlite3_system_errno($0) } ?? 0
          continuation.resume(
            returning: .failure(OutboxError(error, while: action, database: path, systemError: systemError)))
        }
      }
    }
    return try result.get()
  }

  /// Ends after every call made before it; calls made later fail with ``OutboxError/Kind/closed``.
  func close() async {
    await withCheckedContinuation { continuation in
      queue.asyncWriteWithoutTransaction { [self] _ in
        isClosed.withLockedValue { $0 = true }
        continuation.resume()
      }
    }
    await onBlockingThread {
      // It fails only for statements still in use, and there are none: no call keeps one beyond its end.
      try? self.queue.close()
    }
  }
}

extension Database {
  func transaction<T>(_ kind: TransactionKind, _ body: () throws -> T) throws -> T {
    var result: Result<T, any Error>?
    try inTransaction(kind) {
      result = .success(try body())
      return .commit
    }
    guard let result else { preconditionFailure("a transaction that succeeds has run its body") }
    return try result.get()
  }
}

/// Runs what waits for the disk where it holds up none of Swift's threads.
func onBlockingThread<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T {
  await withCheckedContinuation { continuation in
    DispatchQueue.global().async { continuation.resume(returning: body()) }
  }
}
