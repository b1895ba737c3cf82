import Foundation
import Testing

@Suite("events, deliveries and dead-letters")
struct HistoryCommandTests {
  private func run(_ outbox: PreparedOutbox, _ arguments: String...) async throws -> StatusrelayProcess.Result {
    try await StatusrelayProcess(arguments + ["--state-directory", outbox.directory]).result()
  }

  private func ids(_ outbox: PreparedOutbox, _ arguments: String...) async throws -> [Int] {
    let result = try await StatusrelayProcess(arguments + ["--json", "--state-directory", outbox.directory]).result()
    #expect(result.exit == .code(0), "\(arguments): \(result.error)")
    return try result.outputLines.map { try #require(try object($0)["id"] as? Int) }
  }

  private func object(_ line: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }

  @Test("Each filter lists just what it says, newest first")
  func filters() async throws {
    try await withPreparedOutbox { outbox in
      for (arguments, expected) in [
        (["events"], [3, 2, 1]),
        (["events", "--account", "1101000001"], [3, 1]),
        (["events", "--account", "1101000001", "--account", "1101000002"], [3, 2, 1]),
        (["events", "--destination", "audit"], [1]),
        (["events", "--message", "M2"], [2]),
        (["events", "--status", "read", "--status", "sent"], [2, 1]),
        (["events", "--state", "deadLetter"], [1]),
        (["events", "--since", "2h"], [3, 2]),
        (["events", "--until", "2h"], [1]),
        (["events", "--since", "2h", "--until", "30m"], [2]),
        (["events", "--since", "2001-01-01", "--until", "2001-01-02T00:00:00Z"], []),
        (["events", "--before", "3"], [2, 1]),
        (["events", "--limit", "1"], [3]),
        (["deliveries"], [4, 3, 2, 1]),
        (["deliveries", "list"], [4, 3, 2, 1]),
        (["deliveries", "--state", "waiting", "--state", "retrying"], [4, 3]),
        (["deliveries", "--destination", "crm", "--status", "sent"], [1]),
        (["deliveries", "--limit", "2", "--before", "4"], [3, 2]),
        (["dead-letters"], [2]),
        (["dead-letters", "--destination", "crm"], []),
      ] {
        let process = try StatusrelayProcess(arguments + ["--json", "--state-directory", outbox.directory])
        let result = try await process.result()
        let found = try result.outputLines.map { try object($0)["id"] as? Int }
        #expect(found == expected, "\(arguments): \(result.error)")
        #expect(result.exit == .code(0))
      }
    }
  }

  @Test("An event's JSON line holds the notification's own bytes and its webhook-id")
  func eventJSON() async throws {
    try await withPreparedOutbox { outbox in
      let result = try await run(outbox, "events", "--message", "M2", "--json")
      let line = try #require(result.outputLines.first)
      let expected = PreparedOutbox.notification("M2", .read, of: 1_101_000_002)
      #expect(line.contains(#""body":"# + String(decoding: expected.body, as: UTF8.self) + "}"))
      let event = try object(line)
      #expect(event["webhookId"] as? String == expected.webhookID)
      #expect(event["idInstance"] as? Int == 1_101_000_002)
      #expect((event["body"] as? [String: Any])?["typeWebhook"] as? String == "outgoingMessageStatus")
      #expect(try Date(#require(event["recordedAt"] as? String), strategy: .iso8601) < Date())
    }
  }

  @Test("A delivery's JSON line says its state, its latest answer and when it is due")
  func deliveryJSON() async throws {
    try await withPreparedOutbox { outbox in
      let result = try await run(outbox, "deliveries", "--message", "M2", "--json")
      let delivery = try object(try #require(result.outputLines.first))
      #expect(delivery["state"] as? String == "retrying")
      #expect(delivery["destination"] as? String == "crm")
      #expect(delivery["lastHTTPStatus"] as? Int == 503)
      #expect(delivery["lastFailure"] as? String == "serverError")
      #expect(try Date(#require(delivery["dueAt"] as? String), strategy: .iso8601) > Date(timeIntervalSinceNow: 1800))
    }
  }

  @Test("A page that is not the last says on stderr how to get the next one, and only then")
  func nextPage() async throws {
    try await withPreparedOutbox { outbox in
      let first = try await run(outbox, "deliveries", "--limit", "3")
      #expect(first.error.contains("--before 2"))
      let second = try await run(outbox, "deliveries", "--limit", "3", "--before", "2")
      #expect(second.outputLines.count == 2)
      #expect(second.error.isEmpty)
    }
  }

  @Test("The tables stand in columns under titles")
  func tables() async throws {
    try await withPreparedOutbox { outbox in
      let deliveries = try await run(outbox, "deliveries").outputLines
      #expect(deliveries.count == 5)
      let column = try #require(deliveries[0].range(of: "DESTINATION")).lowerBound
      for (line, name) in zip(deliveries.dropFirst(), ["crm", "crm", "audit", "crm"]) {
        #expect(line[column...].hasPrefix(name), "\(line)")
      }
      let letters = try await run(outbox, "dead-letters").output
      #expect(letters.contains("every attempt of the retry schedule failed"))
      #expect(try await run(outbox, "events").outputLines[1].contains("M3"))
    }
  }

  @Test("deliveries show lists every attempt in words, and what was answered, fit for a terminal")
  func show() async throws {
    try await withPreparedOutbox { outbox in
      let text = try await run(outbox, "deliveries", "show", "2").output
      #expect(text.contains("delivery 2 to audit: dead letter"))
      #expect(text.contains("attempt 1") && text.contains("attempt 2"))
      #expect(text.contains("HTTP 503: the consumer has an error"))
      #expect(text.contains("\n  Failed to connect to 127.0.0.1 port 9"))
      #expect(text.contains("| out of \u{FFFD}[31morder\n  | sorry"))
      #expect(!text.contains("\u{1B}"))
      let waiting = try await run(outbox, "deliveries", "show", "4").output
      #expect(waiting.contains("No attempt has been made."))
      let json = try object(try await run(outbox, "deliveries", "show", "2", "--json").output)
      let attempts = try #require(json["attemptList"] as? [[String: Any]])
      #expect(attempts.map { $0["number"] as? Int } == [1, 2])
      #expect(attempts[0]["excerpt"] as? String == "out of \u{1B}[31morder\nsorry")
      #expect(attempts[0]["durationSeconds"] as? Double == 0.15)
    }
  }

  @Test("A delivery that isn't there, a name unknown and a time that is none are told as such")
  func slips() async throws {
    try await withPreparedOutbox { outbox in
      let missing = try await run(outbox, "deliveries", "show", "99")
      #expect(missing.exit == .code(64))
      #expect(missing.error.contains("no delivery 99"))
      let unknown = try await run(outbox, "events", "--destination", "cmr", "--account", "7")
      #expect(unknown.exit == .code(0))
      #expect(unknown.output.isEmpty)
      #expect(unknown.error.contains("cmr") && unknown.error.contains("audit, crm"))
      #expect(unknown.error.contains("1101000001, 1101000002"))
      let time = try await run(outbox, "events", "--since", "2 hours")
      #expect(time.exit == .code(64))
      #expect(time.error.contains("Did you mean 2h?"))
      let state = try await run(outbox, "deliveries", "--state", "dead")
      #expect(state.exit == .code(64))
      #expect(state.error.contains("deadLetter"))
    }
  }
}
