import GreenAPI
import Relay
import RelayCore
import RelayStore
import Testing

/// What an operator sees of an open circuit, and that a restart doesn't forget it.
@Suite struct CircuitTests {
  private static func run(_ body: (RelayHarness) async throws -> Void) async throws {
    try await RelayHarness.run { configuration in
      // Polls come within the first wait, so that they make something due before a probe.
      configuration.accounts[0].poll.interval = .seconds(2)
      configuration.destinations[0].delivery.maxConcurrency = 1
      configuration.destinations[0].delivery.retry = RetryPolicy(schedule: [.seconds(36_000)], jitter: 0)
    } _: { harness in
      harness.consumer.behave(.answer("503 Service Unavailable"))
      for number in 0..<10 { try await harness.post("M\(number)") }
      try await harness.poll()
      try await eventually("the open circuit") { try await harness.destination().circuit == "open" }
      try await body(harness)
    }
  }

  private static func stored(_ harness: RelayHarness) async throws -> CircuitBreaker.Trip? {
    // With what is entered already, this only reads.
    try await harness.outbox.enter([.init(name: "crm", ordering: .message)], at: harness.time.now())["crm"]?.circuit
  }

  @Test("An open circuit says since when, and when the next probe is; a probe under way says so")
  func shown() async throws {
    try await Self.run { harness in
      let opened = harness.time.trueDate
      let open = try await harness.destination()
      #expect(open.state == "circuitOpen")
      #expect(open.circuitOpenedAt == opened)
      #expect(open.nextProbe == opened.addingTimeInterval(5))
      harness.consumer.behave(.hold("503 Service Unavailable"))
      harness.time.advance(by: .seconds(5))
      try await harness.consumer.received(6)
      let probing = try await harness.destination()
      #expect(probing.circuit == "probing" && probing.state == "circuitOpen")
      #expect(probing.nextProbe == nil && probing.circuitOpenedAt == opened)
      harness.consumer.release()
      let again = try await eventually("the open circuit again") {
        let destination = try await harness.destination()
        return destination.circuit == "open" ? destination : nil
      }
      #expect(again.circuitOpenedAt == opened)
      #expect(again.nextProbe == harness.time.trueDate.addingTimeInterval(10))
      harness.consumer.behave(.answer())
      harness.time.advance(by: .seconds(10))
      try await harness.delivered(4)
      let closed = try await harness.destination()
      #expect(closed.circuit == "closed" && closed.state == "delivering")
      #expect(closed.circuitOpenedAt == nil && closed.nextProbe == nil)
    }
  }

  @Test("Slow answers open it as well")
  func timeouts() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].timeout = .milliseconds(200)
    } _: { harness in
      harness.consumer.behave(.silence)
      for number in 0..<5 { try await harness.post("M\(number)") }
      try await harness.poll()
      try await eventually("the open circuit") { try await harness.destination().circuit == "open" }
      #expect(try await harness.destination().latestFailure?.failure == "timeout")
    }
  }

  @Test("It is open after a restart as it was before: no attempt before the next probe, and the wait goes on growing")
  func restart() async throws {
    try await Self.run { harness in
      harness.time.advance(by: .seconds(5))
      try await harness.consumer.received(6)
      try await eventually("the second wait in the outbox") { try await Self.stored(harness)?.interval == .seconds(10) }
      let before = try await harness.destination()
      let until = try #require(try await Self.stored(harness)).until
      // Nothing is in the air, so that no time has to pass: on a slow machine it would reach the probe.
      await harness.beginToStop()
      await harness.ended()
      try await harness.start()
      // Something that is due, and must wait for the probe.
      try await harness.post("later")
      try await harness.poll()
      let after = try await harness.destination()
      #expect(after.waiting == before.waiting + 1)
      #expect(harness.log.count(of: "warning the destination failed before the relay was started") == 1)
      #expect(after.state == "circuitOpen")
      #expect(after.circuitOpenedAt == before.circuitOpenedAt)
      #expect(after.nextProbe == before.nextProbe)
      harness.time.advance(to: until - .milliseconds(1))
      #expect(try await harness.destination().circuit == "open")
      #expect(harness.consumer.requests.count == 6)
      harness.time.advance(to: until)
      try await harness.consumer.received(7)
      try await eventually("the third wait") { try await Self.stored(harness)?.interval == .seconds(20) }
    }
  }

  @Test("Once closed it is closed after a restart")
  func closed() async throws {
    try await Self.run { harness in
      try await eventually("the circuit in the outbox") { try await Self.stored(harness) != nil }
      harness.consumer.behave(.answer())
      harness.time.advance(by: .seconds(5))
      try await harness.delivered(5)
      try await eventually("the closed circuit in the outbox") { try await Self.stored(harness) == nil }
      await harness.stop()
      try await harness.start()
      try await harness.post("later")
      try await harness.poll()
      try await harness.delivered(6)
    }
  }

  @Test("An outbox that can't take it down keeps nothing up, is told of once, and catches up")
  func unrecorded() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].delivery.maxConcurrency = 1
      configuration.destinations[0].delivery.retry = RetryPolicy(schedule: [.seconds(36_000)], jitter: 0)
    } _: { harness in
      harness.outbox.fail([.setCircuit])
      harness.consumer.behave(.answer("503 Service Unavailable"))
      for number in 0..<10 { try await harness.post("M\(number)") }
      try await harness.poll()
      try await eventually("a refusal") { harness.outbox.refused(.setCircuit) > 0 }
      for _ in 0..<3 {
        let refused = harness.outbox.refused(.setCircuit)
        try await eventually("another refusal") {
          harness.time.advance(by: .seconds(1))
          return harness.outbox.refused(.setCircuit) > refused
        }
      }
      #expect(harness.log.count(of: "state can't be recorded") == 1)
      #expect(harness.consumer.requests.count > 5)
      harness.outbox.fail([])
      try await eventually("the circuit in the outbox") {
        harness.time.advance(by: .seconds(1))
        return try await Self.stored(harness) != nil
      }
    }
  }

  @Test("The new address of a reload is tried at once, whatever the old one's circuit")
  func newAddress() async throws {
    try await Self.run { harness in
      var changed = harness.configuration
      changed.destinations[0].url = harness.otherConsumer.url
      try await harness.relay.reload(changed)
      try await harness.delivered(5)
      #expect(harness.otherConsumer.requests.count == 5)
      #expect(try await harness.destination().circuit == "closed")
      try await eventually("the closed circuit in the outbox") { try await Self.stored(harness) == nil }
    }
  }
}
