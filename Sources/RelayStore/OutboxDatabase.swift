import Dispatch
import Foundation
import GRDB

/// Makes, checks and opens the database file. Everything here waits for the disk: call it on a blocking thread.
struct OutboxDatabase {
  let files: OutboxFiles

  /// A file up to this size is checked as a whole when it is opened (some 0.2 s). A larger one would hold up the start for
  /// minutes; there, damage shows when the damaged page is read, as the same error.
  static let wholeCheckLimit: Int64 = 64 << 20

  /// The log is cut back to this after a large transaction.
  private static let logSizeLimit = 16 << 20

  /// SQLite's 2 MB hold too little of the indices of a hundred thousand waiting deliveries. Taken as it is needed.
  private static let cacheKilobytes = 8192

  /// For whoever else has the file open for a moment: an operator's commands, a backup.
  private static let busyTimeout = 5.0

  func openForWriting(_ synchronous: SQLiteOutbox.Synchronous) throws(OutboxError) -> SerialConnection {
    do {
      if try !files.databaseExists() { try create() }
      var configuration = Configuration()
      configuration.busyMode = .timeout(Self.busyTimeout)
      configuration.label = "statusrelay.outbox"
      configuration.prepareDatabase { db in
        try db.execute(
          sql: """
            PRAGMA synchronous = \(synchronous.rawValue);
            PRAGMA journal_size_limit = \(Self.logSizeLimit);
            PRAGMA cache_size = -\(Self.cacheKilobytes)
            """)
        try check(db)
        try Schema.migrate(db)
        try checkTables(db)
      }
      return try SerialConnection(path: files.database, configuration: configuration)
    } catch {
      throw OutboxError(error, while: "opening it", database: files.database)
    }
  }

  func openForReading() throws(OutboxError) -> SerialConnection {
    do {
      guard try files.databaseExists() else {
        throw OutboxError(
          .unusableDirectory,
          """
          There is no outbox in \(files.directory): no relay has run with this state directory yet. Check stateDirectory in the \
          configuration, or start the relay first.
          """)
      }
      var configuration = Configuration()
      configuration.readonly = true
      configuration.busyMode = .timeout(Self.busyTimeout)
      configuration.label = "statusrelay.history"
      configuration.prepareDatabase { db in
        try check(db)
        let version = try Schema.userVersion(db)
        guard version == Schema.version else {
          throw OutboxError(
            .failed,
            """
            \(files.database) was written by an older statusrelay (schema \(version), this one reads \(Schema.version)). \
            Restart the relay with this version: it brings the file up to date.
            """)
        }
        try checkTables(db)
      }
      return try SerialConnection(path: files.database, configuration: configuration)
    } catch {
      throw OutboxError(error, while: "opening it for reading", database: files.database)
    }
  }

  /// Makes a complete empty outbox under another name, then renames it.
  private func create() throws {
    try files.makeNewDatabase()
    let queue = try DatabaseQueue(path: files.newDatabase)
    try queue.writeWithoutTransaction { db in
      // Only a database without tables takes this: pruning gives pages back to the file system by it.
      try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
      try Schema.migrate(db)
      // Stays with the file: readers and the writer don't wait for each other. https://www.sqlite.org/wal.html
      let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
      guard mode == "wal" else {
        throw OutboxError(
          .unusableDirectory,
          """
          The file system of \(files.directory) can't hold an SQLite database in WAL mode (a network file system, perhaps). \
          Set stateDirectory to a directory on a local disk.
          """)
      }
    }
    try queue.close()
    try files.putNewDatabaseInPlace()
  }

  /// That the file is an outbox of a version we know, and sound.
  private func check(_ db: Database) throws {
    guard try Int64.fetchOne(db, sql: "PRAGMA application_id") == Schema.applicationID else {
      throw OutboxError.damaged(files.database, "it was not made by statusrelay")
    }
    let version = try Schema.userVersion(db)
    guard version <= Schema.version else {
      throw OutboxError(
        .newerSchema,
        """
        \(files.database) was written by a newer statusrelay (schema \(version), this one knows \(Schema.version)). Run that \
        version or a later one; to go back, put back the backup made before the upgrade.
        """)
    }
  }

  private func checkTables(_ db: Database) throws {
    guard try Schema.expectedObjects().isSubset(of: Schema.objects(db)) else {
      throw OutboxError.damaged(files.database, "its tables are not those of an outbox")
    }
    guard !db.configuration.readonly, let size = try files.size(of: files.database), size <= Self.wholeCheckLimit else {
      return
    }
    if let complaint = try String.fetchOne(db, sql: "PRAGMA quick_check(1)"), complaint != "ok" {
      throw OutboxError.damaged(files.database, complaint)
    }
  }
}
