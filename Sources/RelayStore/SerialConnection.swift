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
  /// The turn that has not begun and that writes may still join.
  private let gathering = NIOLockedValueBox<Turn?>(nil)
  private let pending: PendingCalls
  /// When what runs now was begun; `nil` while nothing does.
  private let busySince = NIOLockedValueBox<ContinuousClock.Instant?>(nil)

  init(path: String, configuration: GRDB.Configuration) throws {
    self.path = path
    pending = PendingCalls(path: path)
    queue = try DatabaseQueue(path: path, configuration: configuration)
  }

  /// In a transaction, and rolled back wholly when `body` or the commit fails.
  ///
  /// Calls that wait for their turn at the same time share a transaction, each in a savepoint of its own: a commit costs what many small
  /// changes cost, and thousands of accounts have one to write every minute. A call returns when all of it is on disk.
  func write<T: Sendable>(
    _ action: String, _ body: @escaping @Sendable (Database) throws -> T
  ) async throws(OutboxError) -> T {
    let result: Result<T, OutboxError> = await withCheckedContinuation { continuation in
      let outcome = NIOLockedValueBox<T?>(nil)
      guard let call = pending.begin({ continuation.resume(returning: .failure($0)) }) else { return }
      join(
        WaitingWrite(
          action: action,
          run: { db in
            let value = try body(db)
            outcome.withLockedValue { $0 = value }
          },
          finish: { [pending] error in
            guard pending.end(call) else { return }
            if let error { return continuation.resume(returning: .failure(error)) }
            guard let value = outcome.withLockedValue({ $0 }) else { preconditionFailure("what is on disk has run") }
            continuation.resume(returning: .success(value))
          }))
    }
    return try result.get()
  }

  /// A call of ``write(_:_:)`` before its turn.
  private struct WaitingWrite: Sendable {
    let action: String
    let run: @Sendable (Database) throws -> Void
    /// Tells the caller how it ended; `nil`: all is on disk.
    let finish: @Sendable (OutboxError?) -> Void
  }

  /// Writes that run in the same turn. Each change of it happens under the lock of ``gathering``.
  private final class Turn: @unchecked Sendable {
    var writes: [WaitingWrite] = []
  }

  /// So that none waits long for the others.
  private static let mostInATurn = 256

  /// Whether a write that came now would share its turn with one that waits.
  var isGathering: Bool { gathering.withLockedValue { $0 != nil } }

  private func join(_ write: WaitingWrite) {
    gathering.withLockedValue { gathering in
      if let turn = gathering, turn.writes.count < Self.mostInATurn {
        turn.writes.append(write)
        return
      }
      let turn = Turn()
      turn.writes = [write]
      gathering = turn
      // Under the lock, as in `read`: turns are taken in the order they are asked for. It waits for nothing.
      queue.asyncWriteWithoutTransaction { [self] db in run(turn, db) }
    }
  }

  private func run(_ turn: Turn, _ db: Database) {
    let writes = gathering.withLockedValue { gathering in
      if gathering === turn { gathering = nil }
      return turn.writes
    }
    run(writes, db)
  }

  private func run(_ writes: [WaitingWrite], _ db: Database) {
    busySince.withLockedValue { $0 = .now }
    defer { busySince.withLockedValue { $0 = nil } }
    guard !isClosed.withLockedValue({ $0 }) else {
      for write in writes { write.finish(.closed(path)) }
      return
    }
    if writes.count > 1, let errors = runTogether(writes, db) {
      for (write, error) in zip(writes, errors) { write.finish(error) }
    } else {
      for write in writes { write.finish(runAlone(write, db)) }
    }
  }

  private func runAlone(_ write: WaitingWrite, _ db: Database) -> OutboxError? {
    do {
      try transaction(db) { try write.run(db) }
      return nil
    } catch {
      return failed(error, while: write.action, db)
    }
  }

  /// - Returns: how each of them ended; `nil` when all of them have been undone because of one: a full disk ends the whole transaction,
  ///   and some may be done all the same when they are alone.
  private func runTogether(_ writes: [WaitingWrite], _ db: Database) -> [OutboxError?]? {
    var errors = [OutboxError?](repeating: nil, count: writes.count)
    do {
      try transaction(db) {
        for (index, write) in writes.enumerated() {
          do {
            try db.inSavepoint {
              try write.run(db)
              return .commit
            }
          } catch  where db.isInsideTransaction {
            errors[index] = failed(error, while: write.action, db)
          }
        }
      }
      return errors
    } catch {
      return nil
    }
  }

  private func transaction(_ db: Database, _ body: () throws -> Void) throws {
    let (start, changesBefore) = (ContinuousClock.now, db.totalChangesCount)
    try db.transaction(.immediate, body)
    let (duration, rows) = (ContinuousClock.now - start, db.totalChangesCount - changesBefore)
    statistics.withLockedValue { $0.succeeded(in: duration, rows: rows) }
  }

  private func failed(_ error: any Error, while action: String, _ db: Database) -> OutboxError {
    statistics.withLockedValue { $0.noteFailure() }
    return outboxError(error, while: action, db)
  }

  private func outboxError(_ error: any Error, while action: String, _ db: Database) -> OutboxError {
    let systemError = db.sqliteConnection.map { sqlite3_system_errno($0) } ?? 0
    return OutboxError(error, while: action, database: path, systemError: systemError)
  }

  /// What the calls of ``write(_:_:)`` took.
  var commits: CommitStatistics { statistics.withLockedValue { $0 } }

  /// One consistent view of the database.
  func read<T: Sendable>(
    _ action: String, _ body: @escaping @Sendable (Database) throws -> T
  ) async throws(OutboxError) -> T {
    let result: Result<T, OutboxError> = await withCheckedContinuation { continuation in
      guard let call = pending.begin({ continuation.resume(returning: .failure($0)) }) else { return }
      gathering.withLockedValue { gathering in
        // What is asked now comes before the writes that are asked later.
        gathering = nil
        queue.asyncWriteWithoutTransaction { [self] db in
          let ended = outcome(of: body, while: action, db)
          if pending.end(call) { continuation.resume(returning: ended) }
        }
      }
    }
    return try result.get()
  }

  private func outcome<T>(
    of body: (Database) throws -> T, while action: String, _ db: Database
  ) -> Result<T, OutboxError> {
    guard !isClosed.withLockedValue({ $0 }) else { return .failure(.closed(path)) }
    busySince.withLockedValue { $0 = .now }
    defer { busySince.withLockedValue { $0 = nil } }
    do {
      return .success(try db.transaction(.deferred) { try body(db) })
    } catch {
      return .failure(outboxError(error, while: action, db))
    }
  }

  /// For how long the disk has been waited for by now; `nil` while it isn't.
  var busyTime: Duration? { busySince.withLockedValue { $0 }.map { .now - $0 } }

  /// No write that is asked from now on shares a turn with one that was asked before.
  private func endGathering() { gathering.withLockedValue { $0 = nil } }

  /// Ends every call under way, and each that is made later, with ``OutboxError/Kind/closed``, whatever becomes of them on disk: for a
  /// process that is about to end and whose disk does not answer.
  func abandon() { pending.abandon() }

  var isAbandoned: Bool { pending.isAbandoned }

  /// Ends after every call made before it, or when it is abandoned; calls made later fail with ``OutboxError/Kind/closed``.
  func close() async {
    endGathering()
    await withCheckedContinuation { continuation in
      guard let call = pending.begin({ _ in continuation.resume() }) else { return }
      queue.asyncWriteWithoutTransaction { [self] _ in
        isClosed.withLockedValue { $0 = true }
        // It fails only for statements still in use, and there are none: no call keeps one beyond its end. Another thread closes it, as
        // this one is its own.
        DispatchQueue.global().async { [self] in
          try? queue.close()
          if pending.end(call) { continuation.resume() }
        }
      }
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
