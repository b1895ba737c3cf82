import GreenAPI
import GreenAPISimulator
import Relay
import RelayCore
import RelayStore
import Testing

/// What a destination's policy lets through, in which order and how fast; and that a reload changes it at once.
@Suite struct PolicyTests {
  @Test(
    "A filter passes what it names, and the other destination gets all",
    arguments: [
      (NotificationFilter(sendByApi: true), ["text", "image"]), (NotificationFilter(sendByApi: false), ["phone"]),
      (NotificationFilter(chatIDs: [Glob("7000*@c.us")]), ["image"]),
      (NotificationFilter(chatIDs: [Glob("*@g.us"), Glob("79991234567@c.us")]), ["text", "phone"]),
      (NotificationFilter(typeMessages: ["imageMessage", "videoMessage"]), ["image", "phone"]),
      (NotificationFilter(sendByApi: true, typeMessages: ["videoMessage"]), []),
      (NotificationFilter(typeMessages: []), []),
    ])
  func filter(_ filter: NotificationFilter, passed: [String]) async throws {
    try await RelayHarness.run(destinations: 2) { configuration in
      configuration.destinations[0].filter = filter
    } _: { harness in
      for post in [
        Post(.text("a"), idMessage: "text", status: .sent, script: []),
        Post(.media(.init(.image)), idMessage: "image", chatId: "70001@c.us", status: .sent, script: []),
        Post(.media(.init(.video)), idMessage: "phone", sendByApi: false, status: .sent, script: []),
      ] {
        try await harness.simulator.post(post, on: RelayHarness.account)
      }
      try await harness.poll()
      try await harness.delivered(3, at: "archive")
      try await harness.delivered(passed.count)
      #expect(try await harness.deliveries().map(\.idMessage).sorted() == passed.sorted())
      #expect(harness.consumer.arrivals.sorted() == passed.map { "\($0) sent" }.sorted())
    }
  }

  // MARK: Order

  struct OrderingCase: Sendable {
    var ordering: Ordering
    /// What is sent while the first attempt, of `A sent`, has no answer.
    var overtakes: [String]
  }

  @Test(
    "An ordering keeps in order what shares its lane, and nothing else",
    arguments: [
      OrderingCase(ordering: .message, overtakes: ["B sent", "C sent", "D sent"]),
      OrderingCase(ordering: .chat, overtakes: ["C sent", "D sent"]),
      OrderingCase(ordering: .account, overtakes: ["D sent"]),
      OrderingCase(ordering: .none, overtakes: ["A read", "B sent", "C sent", "D sent"]),
    ])
  func ordering(_ row: OrderingCase) async throws {
    let other: IDInstance = 1_101_000_002
    try await RelayHarness.run(accounts: [RelayHarness.account, other]) { configuration in
      configuration.destinations[0].delivery.ordering = row.ordering
    } _: { harness in
      harness.consumer.behaveNext(.hold())
      try await harness.post("A")
      try await harness.poll()
      try await harness.consumer.received(1)
      try await harness.advance("A", to: .read)
      try await harness.post("B")
      try await harness.simulator.post(
        Post(.text("c"), idMessage: "C", chatId: "70001@c.us", status: .sent, script: []), on: RelayHarness.account)
      try await harness.post("D", on: other)
      try await harness.poll()
      try await harness.poll(other)
      try await harness.delivered(row.overtakes.count)
      #expect(harness.consumer.arrivals.dropFirst().sorted() == row.overtakes)
      harness.consumer.release()
      try await harness.delivered(5)
      let held = ["A read", "B sent", "C sent", "D sent"].filter { !row.overtakes.contains($0) }
      #expect(Array(harness.consumer.arrivals.suffix(held.count)) == held)
    }
  }

