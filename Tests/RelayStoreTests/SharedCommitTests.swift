import Dispatch
import GRDB
import GreenAPI
import RelayCore
import Testing

@testable import RelayStore

@Suite("Writes that wait together share a transaction", .timeLimit(.minutes(2)))
struct SharedCommitTests {
  private struct Refused: Error {}

  /// Holds the connection up, has the body ask for things one after the other, and lets the connection go on.
  private func whileBusy<T: Sendable>(
    _ connection: SerialConnection, _ body: () async -> Task<T, any Error>
  ) async throws -> T {
    let (begun, goesOn) = (AsyncStream<Void>.makeStream(), DispatchSemaphore(value: 0))
    let busy = Task {
      try await connection.read("holding it up") { _ in
        begun.continuation.finish()
        goesOn.wait()
      }
    }
    for await _ in begun.stream {}
    let asked = await body()
    goesOn.signal()
    try await busy.value
    return try await asked.value
  }

  private func isGathering(_ wanted: Bool, _ connection: SerialConnection) async {
    while connection.isGathering != wanted { await Task.yield() }
  }

  @Test("A hundred polls recorded while the disk is busy take one commit or two, and all of them are there")
  func together() async throws {
    try await withOutbox { outbox, directory in
      let crm = try await outbox.destination()
      let before = outbox.commits
      let heads = try await whileBusy(outbox.connection) {
        let recordings = Task {
          try await withThrowingTaskGroup(of: [Delivery].self) { group in
            for number in 0..<100 {
              let recording = poll([routed(notification("M\(number)"), to: (crm, Int64(number)))])
              group.addTask { try await outbox.record(recording) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
          }
        }
        await isGathering(true, outbox.connection)
        return recordings
      }
      #expect(Set(heads.map(\.notification.idMessage)) == Set((0..<100).map { "M\($0)" }))
      let after = outbox.commits
      // How many have asked before the connection goes on is the scheduler's business.
      #expect(after.duration.count - before.duration.count < 100)
      #expect(after.rows.sum - before.rows.sum >= 300)
      #expect(after.failed == 0)
      #expect(try await outbox.deliveries(.init(limit: .max)).count == 100)
    }
  }

  @Test("One that fails takes none of the others along, and leaves nothing behind")
  func oneFails() async throws {
    try await withOutbox { outbox, _ in
      let connection = outbox.connection
      let before = outbox.commits
      let failed = try await whileBusy(connection) {
        let first = Task { try await connection.write("first") { try Self.write($0, "first") } }
        await isGathering(true, connection)
        let rest = Task {
          await withTaskGroup(of: Bool.self) { group in
            for number in 0..<20 {
              group.addTask {
                do {
                  try await connection.write("number \(number)") { db in
                    try Self.write(db, "\(number)")
                    if number % 5 == 0 { throw Refused() }
                  }
                  return false
                } catch {
                  #expect("\(error)".contains("number \(number)"), "\(error)")
                  return true
                }
              }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
          }
        }
        return Task {
          try await first.value
          return await rest.value
        }
      }
      #expect(failed == 4)
      #expect(outbox.commits.failed - before.failed == 4)
      let kept = Set(["first"] + (0..<20).filter { $0 % 5 != 0 }.map(String.init))
      #expect(try await written(connection) == kept)
    }
  }

  @Test("When the disk is full, those that need no room are recorded all the same")
  func fullDisk() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      let heads = try await outbox.record(
        poll((0..<10).map { routed(notification("M\($0)"), to: (crm, Int64($0))) }))
      try await outbox.setPragma("max_page_count = \((Int(try await outbox.pragma("page_count") ?? "") ?? 0) + 20)")
      let before = outbox.commits
      let full = try await whileBusy(outbox.connection) {
        let large = Task {
          await outboxFailure {
            _ = try await outbox.record(
              poll((0..<2000).map { routed(notification("N\($0)"), to: (crm, Int64($0))) }))
          }
        }
        await isGathering(true, outbox.connection)
        let small = Task { try await outbox.settle([settlement(heads[0], .delivered)], at: moment(1)) }
        return Task {
          _ = try await small.value
          return await large.value
        }
      }
      #expect(full?.kind == .full)
      #expect(outbox.commits.failed - before.failed == 1)
      #expect(try await outbox.deliveries(.init(limit: .max)).count == 10)
      #expect(try await outbox.pragma("integrity_check") == "ok")
    }
  }

  @Test("What is read shows the writes asked before it and none asked after it")
  func order() async throws {
    try await withOutbox { outbox, _ in
      let connection = outbox.connection
      let seen = try await whileBusy(connection) {
        let before = Task { try await connection.write("before") { try Self.write($0, "before") } }
        await isGathering(true, connection)
        let read = Task { try await written(connection) }
        await isGathering(false, connection)
        let after = Task { try await connection.write("after") { try Self.write($0, "after") } }
        await isGathering(true, connection)
        return Task {
          try await before.value
          try await after.value
          return try await read.value
        }
      }
      #expect(seen == ["before"])
      #expect(try await written(connection) == ["before", "after"])
    }
  }

  @Test("Writes that wait when it is closed are done, and later ones refused")
  func closing() async throws {
    try await withOutbox { outbox, _ in
      let connection = outbox.connection
      try await whileBusy(connection) {
        let before = Task { try await connection.write("before") { try Self.write($0, "before") } }
        await isGathering(true, connection)
        let close = Task { await outbox.close() }
        await isGathering(false, connection)
        let after = Task { try await connection.write("after") { try Self.write($0, "after") } }
        await isGathering(true, connection)
        return Task {
          try await before.value
          await close.value
          let error = await outboxFailure { try await after.value }
          #expect(error?.kind == .closed)
        }
      }
    }
  }

  private static func write(_ db: Database, _ text: String) throws {
    try db.execute(sql: "CREATE TABLE IF NOT EXISTS written (text TEXT)")
    try db.execute(sql: "INSERT INTO written VALUES (?)", arguments: [text])
  }

  private func written(_ connection: SerialConnection) async throws -> Set<String> {
    Set(try await connection.read("reading") { try String.fetchAll($0, sql: "SELECT text FROM written") })
  }

  private func outboxFailure(_ body: () async throws -> Void) async -> OutboxError? {
    do {
      try await body()
      return nil
    } catch {
      return error as? OutboxError
    }
  }
}
