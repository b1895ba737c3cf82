import Foundation
import GRDB
import GreenAPI
import RelayCore
import Testing

@testable import RelayStore

@Suite("Files of earlier versions")
struct MigrationTests {
  /// A file as the first version left it: `crm` gone, and at it A1 (head, to be retried at 500), A2 and A3 (followers), B1 (head,
  /// due at 7), C1 (delivered), D1 (dead letter).
  private func makeFirstVersion(in directory: String) throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let queue = try DatabaseQueue(path: directory + "/outbox.sqlite")
    try queue.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
      try db.execute(sql: "PRAGMA journal_mode = WAL")
      try db.execute(sql: Schema.steps[0])
      try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
      try db.execute(sql: "PRAGMA user_version = 1")
      try db.execute(
        sql: """
          UPDATE meta SET latest_steady = 40;
          INSERT INTO accounts (id_instance, events) VALUES (1101000001, 6);
          INSERT INTO destinations (name, pause, delivered) VALUES ('crm', 'gone', 1);
          """)
      let lanes = [
        "A": Ordering.message.lane(of: notification("A")), "B": Ordering.message.lane(of: notification("B")),
      ]
      let rows: [(String, MessageStatus, String, Int64?, Int64?)] = [
        ("A", .sent, "retrying", 500, nil), ("A", .delivered, "waiting", nil, nil), ("A", .read, "waiting", nil, nil),
        ("B", .sent, "waiting", 7, nil), ("C", .sent, "delivered", nil, 30), ("D", .sent, "deadLetter", nil, 20),
      ]
      for (message, status, state, dueAt, settledAt) in rows {
        let change = notification(message, status)
        try db.execute(
          sql: """
            INSERT INTO notifications
              (account, id_message, status, webhook_id, timestamp, chat_id, type_message, send_by_api, recorded_at, body)
            VALUES (1101000001, ?, ?, ?, ?, ?, ?, 1, 1700000000000, ?)
            """,
          arguments: [
            message, status.rawValue, change.webhookID, change.timestamp, change.chatId, change.typeMessage,
            Data(change.body),
          ])
        try db.execute(
          sql: """
            INSERT INTO deliveries
              (notification, destination, lane, state, attempts, recorded_steady, due_at, settled_at, last_started_at,
               last_duration_us, last_http_status)
            VALUES (last_insert_rowid(), 1, ?, ?, ?, 3, ?, ?, ?, 5, 200)
            """,
          arguments: [
            lanes[message]?.rawValue ?? 0, state, state == "waiting" ? 0 : 1, dueAt, settledAt,
            state == "waiting" ? nil : 1_700_000_000_001,
          ])
      }
    }
    try queue.close()
  }

  @Test("The first step is as it was released")
  func firstStepIsFixed() {
    let digest = Schema.steps[0].utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) {
      ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3
    }
    #expect(
      digest == 0xE975_4F58_6135_3978, "a file made by it would not be known any more: change the schema in a new step")
  }

  @Test("A file of the first version is brought up to date with all that is in it")
  func fromFirstVersion() async throws {
    try await withTemporaryDirectory { directory in
      try makeFirstVersion(in: directory)
      let refusal = try await outboxError { _ = try await SQLiteOutbox.openReadOnly(directory: directory) }
      #expect(refusal?.description.contains("schema 1") == true)

      let outbox = try await SQLiteOutbox.open(.init(directory: directory))
      #expect(try await outbox.pragma("user_version") == "\(Schema.version)")
      #expect(try await outbox.pragma("auto_vacuum") == "2")
      #expect(try await outbox.pragma("integrity_check") == "ok")
      #expect(try await outbox.latestSteadyTime()?.milliseconds == 40)
      let summary = try #require(try await outbox.destinationSummaries().first)
      #expect(summary.pause == .gone && summary.waiting == 4 && summary.delivered == 1 && summary.deadLetters == 1)
      #expect(try await outbox.events(.init()).count == 6)
      let crm = summary.id
      let due = try await outbox.due(at: crm, by: moment(500).steady, limit: 9, excluding: []).deliveries
      #expect(due.map(\.name) == ["Bs", "As"])
      #expect(due.map(\.attempts) == [0, 1])

      // Its ordering is not known; entering the one it had changes nothing that anyone can see.
      let before = try await outbox.deliveries(.init())
      let entry = DestinationEntry(name: "crm", ordering: .message, addressDigest: "a")
      let stored = try #require(try await outbox.enter([entry], at: moment(60))["crm"])
      #expect(stored == StoredDestination(id: crm, name: "crm", pause: .gone))
      #expect(try await outbox.deliveries(.init()) == before)
      #expect(try await outbox.enter([entry], at: moment(60))["crm"] == stored)

      // The lane goes on in order.
      let next = try await outbox.settle([settlement(due[1], .delivered)], at: moment(61))
      #expect(next.map(\.name) == ["Ad"])
      #expect(try await outbox.retry(.matching(.init()), at: moment(62)).count == 1)
      await outbox.close()
      await (try await SQLiteOutbox.open(.init(directory: directory))).close()
    }
  }

  @Test("A file of the first version whose ordering was changed meanwhile moves to the lanes of the new one")
  func otherOrdering() async throws {
    try await withTemporaryDirectory { directory in
      try makeFirstVersion(in: directory)
      let outbox = try await SQLiteOutbox.open(.init(directory: directory))
      let crm = try await outbox.destination(ordering: .account)
      let due = try await outbox.due(at: crm, by: moment(.max / 4).steady, limit: 9, excluding: []).deliveries
      #expect(due.map(\.name) == ["As"])
      await outbox.close()
    }
  }
}
