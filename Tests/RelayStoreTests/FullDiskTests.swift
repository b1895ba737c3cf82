import Foundation
import GRDB
import GreenAPI
import RelayCore
import Testing

@testable import RelayStore

@Suite("A full disk")
struct FullDiskTests {
  private func many(_ name: String, _ count: Int, to destination: DestinationID) -> PollRecording {
    poll(
      (0..<count).map { routed(notification("\(name)-\($0)"), to: (destination, Int64($0))) },
      progress: .init(watchedSeconds: 1), tracked: [TrackedMessage(idMessage: name, recorded: .init(), lastSeen: 0)])
  }

  @Test("A poll that finds no room is not recorded at all, and the next call works once there is room")
  func maximumPages() async throws {
    try await withOutbox { outbox, directory in
      let crm = try await outbox.destination()
      let heads = try await outbox.record(many("first", 10, to: crm))
      try await outbox.setPragma("max_page_count = \((Int(try await outbox.pragma("page_count") ?? "") ?? 0) + 20)")
      let history = try await outbox.deliveries(.init(limit: .max))
      let account = try await outbox.account(1_101_000_001)

      for _ in 0..<2 {
        let error = try await outboxError { _ = try await outbox.record(many("second", 2000, to: crm)) }
        #expect(error?.kind == .full)
        #expect(error?.description.contains(directory) == true && error?.description.contains("Free space") == true)
        #expect(try await outbox.deliveries(.init(limit: .max)) == history)
        #expect(try await outbox.account(1_101_000_001) == account)
      }
      // What needs no room works on.
      _ = try await outbox.settle([settlement(heads[0], .delivered)], at: moment(1))

      try await outbox.setPragma("max_page_count = 1000000")
      #expect(try await outbox.record(many("second", 2000, to: crm)).count == 2000 - 9)
      #expect(try await outbox.deliveries(.init(limit: .max)).count == 2010)
      #expect(try await outbox.pragma("integrity_check") == "ok")
    }
  }

  @Test(
    "On a file system that is really full nothing is recorded by halves, and all goes on when it has grown",
    .enabled(if: geteuid() == 0 && canMount, "only root can mount a small file system"))
  func reallyFull() async throws {
    try await withTemporaryDirectory { directory in
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      #expect(run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory))
      defer { #expect(run("umount", directory)) }
      let outbox = try await SQLiteOutbox.open(.init(directory: directory))
      let crm = try await outbox.destination()
      var recorded = 0
      var error: OutboxError?
      while error == nil, recorded < 1000 {
        error = try await outboxError { _ = try await outbox.record(many("P\(recorded)", 50, to: crm)) }
        if error == nil { recorded += 1 }
      }
      #expect(error?.kind == .full, "\(String(describing: error))")
      for _ in 0..<3 {
        let again = try await outboxError { _ = try await outbox.record(many("again", 500, to: crm)) }
        #expect(again?.kind == .full, "\(String(describing: again))")
      }
      #expect(try await outbox.events(.init(limit: .max)).count == recorded * 50)
      #expect(try await outbox.account(1_101_000_001).messages.count == recorded)

      #expect(run("mount", "-o", "remount,size=32m", directory))
      _ = try await outbox.record(many("again", 500, to: crm))
      #expect(try await outbox.events(.init(limit: .max)).count == recorded * 50 + 500)
      #expect(try await outbox.pragma("integrity_check") == "ok")
      await outbox.close()
    }
  }

  @Test("A read-only file system is an unusable directory", .enabled(if: geteuid() == 0 && canMount))
  func readOnlyFileSystem() async throws {
    try await withTemporaryDirectory { directory in
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      #expect(run("mount", "-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", directory))
      defer { #expect(run("umount", directory)) }
      let error = try await outboxError { _ = try await SQLiteOutbox.open(.init(directory: directory)) }
      #expect(error?.kind == .unusableDirectory)
      #expect(error?.description.contains("Read-only file system") == true)
    }
  }

  @Test("A quota that is used up counts as a full disk, any other I/O error does not")
  func quota() {
    let ioError = DatabaseError(resultCode: .SQLITE_IOERR_WRITE, message: "disk I/O error")
    #expect(OutboxError(ioError, while: "testing", database: "/x", systemError: EDQUOT).kind == .full)
    #expect(OutboxError(ioError, while: "testing", database: "/x", systemError: ENOSPC).kind == .full)
    let other = OutboxError(ioError, while: "testing", database: "/x", systemError: EIO)
    #expect(other.kind == .failed)
    #expect(other.description.contains("Input/output error"))
  }

  @Test(
    "Every error of SQLite has its kind",
    arguments: [
      (ResultCode.SQLITE_CORRUPT, OutboxError.Kind.damaged), (.SQLITE_NOTADB, .damaged), (.SQLITE_FULL, .full),
      (.SQLITE_READONLY, .unusableDirectory), (.SQLITE_CANTOPEN, .unusableDirectory),
      (.SQLITE_PERM, .unusableDirectory),
      (.SQLITE_BUSY, .failed), (.SQLITE_IOERR, .failed), (.SQLITE_CORRUPT_VTAB, .damaged), (.SQLITE_ERROR, .failed),
    ])
  func kinds(code: ResultCode, kind: OutboxError.Kind) {
    let error = OutboxError(
      DatabaseError(resultCode: code, message: "no"), while: "testing", database: "/x/outbox.sqlite")
    #expect(error.kind == kind)
    #expect(error.description.contains("/x/outbox.sqlite") && error.description.contains("while testing"))
  }
}

/// Root in a container may not mount.
private let canMount: Bool = {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("mount-\(UUID().uuidString)").path
  try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  return run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path) && run("umount", path)
}()

private func run(_ command: String...) -> Bool {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = command
  process.standardError = FileHandle.nullDevice
  guard (try? process.run()) != nil else { return false }
  process.waitUntilExit()
  return process.terminationStatus == 0
}
