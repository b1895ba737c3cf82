import GreenAPI
import Relay
import RelayCore
import RelayStore
import Testing

/// An outbox that can't be written for a while: nothing is taken for done, and nothing lost.
@Suite struct OutboxFailureTests {
  @Test(
    "A poll that can't be recorded is not done: the snapshot stays, the account says so, and the next one finds it all")
  func recording() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      try await harness.advance("A", to: .delivered)
      try await harness.post("B")

      harness.outbox.fail([.record])
      for refusal in 1...2 {
        let degraded = try await harness.poll()
        #expect(degraded.state == "degraded")
        #expect(degraded.reason == "outbox")
        #expect(degraded.description?.contains("the disk is full") == true)
        #expect(degraded.trackedMessages == 1)
        #expect(harness.outbox.refused(.record) == refusal)
      }
      #expect(try await !harness.relay.status().isHealthy)
      #expect(harness.consumer.arrivals == ["A sent"])

      harness.outbox.fail([])
      let recovered = try await harness.poll()
      #expect(recovered.state == "healthy")
      #expect(recovered.trackedMessages == 2)
      try await harness.delivered(3)
      #expect(harness.consumer.arrivals.sorted() == ["A delivered", "A sent", "B sent"])
    }
  }

  @Test("A state that passed while polls could not be recorded is skipped, as if it had not been polled")
  func skippedMeanwhile() async throws {
    try await RelayHarness.run { harness in
      harness.outbox.fail([.record])
      try await harness.post("A")
      try await harness.poll()
      try await harness.advance("A", to: .read)
      harness.outbox.fail([])
      try await harness.poll()
      try await harness.delivered(1)
      #expect(harness.consumer.arrivals == ["A read"])
    }
  }

  @Test("While results can't be recorded no attempts are made, and all goes on when they can")
  func settling() async throws {
    try await RelayHarness.run { harness in
      harness.outbox.fail([.settle])
      try await harness.post("A")
      try await harness.poll()
      try await eventually("the trouble") { try await harness.relay.status().trouble != nil }
      try await harness.post("B")
      try await harness.poll()
      #expect(harness.consumer.arrivals == ["A sent"])
      #expect(try await harness.relay.status().trouble?.contains("the disk is full") == true)
      #expect(try await !harness.relay.status().isHealthy)
      #expect(harness.log.count(of: "results can't be recorded") == 1)

      harness.outbox.fail([])
      harness.time.advance(by: .seconds(30))
      try await harness.delivered(2)
      #expect(harness.consumer.arrivals == ["A sent", "B sent"])
      #expect(try await harness.relay.status().trouble == nil)
      #expect(harness.log.count(of: "the outbox can be written again") == 1)
    }
  }

  @Test("Deliveries whose result was never recorded are sent again after a restart, with the same webhook-id")
  func restartAfterLostResults() async throws {
    try await RelayHarness.run { harness in
      harness.outbox.fail([.settle])
      try await harness.post("A")
      try await harness.poll()
      try await eventually("the trouble") { try await harness.relay.status().trouble != nil }
      await harness.stop()
      #expect(harness.log.count(of: "could not be recorded; their deliveries will be sent again") == 1)
      try await harness.start()
      try await harness.delivered(1)
      let requests = harness.consumer.requests
      #expect(requests.count == 2)
      #expect(requests[0].header("webhook-id") == requests[1].header("webhook-id"))
      #expect(requests[0].body == requests[1].body)
    }
  }

  @Test("An outbox that can't be read at the start, or for what is due, is read when it can be")
  func reading() async throws {
    try await RelayHarness.run { harness in
      harness.consumer.behaveNext(.answer("500 No"))
      try await harness.post("A")
      try await harness.poll()
      try await harness.deliveries(become: "retried") { $0.first?.state == .retrying }
      harness.outbox.fail([.due])
      try await harness.passUntilRetry()
      try await eventually("a refusal") { harness.outbox.refused(.due) > 0 }
      #expect(harness.consumer.requests.count == 1)
      harness.outbox.fail([])
      try await eventually("the retry") {
        harness.time.advance(by: .milliseconds(100))
        return harness.consumer.requests.count == 2
      }
      try await harness.delivered(1)
    }
  }

  @Test("An account whose memory can't be read waits, and says why")
  func accountUnreadable() async throws {
    try await RelayHarness.run { harness in
      await harness.stop()
      try await harness.start { $0.fail([.account]) }
      try await harness.post("A")
      try await eventually("the reason") {
        try await harness.relay.status().accounts.first?.reason == "outbox"
      }
      #expect(await harness.simulator.shown.isEmpty)
      harness.outbox.fail([])
      harness.time.advance(by: .seconds(10))
      try await harness.poll()
      try await harness.delivered(1)
    }
  }
}
