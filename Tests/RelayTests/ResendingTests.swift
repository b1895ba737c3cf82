import GreenAPI
import Relay
import RelayCore
import RelayStore
import Testing

/// What an operator has sent again: dead letters, and notifications of the history.
@Suite struct ResendingTests {
  @Test("A replay sends again what the destination takes, the same bytes under the same webhook-id, in order")
  func replay() async throws {
    try await RelayHarness.run(destinations: 2) { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.advance("A", to: .delivered)
      try await harness.post("B")
      try await harness.poll()
      try await harness.delivered(3)
      var changed = harness.configuration
      changed.destinations[0].statuses = [.sent]
      try await harness.relay.reload(changed)
      let page = try #require(try await harness.relay.replay(HistoryFilter(), destination: "crm"))
      #expect(page.replayed == 2 && page.passedOver == 1)
      try await harness.consumer.received(5)
      try await harness.delivered(3)
      let first = harness.consumer.requests[0]
      let again = try #require(harness.consumer.requests[3...].first { $0.arrival == "A sent" })
      #expect(again.body == first.body)
      #expect(again.header("webhook-id") == first.header("webhook-id"))
      #expect(Set(harness.consumer.arrivals[3...]) == ["A sent", "B sent"])
      #expect(harness.otherConsumer.requests.count == 3)
      let rest = try #require(
        try await harness.relay.replay(
          {
            var filter = HistoryFilter()
            filter.after = page.last
            return filter
          }(), destination: "crm"))
      #expect(rest == ReplayPage(replayed: 0, passedOver: 0, last: nil))
      #expect(try await harness.relay.replay(HistoryFilter(), destination: "nobody") == nil)
    }
  }

  @Test("A replay at the configured name reaches each account's own destination, page by page")
  func family() async throws {
    let other: IDInstance = 1_101_000_002
    try await RelayHarness.run(accounts: [RelayHarness.account, other]) { configuration in
      configuration.destinations[0].url = nil
    } _: { harness in
      try await harness.setWebhook(harness.consumer.url)
      try await harness.setWebhook(harness.otherConsumer.url, of: other)
      for name in ["A", "B"] { try await harness.post(name) }
      try await harness.post("C", on: other)
      try await harness.poll()
      try await harness.poll(other)
      try await harness.delivered(3)
      var filter = HistoryFilter(limit: 2)
      var pages: [ReplayPage] = []
      while let page = try await harness.relay.replay(filter, destination: "crm"), let last = page.last {
        pages.append(page)
        filter.after = last
      }
      #expect(pages.map(\.replayed) == [2, 1])
      #expect(pages.map(\.passedOver) == [0, 0])
      try await harness.consumer.received(4)
      try await harness.otherConsumer.received(2)
      try await harness.delivered(3)
      #expect(harness.consumer.requests.count == 4 && harness.otherConsumer.requests.count == 2)
    }
  }

  @Test("Dead letters are retried by what they are, and only those")
  func retry() async throws {
    try await RelayHarness.run(destinations: 2) { configuration in
      for index in 0...1 {
        configuration.destinations[index].delivery.retry = RetryPolicy(schedule: [.milliseconds(1)], jitter: 0)
      }
    } _: { harness in
      for consumer in [harness.consumer, harness.otherConsumer] { consumer.behave(.answer("500 No")) }
      for name in ["A", "B"] { try await harness.post(name) }
      try await harness.poll()
      for name in ["crm", "archive"] {
        try await harness.deliveries(at: name, become: "dead letters") { rows in
          harness.time.advance(by: .milliseconds(10))
          return rows.count == 2 && rows.allSatisfy { $0.state == .deadLetter }
        }
      }
      for consumer in [harness.consumer, harness.otherConsumer] { consumer.behave(.answer()) }
      var filter = HistoryFilter()
      filter.destinations = ["crm"]
      filter.idMessage = "B"
      #expect(try await harness.relay.retry(.matching(filter)).count == 1)
      try await harness.delivered(1)
      #expect(try await harness.deliveries().map(\.state) == [.deadLetter, .delivered])
      #expect(try await harness.deliveries(at: "archive").map(\.state) == [.deadLetter, .deadLetter])
    }
  }
}
