import GreenAPI
import Relay
import RelayCore
import Testing

/// A disk that does not answer for a while: what does not need it goes on, what does waits, and the relay can end.
@Suite struct StalledDiskTests {
  @Test("Polls that bring nothing go on, and what waits is recorded and delivered once the disk answers")
  func goesOn() async throws {
    let other: IDInstance = 1_101_000_002
    try await RelayHarness.run(accounts: [RelayHarness.account, other]) { configuration in
      // All within the minute after which an account that nothing happens to writes how far it has got.
      for index in configuration.accounts.indices { configuration.accounts[index].poll.idleInterval = .seconds(5) }
    } _: { harness in
      try await harness.poll()
      try await harness.poll(other)
      harness.outbox.stall([.record])
      try await harness.post("A")
      let wait = try #require(try await harness.account().nextPollInSeconds)
      harness.time.advance(by: .seconds(wait + 0.001))
      try await eventually("a recording that waits") { harness.outbox.stalledCalls == 1 }
      let troubles = await harness.relay.health().troubles
      #expect(troubles.contains { $0.contains("the disk has not answered for 3600 s") }, "\(troubles)")
      #expect(harness.consumer.requests.isEmpty)
      for _ in 0..<2 { try await harness.poll(other) }
      harness.outbox.stall([])
      try await harness.delivered(1)
      #expect(await harness.relay.health().troubles == [])
    }
  }

  @Test("A result that can't be recorded for a minute holds up no attempt of others that fit into memory")
  func settling() async throws {
    try await RelayHarness.run { harness in
      harness.outbox.stall([.settle])
      for number in 0..<20 { try await harness.post("M\(number)") }
      try await harness.poll()
      try await harness.consumer.received(20)
      harness.time.advance(by: .seconds(60))
      try await harness.post("N")
      try await harness.poll()
      try await harness.consumer.received(21)
      harness.outbox.stall([])
      try await harness.delivered(21)
      #expect(harness.consumer.requests.count == 21)
    }
  }

  @Test(
    "The relay ends within half a minute, says that the disk did not answer, and makes up for it at the next start",
    arguments: [FailingOutbox.Call.record, .settle])
  func ends(_ call: FailingOutbox.Call) async throws {
    try await RelayHarness.run { harness in
      try await harness.poll()
      harness.outbox.stall([call])
      try await harness.post("A")
      let wait = try #require(try await harness.account().nextPollInSeconds)
      harness.time.advance(by: .seconds(wait + 0.001))
      try await eventually("a call that waits") { harness.outbox.stalledCalls == 1 }
      let outbox = harness.outbox
      let before = harness.time.now().steady
      await harness.stop()
      #expect(outbox.isAbandoned)
      #expect(harness.time.now().steady - before >= .seconds(20))
      #expect(harness.log.count(of: "critical the disk does not answer") == 1)
      #expect(harness.log.count(of: "notice stopped") == 1)
      try await harness.start()
      try await harness.poll()
      try await harness.delivered(1)
    }
  }
}
