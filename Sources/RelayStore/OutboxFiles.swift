import Foundation

/// Where an outbox lies on disk: one directory with the database, SQLite's files beside it, and the lock.
struct OutboxFiles: Sendable {
  let directory: String

  init(directory: String) {
    var directory = directory[...]
    while directory.count > 1, directory.hasSuffix("/") { directory.removeLast() }
    self.directory = String(directory)
  }

  var database: String { directory + "/outbox.sqlite" }
  /// SQLite's write-ahead log: it holds what was committed last, so it belongs to every copy of the database.
  var log: String { database + "-wal" }
  /// A new database until it is complete, so that ``database`` is never a half-made one.
  var newDatabase: String { database + ".new" }
  var lock: String { directory + "/outbox.lock" }

  /// Makes the directory, for its owner alone, when it is missing, and checks that it can be written.
  func makeDirectory() throws(OutboxError) {
    if let code = Self.make(directory, mode: 0o700), code != EEXIST { throw unusable("can't be made", code) }
    var status = stat()
    guard stat(directory, &status) == 0 else { throw unusable("can't be reached", errno) }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw unusable("is no directory", nil) }
    guard access(directory, R_OK | W_OK | X_OK) == 0 else { throw unusable("can't be read and written", errno) }
  }

  /// Makes a directory and what is missing above it.
  /// - Returns: the error's number, or `nil` when it was made.
  private static func make(_ path: String, mode: mode_t) -> Int32? {
    if mkdir(path, mode) == 0 { return nil }
    let code = errno
    let parent = (path as NSString).deletingLastPathComponent
    guard code == ENOENT, !parent.isEmpty, parent != path else { return code }
    if let code = make(parent, mode: 0o755), code != EEXIST { return code }
    return mkdir(path, mode) == 0 ? nil : errno
  }

  /// Whether there is a database.
  ///
  /// A database is put in place complete and never shrinks to nothing. So an empty one, or a log without its database, is what
  /// an accident left, and SQLite would quietly begin anew with it.
  /// - Throws: ``OutboxError/Kind/damaged`` for these.
  func databaseExists() throws(OutboxError) -> Bool {
    let size = try size(of: database)
    let logSize = try self.size(of: log) ?? 0
    switch size {
    case nil where logSize > 0: throw .damaged(database, "it is missing, though its log \(log) is there")
    case 0: throw .damaged(database, "it is empty")
    default: return size != nil
    }
  }

  /// In bytes; `nil` when there is no such file.
  func size(of path: String) throws(OutboxError) -> Int64? {
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == ENOENT { return nil }
      throw unusable("can't be reached", errno)
    }
    return Int64(status.st_size)
  }

  /// An empty file for the new database, readable by its owner alone (SQLite gives the files beside it the same mode).
  func makeNewDatabase() throws(OutboxError) {
    // What a crash while making one left.
    for suffix in ["", "-journal", "-wal", "-shm"] { unlink(newDatabase + suffix) }
    let descriptor = open(newDatabase, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw unusable("can't take a new file", errno) }
    close(descriptor)
  }

  /// Gives the finished database its name.
  func putNewDatabaseInPlace() throws(OutboxError) {
    guard rename(newDatabase, database) == 0 else { throw unusable("can't take a new file", errno) }
    // The name itself is durable only when the directory is.
    let descriptor = open(directory, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unusable("can't be read", errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw unusable("can't be written out", errno) }
  }

  func unusable(_ what: String, _ code: Int32?) -> OutboxError {
    let reason = code.map { ": " + String(cString: strerror($0)) } ?? ""
    if code == ENOSPC || code == EDQUOT { return .full(directory, "the directory \(what)\(reason)") }
    return OutboxError(
      .unusableDirectory,
      """
      The state directory \(directory) \(what)\(reason). Give the user that statusrelay runs as access to it, \
      or set stateDirectory to another directory.
      """)
  }
}
