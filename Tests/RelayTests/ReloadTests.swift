import GreenAPI
import GreenAPISimulator
import Relay
import RelayCore
import Testing

/// A changed configuration takes over while the relay runs: what it leaves as it is goes on untouched, nothing is lost or repeated.
@Suite struct ReloadTests {
  private static let other: IDInstance = 1_101_000_002

  @Test("An unchanged configuration changes nothing")
  func unchanged() async throws {
    try await RelayHarness.run { harness in
      harness.consumer.behaveNext(.hold())
      try await harness.post("A")
      try await harness.poll()
      try await harness.consumer.received(1)
      let before = try await harness.account()
      try await harness.relay.reload(harness.configuration)
      harness.consumer.release()
      try await harness.delivered(1)
      #expect(try await harness.account() == before)
      try await harness.poll()
      #expect(harness.consumer.requests.count == 1)
    }
  }

  @Test("An added account is polled, a removed one no more; the one that stays is not disturbed")
  func accounts() async throws {
    try await RelayHarness.run(accounts: [RelayHarness.account, Self.other]) { harness in
      try await harness.poll()
      try await harness.poll(Self.other)
      var changed = harness.configuration
      changed.accounts.removeLast()
      let before = try await harness.account()
      try await harness.relay.reload(changed)
      try await eventually("the removal") {
        try await harness.relay.status().accounts.first { $0.idInstance == Self.other.rawValue }?.state == "notPolled"
      }
      #expect(try await harness.account().polls == before.polls)
      try await harness.post("A", on: Self.other)
      try await harness.poll()
      #expect(await harness.simulator.shown.isEmpty)

      try await harness.relay.reload(harness.configuration)
      // Nobody else waits, and its former poller's last request was long ago.
      try await eventually("the account again") { (try? await harness.account(Self.other))?.polls == 1 }
      try await harness.delivered(1)
    }
  }

  @Test("A changed account goes on from what was known of it")
  func changedAccount() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      var changed = harness.configuration
      changed.accounts[0].poll.interval = .seconds(2)
      try await harness.relay.reload(changed)
      try await eventually("the new poller") { try await harness.account().state == "starting" }
      try await harness.advance("A", to: .read)
      let account = try await harness.poll()
      #expect(account.trackedMessages == 1)
      try await harness.delivered(2)
      #expect(harness.consumer.arrivals == ["A sent", "A read"])
    }
  }

  @Test("However often an account is changed, its requests stay a second apart")
  func requestRate() async throws {
    try await RelayHarness.run { harness in
      try await harness.poll()
      var changed = harness.configuration
      for round in 1...8 {
        changed.accounts[0].poll.interval = .milliseconds(1000 + round)
        try await harness.relay.reload(changed)
        try await eventually("the new poller") { try await harness.account().state == "starting" }
        #expect(try await harness.account().nextPollInSeconds == nil, "it is not said what is not known")
        #expect(try await harness.poll().failedPolls == 0)
      }
      let times = try #require(await harness.simulator.requests.first { $0.method == "getOutgoingStatuses" }).recent
      #expect(times.count == 9)
      #expect(zip(times, times.dropFirst()).allSatisfy { $1.timeIntervalSince($0) >= 0.9999 })
    }
  }

  @Test("What waits for a removed destination stays, is named, and is sent when the destination is configured again")
  func removedDestination() async throws {
    try await RelayHarness.run(destinations: 2) { harness in
      harness.consumer.behave(.answer("503 Not now"))
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1, at: "archive")
      try await harness.deliveries(become: "retried") { $0.first?.state == .retrying }
      var changed = harness.configuration
      changed.destinations.removeFirst()
      try await harness.relay.reload(changed)
      try await eventually("the removal") { try await harness.destination().state == "notServed" }
      #expect(harness.log.count(of: "1 deliveries wait for a destination that is not configured") == 1)
      harness.time.advance(by: .seconds(60))
      try await harness.post("B")
      try await harness.poll()
      try await harness.delivered(2, at: "archive")
      #expect(harness.consumer.requests.count == 1)
      #expect(try await harness.deliveries().map(\.state) == [.retrying])

      harness.consumer.behave(.answer())
      try await harness.relay.reload(harness.configuration)
      try await harness.delivered(1)
      try await harness.advance("B", to: .read)
      try await harness.poll()
      try await harness.delivered(2)
      #expect(harness.consumer.arrivals == ["A sent", "A sent", "B read"])
    }
  }

  @Test("An attempt under way at a destination that is removed is recorded, and not made again when it is back")
  func removedInFlight() async throws {
    try await RelayHarness.run { harness in
      harness.consumer.behaveNext(.hold())
      try await harness.post("A")
      try await harness.poll()
      try await harness.consumer.received(1)
      var changed = harness.configuration
      changed.destinations = []
      try await harness.relay.reload(changed)
      try await eventually("the removal") { try await harness.destination().state == "notServed" }
      harness.consumer.release()
      try await harness.delivered(1)
      try await harness.relay.reload(harness.configuration)
      try await harness.advance("A", to: .read)
      try await harness.poll()
      try await harness.delivered(2)
      #expect(harness.consumer.arrivals == ["A sent", "A read"])
    }
  }

  @Test("A destination added later gets what is recorded from then on")
  func addedDestination() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      var changed = harness.configuration
      changed.destinations.append(.init(name: "archive", url: harness.otherConsumer.url))
      try await harness.relay.reload(changed)
      try await harness.advance("A", to: .read)
      try await harness.poll()
      try await harness.delivered(1, at: "archive")
      #expect(harness.otherConsumer.arrivals == ["A read"])
    }
  }

  @Test("A changed url is used from the next attempt on, for what waits already too")
  func changedURL() async throws {
    try await RelayHarness.run { harness in
      harness.consumer.behave(.answer("404 Not Found"))
      try await harness.post("A")
      try await harness.poll()
      try await harness.deliveries(become: "retried") { $0.first?.state == .retrying }
      var changed = harness.configuration
      changed.destinations[0].url = harness.otherConsumer.url
      try await harness.relay.reload(changed)
      try await harness.passUntilRetry()
      try await harness.delivered(1)
      #expect(harness.otherConsumer.arrivals == ["A sent"])
      #expect(harness.consumer.requests.count == 1)
    }
  }

  @Test("A reload that the outbox refuses leaves the configuration in force")
  func refused() async throws {
    try await RelayHarness.run { harness in
      var changed = harness.configuration
      changed.destinations[0].url = harness.otherConsumer.url
      // Once it polls, its start, which asks the outbox for the destinations too, is over.
      try await harness.poll()
      harness.outbox.fail([.destinations])
      await #expect(throws: FailingOutbox.error) { try await harness.relay.reload(changed) }
      harness.outbox.fail([])
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      #expect(harness.consumer.arrivals == ["A sent"])
    }
  }
}
