import Foundation
import GreenAPI
import Relay
import RelayCore
import RelayStore
import Testing

/// How failing destinations are gone about: waits, circuit, pauses, dead letters, order.
@Suite struct RetryingTests {
  @Test("A longer Retry-After wins over the schedule, in seconds or as a date", arguments: [false, true])
  func retryAfter(asDate: Bool) async throws {
    try await RelayHarness.run { harness in
      let date = harness.time.trueDate.addingTimeInterval(120)
      let value = asDate ? Self.httpDate(date) : "120"
      // The answer's own clock counts: it may differ from ours.
      let headers = ["Retry-After: \(value)"] + (asDate ? ["Date: \(Self.httpDate(harness.time.trueDate))"] : [])
      harness.consumer.behaveNext(.answer("503 Service Unavailable", headers: headers))
      try await harness.post("A")
      try await harness.poll()
      let row = try await harness.deliveries(become: "retried") { $0.first?.state == .retrying }[0]
      let wait = try #require(row.dueAt) - harness.time.now().steady
      #expect(wait == .seconds(120))
      try await harness.passUntilRetry()
      try await harness.delivered(1)
    }
  }

  @Test("A Retry-After shorter than the schedule's wait does not hurry the retry")
  func shortRetryAfter() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].delivery.retry = RetryPolicy(schedule: [.seconds(60)], jitter: 0)
    } _: { harness in
      harness.consumer.behaveNext(.answer("429 Too Many Requests", headers: ["Retry-After: 1"]))
      try await harness.post("A")
      try await harness.poll()
      let row = try await harness.deliveries(become: "retried") { $0.first?.state == .retrying }[0]
      #expect(try #require(row.dueAt) - harness.time.now().steady == .seconds(60))
    }
  }

  @Test("410 pauses the destination; its deliveries wait unharmed, over a restart too, until it is resumed")
  func gone() async throws {
    try await RelayHarness.run(destinations: 2) { harness in
      harness.consumer.behaveNext(.answer("410 Gone"))
      try await harness.post("A")
      try await harness.poll()
      try await eventually("the pause") { try await harness.destination().state == "gone" }
      try await harness.post("B")
      try await harness.poll()
      try await harness.delivered(2, at: "archive")
      #expect(harness.consumer.arrivals == ["A sent"])
      #expect(try await harness.destination("archive").state == "delivering")
      #expect(harness.log.count(of: "HTTP 410") == 1)

      try await harness.deliveries(become: "the attempt in the history") { $0[0].lastFailure == .gone }
      try await eventually("the pause in the outbox") {
        try await harness.outbox.destinationSummaries().first { $0.name == "crm" }?.pause == .gone
      }
      await harness.stop()
      try await harness.start()
      try await harness.poll()
      #expect(try await harness.destination().state == "gone")
      #expect(try await harness.deliveries().map(\.attempts) == [0, 0])

      #expect(try await harness.relay.setPause(nil, ofDestination: "crm"))
      try await harness.delivered(2)
      #expect(harness.consumer.arrivals.count == 3)
    }
  }

  @Test("After 5 messages failed in a row one probe at a time is sent, and a success lets all through")
  func circuit() async throws {
    try await RelayHarness.run(destinations: 2) { configuration in
      configuration.destinations[0].delivery.maxConcurrency = 1
      configuration.destinations[0].delivery.retry = RetryPolicy(schedule: [.seconds(3600)], jitter: 0)
    } _: { harness in
      harness.consumer.behave(.answer("503 Service Unavailable"))
      for number in 0..<20 { try await harness.post("M\(number)") }
      try await harness.poll()
      try await eventually("the open circuit") { try await harness.destination().state == "circuitOpen" }
      try await harness.delivered(20, at: "archive")
      #expect(harness.consumer.requests.count == 5)
      #expect(harness.log.count(of: "5 messages failed in a row") == 1)

      // Two probes, 5 s and then 10 s later.
      for (wait, count) in [(5, 6), (10, 7)] {
        harness.time.advance(by: .seconds(wait))
        try await harness.consumer.received(count)
        try await harness.deliveries(become: "\(count) attempted") { rows in
          rows.count { $0.attempts == 1 } == count
        }
      }
      harness.consumer.behave(.answer())
      harness.time.advance(by: .seconds(20))
      try await harness.delivered(13)
      #expect(try await harness.destination().state == "delivering")
      #expect(harness.consumer.requests.count == 20)
      #expect(try await harness.deliveries().allSatisfy { $0.attempts == 1 })
    }
  }

  @Test("With the schedule used up it is a dead letter, and a retry by hand delivers it, in its place")
  func deadLetter() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].delivery.retry = RetryPolicy(schedule: [.seconds(5)], jitter: 0)
    } _: { harness in
      harness.consumer.behaveNext(.answer("500 No"), .answer("500 No"))
      try await harness.post("A")
      try await harness.poll()
      try await harness.passUntilRetry()
      let letters = try await harness.deliveries(become: "a dead letter") { $0[0].state == .deadLetter }
      #expect(letters[0].deadLetterReason == .scheduleUsedUp)
      #expect(letters[0].attempts == 2)
      #expect(harness.log.count(of: "given up") == 1)
      // The lane goes on.
      try await harness.advance("A", to: .read)
      try await harness.poll()
      try await harness.delivered(1)

      #expect(try await harness.relay.retry(.matching(HistoryFilter())) == [letters[0].id])
      try await harness.delivered(2)
      #expect(harness.consumer.arrivals == ["A sent", "A sent", "A read", "A sent"])
    }
  }

  @Test("A delivery older than giveUpAfter is a dead letter")
  func tooOld() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].delivery.retry = RetryPolicy(
        schedule: [.seconds(60), .seconds(3600)], jitter: 0, giveUpAfter: .seconds(30))
    } _: { harness in
      harness.consumer.behave(.answer("500 No"))
      try await harness.post("A")
      try await harness.poll()
      try await harness.passUntilRetry()
      let letters = try await harness.deliveries(become: "a dead letter") { $0[0].state == .deadLetter }
      #expect(letters[0].deadLetterReason == .tooOld)
    }
  }

  @Test("A message that fails holds up its own next status, and no other message")
  func lanes() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].delivery.retry = RetryPolicy(schedule: [.seconds(600)])
    } _: { harness in
      harness.consumer.behaveNext(.answer("500 No"))
      try await harness.post("A")
      try await harness.poll()
      try await harness.deliveries(become: "retried") { $0[0].state == .retrying }
      try await harness.advance("A", to: .read)
      try await harness.post("B")
      try await harness.poll()
      try await harness.delivered(1)
      #expect(harness.consumer.arrivals == ["A sent", "B sent"])
      try await harness.passUntilRetry()
      try await harness.delivered(3)
      #expect(harness.consumer.arrivals == ["A sent", "B sent", "A sent", "A read"])
    }
  }

  @Test("No more attempts run at once than maxConcurrency, and no two of one message")
  func concurrency() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].delivery.maxConcurrency = 3
      configuration.accounts[0].poll.fillGaps = true
    } _: { harness in
      harness.consumer.behave(.hold())
      for number in 0..<6 { try await harness.post("M\(number)", .read) }
      try await harness.poll()
      try await harness.consumer.received(3)
      #expect(try await harness.destination().inFlight == 3)
      #expect(Set(harness.consumer.arrivals).count == 3)
      #expect(harness.consumer.arrivals.allSatisfy { $0.hasSuffix("sent") })
      harness.consumer.behave(.answer())
      harness.consumer.release()
      try await harness.delivered(18)
      for number in 0..<6 {
        let own = harness.consumer.arrivals.filter { $0.hasPrefix("M\(number) ") }
        #expect(own == ["M\(number) sent", "M\(number) delivered", "M\(number) read"])
      }
    }
  }

  private static func httpDate(_ date: Date) -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "GMT")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    return formatter.string(from: date)
  }
}