  @Test("A looser ordering taken over by a reload lets go at once what no longer has to wait")
  func looserOrdering() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].delivery.ordering = .account
      configuration.destinations[0].delivery.retry = RetryPolicy(schedule: [.seconds(3600)], jitter: 0)
    } _: { harness in
      harness.consumer.behaveNext(.answer("500 No"))
      try await harness.post("A")
      try await harness.poll()
      try await harness.deliveries(become: "retried") { $0[0].state == .retrying }
      try await harness.advance("A", to: .read)
      for name in ["B", "C"] { try await harness.post(name) }
      try await harness.poll()
      #expect(harness.consumer.requests.count == 1)
      var changed = harness.configuration
      changed.destinations[0].delivery.ordering = .message
      try await harness.relay.reload(changed)
      try await harness.delivered(2)
      #expect(harness.consumer.arrivals.sorted() == ["A sent", "B sent", "C sent"])
      try await harness.passUntilRetry()
      try await harness.delivered(4)
      #expect(harness.consumer.arrivals.suffix(2) == ["A sent", "A read"])
    }
  }

  @Test(
    "A stricter ordering taken over by a reload, or by a restart, holds what waits in order", arguments: [false, true])
  func stricterOrdering(byRestart: Bool) async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].delivery.retry = RetryPolicy(schedule: [.seconds(3600)], jitter: 0)
    } _: { harness in
      harness.consumer.behaveNext(.answer("500 No"), .answer("500 No"))
      try await harness.post("A")
      try await harness.poll()
      try await harness.consumer.received(1)
      try await harness.post("B")
      try await harness.poll()
      try await harness.deliveries(become: "retried") { $0.count { $0.state == .retrying } == 2 }
      var changed = harness.configuration
      changed.destinations[0].delivery.ordering = .account
      if byRestart {
        await harness.stop()
        try await harness.start(changed)
      } else {
        try await harness.relay.reload(changed)
      }
      try await harness.post("C")
      try await harness.poll()
      try await harness.deliveries(become: "recorded") { $0.count == 3 }
      #expect(harness.consumer.requests.count == 2)
      try await harness.passUntilRetry()
      try await harness.delivered(3)
      #expect(harness.consumer.arrivals == ["A sent", "B sent", "A sent", "B sent", "C sent"])
    }
  }

  @Test("What gathers while an operator has paused the destination is sent in order when it is resumed")
  func drained() async throws {
    try await RelayHarness.run { harness in
      try await harness.poll()
      #expect(try await harness.relay.setPause(.byOperator, ofDestination: "crm"))
      try await harness.post("A")
      try await harness.post("B")
      for status in [MessageStatus.delivered, .read] {
        try await harness.poll()
        for name in ["A", "B"] { try await harness.advance(name, to: status) }
      }
      try await harness.poll()
      try await harness.deliveries(become: "recorded") { $0.count == 6 }
      #expect(harness.consumer.requests.isEmpty)
      #expect(try await harness.relay.setPause(nil, ofDestination: "crm"))
      try await harness.delivered(6)
      for name in ["A", "B"] {
        let own = harness.consumer.arrivals.filter { $0.hasPrefix(name) }
        #expect(own == ["\(name) sent", "\(name) delivered", "\(name) read"])
      }
    }
  }

  // MARK: How fast

  @Test("maxConcurrency is another one as soon as a reload says so")
  func concurrency() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].delivery.maxConcurrency = 1
    } _: { harness in
      harness.consumer.behave(.hold())
      for number in 0..<6 { try await harness.post("M\(number)") }
      try await harness.poll()
      try await harness.consumer.received(1)
      var changed = harness.configuration
      changed.destinations[0].delivery.maxConcurrency = 3
      try await harness.relay.reload(changed)
      try await harness.consumer.received(3)
      #expect(try await harness.destination().inFlight == 3)
      // Fewer: those under way end, and only one goes on.
      try await harness.relay.reload(harness.configuration)
      harness.consumer.release()
      try await harness.consumer.received(4)
      try await eventually("one attempt") { try await harness.destination().inFlight == 1 }
      harness.consumer.behave(.answer())
      harness.consumer.release()
      try await harness.delivered(6)
    }
  }

  @Test("rateLimit holds in time, over a restart too, and is another one as soon as a reload says so")
  func rateLimit() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].delivery.rateLimit = RateLimit(count: 1, period: .seconds(600))
    } _: { harness in
      for number in 0..<6 { try await harness.post("M\(number)") }
      try await harness.poll()
      try await harness.delivered(1)
      harness.time.advance(by: .seconds(300))
      try await harness.poll()
      await harness.stop()
      try await harness.start()
      try await harness.poll()
      #expect(harness.consumer.requests.count == 1)
      harness.time.advance(by: .seconds(400))
      try await harness.delivered(2)
      #expect(harness.consumer.requests.count == 2)

      var changed = harness.configuration
      changed.destinations[0].delivery.rateLimit = RateLimit(count: 60, period: .seconds(600))
      try await harness.relay.reload(changed)
      #expect(harness.consumer.requests.count == 2)
      harness.time.advance(by: .seconds(11))
      try await harness.delivered(3)
      #expect(harness.consumer.requests.count == 3)
      changed.destinations[0].delivery.rateLimit = nil
      try await harness.relay.reload(changed)
      try await harness.delivered(6)
    }
  }

  // MARK: A new address

  @Test(
    "A consumer that is gone gets what waits when a reload, or a restart, gives it another url",
    arguments: [false, true])
  func newURL(byRestart: Bool) async throws {
    try await RelayHarness.run { harness in
      harness.consumer.behave(.answer("410 Gone"))
      try await harness.post("A")
      try await harness.poll()
      try await eventually("the pause in the outbox") {
        try await harness.outbox.destinationSummaries()[0].pause == .gone
      }
      // The same url, with a token more: still gone.
      var changed = harness.configuration
      changed.destinations[0].webhookUrlToken = Secret("t")
      try await harness.relay.reload(changed)
      try await harness.poll()
      #expect(try await harness.destination().state == "gone")
      changed.destinations[0].url = harness.otherConsumer.url
      if byRestart {
        await harness.stop()
        try await harness.start(changed)
      } else {
        try await harness.relay.reload(changed)
      }
      try await harness.delivered(1)
      #expect(harness.consumer.requests.count == 1)
      #expect(harness.otherConsumer.arrivals == ["A sent"])
      #expect(try await harness.destination().state == "delivering")
      #expect(harness.log.count(of: "was gone and has a new address") == 1)
    }
  }

  @Test("An operator's pause outlasts a new url")
  func pausedWithNewURL() async throws {
    try await RelayHarness.run { harness in
      try await harness.poll()
      #expect(try await harness.relay.setPause(.byOperator, ofDestination: "crm"))
      var changed = harness.configuration
      changed.destinations[0].url = harness.otherConsumer.url
      try await harness.relay.reload(changed)
      try await harness.post("A")
      try await harness.poll()
      #expect(try await harness.destination().state == "paused")
      #expect(harness.otherConsumer.requests.isEmpty)
      #expect(try await harness.relay.setPause(nil, ofDestination: "crm"))
      try await harness.delivered(1)
    }
  }
}
