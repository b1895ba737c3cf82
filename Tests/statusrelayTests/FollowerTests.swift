import Foundation
import RelayAdmin
import RelayCore
import RelayStore
import Testing

@testable import statusrelay

/// What `--follow` shows, step by step, while an outbox is written to.
@Suite("Following the history")
struct FollowerTests {
  /// An outbox being filled, and what `--follow` reads of it.
  private func withTraffic(_ body: (OutboxTraffic, any History) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      try await OutboxTraffic.with(directory) { traffic in
        let history = try await StoredHistory(directory: directory)
        do {
          try await body(traffic, history)
          await history.close()
        } catch {
          await history.close()
          throw error
        }
      }
    }
  }

  /// Steps until it has caught up.
  private func all<F: Follower>(_ follower: inout F, _ history: any History) async throws -> [F.Row] {
    var rows: [F.Row] = []
    repeat { rows += try await follower.step(history) } while follower.isBehind
    return rows
  }

  @Test("Events begin with the latest, oldest first, and go on with each new one once")
  func events() async throws {
    try await withTraffic { traffic, history in
      try await traffic.record(5)
      var follower = EventFollower(HistoryFilter())
      #expect(try await follower.begin(history, count: 3).map(\.id) == [3, 4, 5])
      #expect(try await all(&follower, history).isEmpty)
      try await traffic.record(2)
      #expect(try await all(&follower, history).map(\.id) == [6, 7])
      #expect(try await all(&follower, history).isEmpty)
    }
  }

  @Test("Many events at once come in pages, in order, none twice and none left out")
  func manyEvents() async throws {
    try await withTraffic { traffic, history in
      var follower = EventFollower(HistoryFilter())
      #expect(try await follower.begin(history, count: 10).isEmpty)
      try await traffic.record(2500)
      let first = try await follower.step(history)
      #expect(first.count == 1000 && follower.isBehind)
      let rest = try await all(&follower, history)
      #expect((first + rest).map(\.id) == Array(1...2500))
    }
  }

  @Test("What a filter leaves out is left out, before and after the beginning")
  func filteredEvents() async throws {
    try await withTraffic { traffic, history in
      var filter = HistoryFilter()
      filter.statuses = [.read]
      try await traffic.record(2, .read)
      try await traffic.record(2, .sent)
      var follower = EventFollower(filter)
      #expect(try await follower.begin(history, count: 10).map(\.id) == [1, 2])
      try await traffic.record(1, .sent)
      try await traffic.record(1, .read)
      try await traffic.record(1, .sent)
      #expect(try await all(&follower, history).map(\.id) == [6])
      #expect(try await all(&follower, history).isEmpty)
    }
  }

  @Test("A delivery that was seen unsettled is shown at each change, until it is settled")
  func deliveries() async throws {
    try await withTraffic { traffic, history in
      let old = try await traffic.record(2)
      var follower = DeliveryFollower(HistoryFilter())
      #expect(try await follower.begin(history, count: 1).map(\.id) == [2])
      let new = try await traffic.record(1)
      #expect(try await all(&follower, history).map(\.id) == [3])
      try await traffic.settle([new[0]], .retry(at: traffic.now.steady))
      #expect(try await all(&follower, history).map { [$0.state, $0.latestAnswer] } == [["retrying", "HTTP 503"]])
      #expect(try await all(&follower, history).isEmpty)
      try await traffic.settle([new[0]], .retry(at: traffic.now.steady), attempts: 2)
      #expect(try await all(&follower, history).map(\.attempts) == [2])
      // The first was never shown; the second was.
      try await traffic.settle(old, .delivered)
      try await traffic.settle([new[0]], .deadLetter(.scheduleUsedUp), attempts: 3)
      #expect(
        try await all(&follower, history).map { "\($0.id) \($0.state)" } == ["2 delivered", "3 deadLetter"])
      #expect(try await all(&follower, history).isEmpty)
    }
  }

  @Test("With states asked for, a delivery is shown when it comes into one of them")
  func deliveryStates() async throws {
    try await withTraffic { traffic, history in
      let old = try await traffic.record(1)
      var filter = HistoryFilter()
      filter.states = [.delivered]
      var follower = DeliveryFollower(filter)
      #expect(try await follower.begin(history, count: 10).isEmpty)
      let new = try await traffic.record(2)
      #expect(try await all(&follower, history).isEmpty)
      try await traffic.settle([new[0]], .retry(at: traffic.now.steady))
      #expect(try await all(&follower, history).isEmpty)
      try await traffic.settle([old[0], new[0]], .delivered)
      #expect(try await all(&follower, history).map(\.id) == [1, 2])
    }
  }

  @Test("At most a thousand deliveries are watched: the latest")
  func watchLimit() async throws {
    try await withTraffic { traffic, history in
      var follower = DeliveryFollower(HistoryFilter())
      _ = try await follower.begin(history, count: 10)
      let deliveries = try await traffic.record(1500)
      #expect(try await all(&follower, history).count == 1500)
      try await traffic.settle(deliveries, .delivered)
      #expect(try await all(&follower, history).map(\.id) == Array(501...1500))
    }
  }

  @Test("Dead letters come in the order they are given up, each time they are, whatever their ids")
  func deadLetters() async throws {
    try await withTraffic { traffic, history in
      let deliveries = try await traffic.record(6)
      try await traffic.settle([deliveries[4]], .deadLetter(.tooOld), later: .seconds(-7 * 86_400))
      try await traffic.settle([deliveries[1]], .deadLetter(.tooOld))
      var follower = DeadLetterFollower(HistoryFilter(), now: traffic.now.unix)
      #expect(try await follower.begin(history, count: 1).map(\.id) == [5])
      #expect(try await all(&follower, history).isEmpty, "what was there before the beginning is old")
      try await traffic.settle([deliveries[3]], .deadLetter(.scheduleUsedUp))
      #expect(try await all(&follower, history).map(\.id) == [4])
      try await traffic.settle([deliveries[2]], .deadLetter(.scheduleUsedUp), later: .seconds(60))
      try await traffic.settle([deliveries[0]], .deadLetter(.scheduleUsedUp), later: .seconds(90))
      #expect(try await all(&follower, history).map(\.id) == [3, 1])
      #expect(try await all(&follower, history).isEmpty)
      // Sent again, and given up again.
      _ = try await traffic.outbox.retry(.ids([deliveries[2].id]), at: traffic.now)
      #expect(try await all(&follower, history).isEmpty)
      try await traffic.settle([deliveries[2]], .deadLetter(.scheduleUsedUp), later: .seconds(100))
      #expect(try await all(&follower, history).map(\.id) == [3])
      // Recorded a little late.
      try await traffic.settle([deliveries[5]], .deadLetter(.scheduleUsedUp), later: .seconds(98))
      #expect(try await all(&follower, history).map(\.id) == [6])
    }
  }

  @Test("Thousands of dead letters at once come whole")
  func manyDeadLetters() async throws {
    try await withTraffic { traffic, history in
      let deliveries = try await traffic.record(2300)
      var follower = DeadLetterFollower(HistoryFilter(), now: traffic.now.unix)
      #expect(try await follower.begin(history, count: 10).isEmpty)
      try await traffic.settle(deliveries, .deadLetter(.tooOld))
      #expect(try await all(&follower, history).map(\.id) == Array(1...2300))
      #expect(try await all(&follower, history).isEmpty)
    }
  }
}
