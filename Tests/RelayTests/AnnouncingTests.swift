import GreenAPI
import GreenAPISimulator
import Relay
import RelayCore
import Testing

/// What is announced, from poll to consumer. The rules themselves are tested at the snapshot.
@Suite struct AnnouncingTests {
  @Test("A status is announced once for each step, in order, and never for pending")
  func steps() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A", .pending)
      try await harness.poll()
      for status in [MessageStatus.sent, .delivered, .read] {
        try await harness.advance("A", to: status)
        try await harness.poll()
        try await harness.poll()
      }
      try await harness.delivered(3)
      #expect(harness.consumer.arrivals == ["A sent", "A delivered", "A read"])
    }
  }

  @Test("startFrom now: what the first poll shows is known and not announced, what follows is")
  func startFromNow() async throws {
    try await RelayHarness.run { configuration in
      configuration.accounts[0].poll.startFrom = .now
    } prepare: { simulator in
      try await simulator.post(
        Post(.text("old"), idMessage: "A", status: .sent, script: []), on: RelayHarness.account)
    } _: { harness in
      #expect(try await harness.poll().trackedMessages == 1)
      try await harness.advance("A", to: .delivered)
      try await harness.post("B")
      try await harness.poll()
      try await harness.delivered(2)
      #expect(harness.consumer.arrivals.sorted() == ["A delivered", "B sent"])
    }
  }

  @Test("A relay whose clock is hours ahead still announces what is new by GREEN-API's")
  func wrongClock() async throws {
    try await RelayHarness.run { configuration in
      configuration.accounts[0].poll.startFrom = .now
    } _: { harness in
      harness.time.stepWallClock(by: .seconds(5 * 3600))
      try await harness.poll()
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
    }
  }

  @Test("fillGaps announces the ranks that no poll saw, with the same timestamp")
  func fillGaps() async throws {
    try await RelayHarness.run { configuration in
      configuration.accounts[0].poll.fillGaps = true
    } _: { harness in
      try await harness.post("A", .read)
      try await harness.poll()
      try await harness.delivered(3)
      #expect(harness.consumer.arrivals == ["A sent", "A delivered", "A read"])
      #expect(Set(harness.consumer.requests.map { $0.json["timestamp"] as? Int }).count == 1)
    }
  }

  @Test("A failure brings its description along")
  func failure() async throws {
    try await RelayHarness.run { harness in
      try await harness.simulator.post(
        Post(
          .text("A status"), idMessage: "A", status: .failed, script: [], description: "the number is \"wrong\""),
        on: RelayHarness.account)
      try await harness.poll()
      let body = try await harness.consumer.received(1)[0].json
      #expect(body["status"] as? String == "failed")
      #expect(body["description"] as? String == "the number is \"wrong\"")
    }
  }

  @Test("A restarted relay announces nothing again, and what changed while it was away")
  func restart() async throws {
    try await RelayHarness.run { harness in
      for id in ["A", "B"] { try await harness.post(id) }
      try await harness.poll()
      try await harness.delivered(2)
      await harness.stop()
      harness.time.advance(by: .seconds(7200))
      try await harness.advance("B", to: .read)
      try await harness.start()
      try await harness.poll()
      try await harness.delivered(3)
      try await harness.poll()
      #expect(harness.consumer.arrivals.count == 3)
      #expect(harness.consumer.arrivals[2] == "B read")
    }
  }

  @Test("A destination gets the accounts and statuses it asked for, and no others")
  func routes() async throws {
    let other: IDInstance = 1_101_000_002
    try await RelayHarness.run(accounts: [RelayHarness.account, other], destinations: 2) { configuration in
      configuration.destinations[0].accounts = [other]
      configuration.destinations[1].statuses = [.read, .failed]
    } _: { harness in
      try await harness.post("A", .read)
      try await harness.post("B", .sent)
      try await harness.post("C", .sent, on: other)
      try await harness.poll()
      try await harness.poll(other)
      try await harness.delivered(1)
      try await harness.delivered(1, at: "archive")
      #expect(harness.consumer.arrivals == ["C sent"])
      #expect(harness.otherConsumer.arrivals == ["A read"])
      #expect(try await harness.deliveries().count == 1)
      #expect(try await harness.deliveries(at: "archive").count == 1)
    }
  }
}
