import Foundation
import GRDB

extension OutboxError {
  /// What an error of the database means for the outbox.
  /// - Parameters:
  ///   - action: what was being done, such as "recording a poll".
  ///   - systemError: `errno` of the failing system call, where SQLite knows one. SQLite itself tells apart only a disk that is
  ///     full; a quota that is used up comes as any other I/O error.
  init(_ error: any Error, while action: String, database: String, systemError: Int32 = 0) {
    if let error = error as? OutboxError {
      self = error
      return
    }
    if let row = error as? UnreadableRow {
      self = .damaged(database, "\(row.what), while \(action)")
      return
    }
    guard let error = error as? DatabaseError else {
      self.init(
        .failed, "\(action) failed on \(database): \(error). Nothing of it was recorded; it will be tried again.")
      return
    }
    let said = "\(error.message ?? "no message") (SQLite error \(error.extendedResultCode.rawValue)), while \(action)"
    switch error.resultCode {
    case .SQLITE_CORRUPT, .SQLITE_NOTADB:
      self = .damaged(database, said)
    case .SQLITE_FULL:
      self = .full(database, said)
    case .SQLITE_IOERR where systemError == ENOSPC || systemError == EDQUOT:
      self = .full(database, said)
    case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM:
      self.init(
        .unusableDirectory,
        """
        \(database) can't be opened or written: \(said). Give the user that statusrelay runs as access to it and to its \
        directory, and check that the file system is not mounted read-only.
        """)
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      self.init(
        .failed,
        "\(database) is locked by another program: \(said). End the program that holds it, such as an sqlite3 shell.")
    default:
      let system = systemError == 0 ? "" : ", \(String(cString: strerror(systemError)))"
      self.init(
        .failed, "\(database): \(said)\(system). Nothing of it was recorded. Check the disk and the system's log.")
    }
  }

  static func damaged(_ database: String, _ what: String) -> OutboxError {
    OutboxError(
      .damaged,
      """
      \(database) is damaged or is no outbox: \(what). It has been left as it is. Stop statusrelay; put back a backup of \
      \(database) and \(database)-wal, or move both aside to begin anew. Without them the relay forgets which statuses it has \
      announced, and the deliveries that still wait are lost.
      """)
  }

  static func full(_ file: String, _ what: String) -> OutboxError {
    OutboxError(
      .full,
      """
      No room left for \(file): \(what). Free space on its disk or raise the quota; nothing was recorded by halves, and \
      statusrelay goes on by itself when there is room.
      """)
  }

  static func abandoned(_ database: String) -> OutboxError {
    OutboxError(
      .closed,
      "\(database) was given up, as its disk did not answer. What was not recorded is made again at the next start.")
  }

  static func closed(_ database: String) -> OutboxError {
    OutboxError(.closed, "\(database) has been closed: the relay is ending.")
  }
}

/// A row that holds what was never written into it.
struct UnreadableRow: Error {
  let what: String
}
