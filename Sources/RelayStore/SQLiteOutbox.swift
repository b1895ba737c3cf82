import GRDB
import GreenAPI
import RelayCore

/// The outbox in one SQLite file, for one relay.
///
/// One connection writes, and answers what the relay asks; its calls take effect in the order made. History is read over a
/// second connection, so that an operator's long listing never holds up the relay. A call that has been made is carried out
/// even when its task is cancelled: what has been attempted must be recorded, above all while the relay is ending.
///
/// A call that fails has changed nothing (of a retry, nothing but what it had done before). The next one works again as soon as the
/// cause is gone.
public final class SQLiteOutbox: Outbox {
  /// When SQLite waits for the disk. https://www.sqlite.org/pragma.html#pragma_synchronous
  public enum Synchronous: String, Sendable, CaseIterable {
    /// At every commit: what a call recorded survives a power failure.
    case full = "FULL"
    /// At checkpoints only: a power failure may take the latest calls back, wholly; statuses are then announced again with the
    /// same `webhook-id`. A crash of the relay alone loses nothing.
    case normal = "NORMAL"
  }

  public struct Configuration: Sendable {
    /// Where `outbox.sqlite` lies; made, for its owner alone, when missing.
    public var directory: String
    public var synchronous: Synchronous

    public init(directory: String, synchronous: Synchronous = .full) {
      self.directory = directory
      self.synchronous = synchronous
    }
  }

  let connection: SerialConnection
  let reader: SQLiteOutboxReader
  /// Declared last, so that it goes last.
  private let lock: DirectoryLock

  private init(connection: SerialConnection, reader: SQLiteOutboxReader, lock: DirectoryLock) {
    self.connection = connection
    self.reader = reader
    self.lock = lock
  }

  /// Opens the outbox of a directory, or makes one.
  /// - Throws: ``OutboxError/Kind/inUse``, ``OutboxError/Kind/unusableDirectory``, ``OutboxError/Kind/damaged``,
  ///   ``OutboxError/Kind/newerSchema``, ``OutboxError/Kind/full`` or ``OutboxError/Kind/failed``.
  public static func open(_ configuration: Configuration) async throws(OutboxError) -> SQLiteOutbox {
    let files = OutboxFiles(directory: configuration.directory)
    let result = await onBlockingThread {
      Result { () throws(OutboxError) in
        try files.makeDirectory()
        let lock = try DirectoryLock(files)
        let database = OutboxDatabase(files: files)
        let connection = try database.openForWriting(configuration.synchronous)
        let reader = SQLiteOutboxReader(connection: try database.openForReading())
        return SQLiteOutbox(connection: connection, reader: reader, lock: lock)
      }
    }
    return try result.get()
  }

  /// Opens the history of a directory's outbox, whether a relay runs on it or not. Nothing is made or changed.
  /// - Throws: ``OutboxError/Kind/unusableDirectory`` when there is none, and as ``open(_:)``, never ``OutboxError/Kind/inUse``.
  public static func openReadOnly(directory: String) async throws(OutboxError) -> SQLiteOutboxReader {
    let files = OutboxFiles(directory: directory)
    let result = await onBlockingThread {
      Result { () throws(OutboxError) in
        SQLiteOutboxReader(connection: try OutboxDatabase(files: files).openForReading())
      }
    }
    return try result.get()
  }

  /// Whether a directory holds an outbox. Nothing is made or changed.
  /// - Throws: ``OutboxError/Kind/damaged`` for what is left of one, ``OutboxError/Kind/unusableDirectory`` when it can't be told.
  public static func exists(inDirectory directory: String) throws(OutboxError) -> Bool {
    try OutboxFiles(directory: directory).databaseExists()
  }

  public func latestSteadyTime() async throws(OutboxError) -> SteadyTime? {
    try await connection.latestSteadyTime()
  }

  public var commits: CommitStatistics { connection.commits }

  /// Remembers that a transaction was made at this time.
  static func touch(_ now: Moment, in db: Database) throws {
    // COALESCE, because `max` with a NULL is NULL.
    try db.cachedStatement(sql: "UPDATE meta SET latest_steady = max(COALESCE(latest_steady, ?1), ?1)")
      .execute(arguments: [now.steady.milliseconds])
  }

  public var unansweredTime: Duration? { connection.busyTime }

  public func abandon() {
    connection.abandon()
    reader.connection.abandon()
  }

  public func close() async {
    // The writer last: whoever closes last moves the log into the database, and a reader can't.
    await reader.close()
    await connection.close()
    // A thread that still waits for the disk may write when that answers: nobody else is to have the directory before this process ends.
    if !connection.isAbandoned { lock.release() }
  }
}

extension SQLiteOutboxReader {
  /// The latest steady time any transaction was recorded at; `nil` in a new outbox.
  public func latestSteadyTime() async throws(OutboxError) -> SteadyTime? {
    try await connection.latestSteadyTime()
  }
}

extension SerialConnection {
  fileprivate func latestSteadyTime() async throws(OutboxError) -> SteadyTime? {
    try await read("reading the latest time") { db in
      try Int64.fetchOne(db, sql: "SELECT latest_steady FROM meta").map(SteadyTime.init(milliseconds:))
    }
  }
}

// MARK: - History

extension SQLiteOutbox {
  public func events(_ filter: HistoryFilter) async throws(OutboxError) -> [EventRow] {
    try await reader.events(filter)
  }

  public func deliveries(_ filter: HistoryFilter) async throws(OutboxError) -> [DeliveryRow] {
    try await reader.deliveries(filter)
  }

  public func countEvents(_ filter: HistoryFilter) async throws(OutboxError) -> Int {
    try await reader.countEvents(filter)
  }

  public func countDeliveries(_ filter: HistoryFilter) async throws(OutboxError) -> Int {
    try await reader.countDeliveries(filter)
  }

  public func attempts(of delivery: DeliveryID) async throws(OutboxError) -> [AttemptRow] {
    try await reader.attempts(of: delivery)
  }

  public func accountSummaries() async throws(OutboxError) -> [AccountSummary] {
    try await reader.accountSummaries()
  }

  public func destinationSummaries(
    excluding excluded: Set<String>
  ) async throws(OutboxError) -> [DestinationSummary] {
    try await reader.destinationSummaries(excluding: excluded)
  }
}
