import GreenAPI
import Relay
import RelayCore
import Testing

/// A graceful shutdown: what is under way may end and is recorded; nothing new begins.
@Suite struct StoppingTests {
  @Test("A running attempt gets to end, and its result is recorded")
  func attemptEnds() async throws {
    try await RelayHarness.run { harness in
      harness.consumer.behaveNext(.hold())
      try await harness.post("A")
      try await harness.poll()
      try await harness.consumer.received(1)
      let now = harness.time.now().steady
      await harness.beginToStop()
      try await eventually("the grace time") { harness.time.hasSleeper(until: now + .seconds(15)) }
      harness.consumer.release()
      await harness.ended()

      try await harness.start()
      #expect(try await harness.deliveries().map(\.state) == [.delivered])
      #expect(harness.consumer.requests.count == 1)
    }
  }

  @Test("An attempt that takes longer than 15 s is called off and made again after the start")
  func calledOff() async throws {
    try await RelayHarness.run { harness in
      harness.consumer.behaveNext(.silence)
      try await harness.post("A")
      try await harness.poll()
      try await harness.consumer.received(1)
      let now = harness.time.now().steady
      await harness.beginToStop()
      try await eventually("the grace time") { harness.time.hasSleeper(until: now + .seconds(15)) }
      harness.time.advance(by: .seconds(15))
      await harness.ended()

      try await harness.start()
      #expect(try await harness.deliveries()[0].attempts == 0)
      try await harness.delivered(1)
      #expect(harness.consumer.arrivals == ["A sent", "A sent"])
    }
  }

  @Test("Nothing new begins while it stops: no poll, and no next status of a message that was just delivered")
  func nothingNew() async throws {
    try await RelayHarness.run { harness in
      harness.consumer.behaveNext(.hold())
      try await harness.post("A")
      try await harness.poll()
      try await harness.advance("A", to: .read)
      try await harness.poll()
      try await harness.deliveries(become: "both recorded") { $0.count == 2 }
      try await harness.consumer.received(1)
      let polls = await harness.simulator.requests.first { $0.method == "getOutgoingStatuses" }?.count
      let now = harness.time.now().steady
      await harness.beginToStop()
      try await eventually("the grace time") { harness.time.hasSleeper(until: now + .seconds(15)) }
      harness.time.advance(by: .seconds(10))
      harness.consumer.release()
      await harness.ended()
      #expect(harness.consumer.requests.count == 1)
      #expect(await harness.simulator.requests.first { $0.method == "getOutgoingStatuses" }?.count == polls)

      try await harness.start()
      try await harness.delivered(2)
      #expect(harness.consumer.arrivals == ["A sent", "A read"])
    }
  }

  @Test("A poll without an answer is called off at once")
  func pollCalledOff() async throws {
    try await RelayHarness.run { harness in
      try await harness.poll()
      try await harness.spoil(.silence)
      let wait = try #require(try await harness.account().nextPollInSeconds)
      harness.time.advance(by: .seconds(wait + 0.001))
      try await eventually("the poll") {
        await harness.simulator.requests.first { $0.method == "getOutgoingStatuses" }?.count == 2
      }
      await harness.beginToStop()
      await harness.ended()
      #expect(harness.log.count(of: "notice stopped") == 1)
    }
  }
}
