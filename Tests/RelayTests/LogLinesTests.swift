import GreenAPI
import Logging
import Relay
import RelayCore
import Testing

/// What the log tells of a relay at work, and at which level.
@Suite struct LogLinesTests {
  private static func lines(_ harness: RelayHarness, _ level: String, _ text: String = "") -> [String] {
    harness.log.lines.filter { $0.contains("Z \(level) ") && $0.contains(text) }
  }

  @Test("At info a poll that brought something is one line, and a destination's work one line a minute")
  func successes() async throws {
    try await RelayHarness.run { harness in
      for number in 0..<7 { try await harness.post("M\(number)") }
      try await harness.poll()
      try await harness.delivered(7)
      #expect(Self.lines(harness, "info", "statuses recorded").map { $0.contains("count=7") } == [true])
      #expect(Self.lines(harness, "debug", "status recorded").count == 7)
      #expect(Self.lines(harness, "debug", "delivered").count == 7)
      #expect(Self.lines(harness, "info", "delivered") == [])
      try await eventually("the end of the minute is waited for") {
        harness.time.advance(by: .seconds(1))
        return !Self.lines(harness, "info", "in the last minute").isEmpty
      }
      let work = Self.lines(harness, "info", "in the last minute")
      #expect(work.count == 1 && work[0].hasSuffix("in the last minute: 7 delivered destination=crm\n"), "\(work)")
      // Nothing is done in the next minutes.
      let polls = try await harness.account().polls ?? 0
      harness.time.advance(by: .seconds(180))
      try await eventually("polls go on") { try await harness.account().polls ?? 0 > polls }
      #expect(Self.lines(harness, "info", "in the last minute").count == 1)
    }
  }

  @Test("What was done since the latest minute's end is told when the relay ends")
  func end() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      await harness.beginToStop()
      await harness.ended()
      #expect(Self.lines(harness, "info", "in the last minute: 1 delivered").count == 1)
    }
  }

  @Test("Failures have ten lines of their own a minute for each reason, then a count")
  func failures() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].delivery.retry = RetryPolicy(schedule: [.seconds(3600)], jitter: 0)
    } _: { harness in
      harness.consumer.behave(.answer("404 Not Found"))
      // All of them start before the first fails.
      for number in 0..<13 { try await harness.post("M\(number)") }
      try await harness.poll()
      try await harness.deliveries(become: "all failed") { rows in
        rows.count { $0.lastFailure == .rejected } == 13
      }
      #expect(Self.lines(harness, "warning", "attempt failed: the consumer answered HTTP 404").count == 10)
      #expect(Self.lines(harness, "debug", "attempt failed: the consumer answered HTTP 404").count == 3)
      try await eventually("the count") {
        harness.time.advance(by: .seconds(1))
        return !Self.lines(harness, "warning", "more attempts failed").isEmpty
      }
      let counted = Self.lines(harness, "warning", "3 more attempts failed (rejected) in the last minute")
      #expect(counted.count == 1 && counted[0].contains("statusrelay deliveries --destination crm"))
      let summary = Self.lines(harness, "info", "0 delivered, ")
      #expect(summary.count == 1 && summary[0].contains("attempts failed ("), "\(summary)")
    }
  }
}
