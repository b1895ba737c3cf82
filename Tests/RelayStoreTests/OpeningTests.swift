import Foundation
import GRDB
import GreenAPI
import RelayCore
import Testing

@testable import RelayStore

@Suite("Opening an outbox")
struct OpeningTests {
  @Test("A missing directory is made, with all above it, and its owner alone can read it and the file")
  func directoryIsMade() async throws {
    try await withTemporaryDirectory { root in
      let directory = root + "/a/b"
      let outbox = try await SQLiteOutbox.open(.init(directory: directory + "/"))
      _ = try await outbox.destination()
      func mode(_ path: String) throws -> Int? {
        try (FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)?.intValue
      }
      #expect(try mode(directory) == 0o700)
      for file in ["outbox.sqlite", "outbox.sqlite-wal", "outbox.lock"] {
        #expect(try mode(directory + "/" + file) == 0o600, "\(file)")
      }
      await outbox.close()
      // The log is in the database now: a copy of this one file is the whole outbox.
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == ["outbox.lock", "outbox.sqlite"])
    }
  }

  @Test("The file is written as configured: log ahead, waiting for the disk, able to shrink", arguments: [true, false])
  func pragmas(isFull: Bool) async throws {
    try await withTemporaryDirectory { directory in
      let configuration =
        isFull
        ? SQLiteOutbox.Configuration(directory: directory) : .init(directory: directory, synchronous: .normal)
      for _ in 0..<2 {
        let outbox = try await SQLiteOutbox.open(configuration)
        #expect(try await outbox.pragma("journal_mode") == "wal")
        #expect(try await outbox.pragma("synchronous") == (isFull ? "2" : "1"))
        #expect(try await outbox.pragma("auto_vacuum") == "2")
        #expect(try await outbox.pragma("foreign_keys") == "1")
        await outbox.close()
      }
    }
  }

  @Test("A second opening in this process is refused, naming the directory and the holder, until the first is closed")
  func secondOpening() async throws {
    try await withTemporaryDirectory { directory in
      let first = try await SQLiteOutbox.open(.init(directory: directory))
      let error = try await outboxError { _ = try await SQLiteOutbox.open(.init(directory: directory)) }
      #expect(error?.kind == .inUse)
      #expect(error?.description.contains(directory) == true)
      #expect(error?.description.contains("process \(getpid())") == true)
      await first.close()
      await (try await SQLiteOutbox.open(.init(directory: directory))).close()
    }
  }

  @Test("A second process is refused, and welcome when the first has ended")
  func secondProcess() async throws {
    try await withTemporaryDirectory { directory in
      let first = try await SQLiteOutbox.open(.init(directory: directory))
      await #expect(processExitsWith: .exitCode(73)) { [directory = directory as String] in
        let error = try await outboxError { _ = try await SQLiteOutbox.open(.init(directory: directory)) }
        exit(error?.kind == .inUse ? 73 : 1)
      }
      await first.close()
      await #expect(processExitsWith: .success) { [directory = directory as String] in
        await (try await SQLiteOutbox.open(.init(directory: directory))).close()
      }
    }
  }

  @Test("An outbox that was let go of without closing can be opened again")
  func deinitReleases() async throws {
    try await withTemporaryDirectory { directory in
      do {
        let outbox = try await SQLiteOutbox.open(.init(directory: directory))
        _ = try await outbox.destination()
      }
      // The last reference may be dropped a moment later, on the database's queue.
      let deadline = ContinuousClock.now + .seconds(10)
      while true {
        let error = try await outboxError { await (try await SQLiteOutbox.open(.init(directory: directory))).close() }
        guard error?.kind == .inUse, ContinuousClock.now < deadline else {
          #expect(error == nil)
          break
        }
        await Task.yield()
      }
    }
  }

  @Test("After closing, every call says so")
  func closed() async throws {
    try await withTemporaryDirectory { directory in
      let outbox = try await SQLiteOutbox.open(.init(directory: directory))
      await outbox.close()
      await outbox.close()
      #expect(try await outboxError { _ = try await outbox.record(poll([])) }?.kind == .closed)
      #expect(try await outboxError { _ = try await outbox.latestSteadyTime() }?.kind == .closed)
      #expect(try await outboxError { _ = try await outbox.events(.init()) }?.kind == .closed)
    }
  }

  @Test("A file in place of the directory is an unusable directory")
  func fileInPlaceOfDirectory() async throws {
    try await withTemporaryDirectory { directory in
      _ = FileManager.default.createFile(atPath: directory, contents: Data("x".utf8))
      for path in [directory, directory + "/below"] {
        let error = try await outboxError { _ = try await SQLiteOutbox.open(.init(directory: path)) }
        #expect(error?.kind == .unusableDirectory)
        #expect(error?.description.contains(path) == true)
        #expect(error?.description.contains("stateDirectory") == true)
      }
    }
  }

  @Test("A directory without permission is an unusable directory")
  func directoryWithoutPermission() async {
    // In a process of its own: root may do anything, so it becomes "nobody" for the time being, and that holds for all threads.
    await #expect(processExitsWith: .success) {
      try await withTemporaryDirectory { directory in
        try FileManager.default.createDirectory(
          atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o500])
        let isRoot = geteuid() == 0
        if isRoot { #expect(seteuid(65_534) == 0) }
        let error = try await outboxError { _ = try await SQLiteOutbox.open(.init(directory: directory)) }
        if isRoot { #expect(seteuid(0) == 0) }
        #expect(error?.kind == .unusableDirectory)
      }
    }
  }

  @Test("A file system that turned read-only is an unusable directory")
  func readOnlyDatabase() async throws {
    try await withOutbox { outbox, directory in
      // What SQLite answers on such a file system, without needing one.
      try await outbox.setPragma("query_only = 1")
      let error = try await outboxError { _ = try await outbox.record(poll([])) }
      #expect(error?.kind == .unusableDirectory)
      #expect(error?.description.contains(directory) == true)
      try await outbox.setPragma("query_only = 0")
      _ = try await outbox.record(poll([]))
    }
  }

  @Test("A file of a newer schema is refused and left as it is")
  func newerSchema() async throws {
    try await withTemporaryDirectory { directory in
      await (try await SQLiteOutbox.open(.init(directory: directory))).close()
      let path = directory + "/outbox.sqlite"
      try sqlite(path, "PRAGMA user_version = 99")
      let before = try Data(contentsOf: URL(fileURLWithPath: path))
      let error = try await outboxError { _ = try await SQLiteOutbox.open(.init(directory: directory)) }
      #expect(error?.kind == .newerSchema)
      #expect(error?.description.contains("schema 99") == true)
      #expect(
        try await outboxError { _ = try await SQLiteOutbox.openReadOnly(directory: directory) }?.kind == .newerSchema)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }
  }

  @Test("A reader says of an older file that the relay must be restarted")
  func olderSchema() async throws {
    try await withTemporaryDirectory { directory in
      await (try await SQLiteOutbox.open(.init(directory: directory))).close()
      try sqlite(directory + "/outbox.sqlite", "PRAGMA user_version = 0")
      let error = try await outboxError { _ = try await SQLiteOutbox.openReadOnly(directory: directory) }
      #expect(error?.kind == .failed)
      #expect(error?.description.contains("Restart the relay") == true)
    }
  }

  @Test("What is no outbox, or a damaged one, is said to be damaged and left as it is", arguments: Damage.allCases)
  func damage(_ damage: Damage) async throws {
    try await withTemporaryDirectory { directory in
      let outbox = try await SQLiteOutbox.open(.init(directory: directory))
      let crm = try await outbox.destination()
      _ = try await outbox.record(poll((0..<200).map { routed(notification("M\($0)"), to: (crm, Int64($0))) }))
      await outbox.close()
      let path = directory + "/outbox.sqlite"
      try damage.inflict(on: path)
      let before = try? Data(contentsOf: URL(fileURLWithPath: path))
      let error = try await outboxError { await (try await SQLiteOutbox.open(.init(directory: directory))).close() }
      #expect(error?.kind == .damaged)
      #expect(error?.description.contains(path) == true)
      #expect(error?.description.contains("backup") == true)
      #expect((try? Data(contentsOf: URL(fileURLWithPath: path))) == before)
    }
  }

  enum Damage: CaseIterable {
    case emptied, garbage, cutShort, pagesOverwritten, otherProgramsFile, missingIndex, logWithoutDatabase

    func inflict(on path: String) throws {
      let url = URL(fileURLWithPath: path)
      var bytes = try Data(contentsOf: url)
      switch self {
      case .emptied: bytes = Data()
      case .garbage: bytes = Data((0..<10_000).map { _ in UInt8.random(in: 0...255) })
      case .cutShort: bytes = bytes.prefix(bytes.count / 2)
      case .pagesOverwritten:
        let middle = bytes.count / 2 / 4096 * 4096
        bytes.replaceSubrange(middle..<(middle + 8192), with: [UInt8](repeating: 0xA5, count: 8192))
      case .otherProgramsFile: return try sqlite(path, "PRAGMA application_id = 1")
      case .missingIndex: return try sqlite(path, "DROP INDEX due_deliveries")
      case .logWithoutDatabase:
        try FileManager.default.moveItem(atPath: path, toPath: path + "-wal")
        return
      }
      try bytes.write(to: url)
    }
  }

  @Test("Damage that shows only while running is said to be damage")
  func damageWhileRunning() async throws {
    try await withOutbox { outbox, _ in
      try await outbox.connection.write("testing") { db in
        try db.execute(sql: "INSERT INTO destinations (name, pause) VALUES ('crm', 'nonsense')")
      }
      let error = try await outboxError { _ = try await outbox.destination() }
      #expect(error?.kind == .damaged)
      #expect(error?.description.contains("nonsense") == true)
    }
  }

  @Test("An index that an operator has added does no harm")
  func foreignIndex() async throws {
    try await withTemporaryDirectory { directory in
      await (try await SQLiteOutbox.open(.init(directory: directory))).close()
      try sqlite(directory + "/outbox.sqlite", "CREATE INDEX mine ON notifications (chat_id)")
      await (try await SQLiteOutbox.open(.init(directory: directory))).close()
    }
  }

  @Test("What a crash while making a new file left is no obstacle")
  func halfMadeFile() async throws {
    try await withTemporaryDirectory { directory in
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      for suffix in ["", "-wal", "-journal"] {
        _ = FileManager.default.createFile(
          atPath: directory + "/outbox.sqlite.new" + suffix, contents: Data("half".utf8))
      }
      let outbox = try await SQLiteOutbox.open(.init(directory: directory))
      _ = try await outbox.destination()
      await outbox.close()
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == ["outbox.lock", "outbox.sqlite"])
    }
  }
}

/// Runs statements on a file that no outbox has open.
func sqlite(_ path: String, _ sql: String) throws {
  let queue = try DatabaseQueue(path: path)
  try queue.writeWithoutTransaction { db in try db.execute(sql: sql) }
  try queue.close()
}
