import Foundation
import GRDB
import GreenAPI
import RelayCore
import Testing

@testable import RelayStore

@Suite("Killed at any moment")
struct CrashTests {
  /// Notifications of one poll; few enough that many polls fit between two kills.
  static let size = 7

  @Test(
    "After SIGKILL every acknowledged poll is there, every other wholly or not at all, and every delivery comes out")
  func killed() async throws {
    try await withTemporaryDirectory { directory in
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      for round in 0..<8 {
        await #expect(processExitsWith: .signal(SIGKILL)) { [directory = directory as String] in
          try await recordUntilKilled(in: directory)
        }
        try await check(directory, round)
      }
      let outbox = try await SQLiteOutbox.open(.init(directory: directory))
      let crm = try await outbox.destination()
      while true {
        let page = try await outbox.due(at: crm, by: moment(.max / 4).steady, limit: 500, excluding: [])
        if page.deliveries.isEmpty { break }
        _ = try await outbox.settle(page.deliveries.map { settlement($0, .delivered) }, at: moment(9))
      }
      let summary = try #require(try await outbox.destinationSummaries().first)
      #expect(summary.waiting == 0)
      #expect(summary.delivered == (try await outbox.events(.init(limit: .max)).count))
      await outbox.close()
    }
  }

  private func check(_ directory: String, _ round: Int) async throws {
    let acknowledged =
      (try? String(contentsOfFile: directory + "/acknowledged", encoding: .utf8))?
      .split(separator: "\n").compactMap { Int($0) } ?? []
    let outbox = try await SQLiteOutbox.open(.init(directory: directory))
    let events = Dictionary(
      grouping: try await outbox.events(.init(limit: .max)), by: { $0.notification.idMessage.split(separator: "-")[0] })
    for (name, rows) in events { #expect(rows.count == Self.size, "round \(round), poll \(name) is there by halves") }
    let tracked = Set(try await outbox.account(1_101_000_001).messages.map(\.idMessage))
    #expect(tracked == Set(events.keys.map(String.init)), "round \(round): snapshot and notifications differ")
    let badLanes = try await outbox.connection.read("testing") { db in
      try String.fetchAll(
        db,
        sql: """
          SELECT lane || ' has ' || count(due_at) || ' heads' FROM deliveries WHERE settled_at IS NULL
          GROUP BY destination, lane HAVING count(due_at) != 1
          UNION ALL SELECT 'left aside: ' || delivery FROM relaned_heads
          """)
    }
    #expect(badLanes.isEmpty, "round \(round)")
    for number in acknowledged { #expect(tracked.contains("P\(number)"), "round \(round): poll \(number) is lost") }
    await outbox.close()
  }
}

/// Records polls and settles deliveries until this process dies, soon. Each poll's number is written down once `record` returned.
private func recordUntilKilled(in directory: String) async throws {
  let outbox = try await SQLiteOutbox.open(.init(directory: directory))
  let crm = try await outbox.destination()
  let journal = open(directory + "/acknowledged", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
  DispatchQueue.global().asyncAfter(deadline: .now() + .microseconds(Int.random(in: 0..<60_000))) {
    kill(getpid(), SIGKILL)
  }
  for number in try await outbox.account(1_101_000_001).messages.count... {
    let heads = try await outbox.record(
      poll(
        (0..<CrashTests.size).map { routed(notification("P\(number)-\($0)"), to: (crm, Int64($0))) },
        tracked: [TrackedMessage(idMessage: "P\(number)", recorded: .init(), lastSeen: 0)]))
    let line = Array("\(number)\n".utf8)
    _ = write(journal, line, line.count)
    _ = try await outbox.settle(heads.map { settlement($0, .delivered) }, at: moment(1))
    if number % 3 == 0 { _ = try await outbox.enter("crm", ordering: number % 2 == 0 ? .chat : .account) }
  }
}
