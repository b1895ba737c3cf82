import Foundation
import GreenAPI
import RelayCore
import Testing

@testable import RelayStore

@Suite("Pruning history")
struct PruningTests {
  private func ids(_ outbox: SQLiteOutbox) async throws -> [String] {
    try await outbox.events(.init(limit: .max)).map(\.notification.idMessage).reversed()
  }

  /// M0…M4, recorded 1 s apart, each with a delivery in a lane of its own, in these states.
  private func fill(_ outbox: SQLiteOutbox, _ verdicts: [Settlement.Verdict?]) async throws {
    let crm = try await outbox.destination()
    for (index, verdict) in verdicts.enumerated() {
      let now = Int64(index) * 1000
      let heads = try await outbox.record(poll([routed(notification("M\(index)"), to: (crm, Int64(index)))], at: now))
      if let verdict { _ = try await outbox.settle([settlement(heads[0], verdict)], at: moment(now + 1)) }
    }
  }

  @Test("What is older than the limit goes, with its deliveries and attempts, but nothing that is unsettled")
  func byAge() async throws {
    try await withOutbox { outbox, _ in
      try await fill(
        outbox, [.delivered, nil, .deadLetter(.tooOld), .retry(at: moment(9).steady), .held, .delivered, .delivered])
      #expect(try await outbox.prune(olderThan: moment(6000).unix, keepingAtMost: .max) == 3)
      #expect(try await ids(outbox) == ["M1", "M3", "M4", "M6"])
      #expect(try await outbox.prune(olderThan: moment(6000).unix, keepingAtMost: .max) == 0)
      #expect(try await outbox.deliveries(.init()).map(\.idMessage) == ["M6", "M4", "M3", "M1"])
      #expect(try await outbox.attempts(of: DeliveryID(rawValue: 3)).isEmpty)
      #expect(try await outbox.attempts(of: DeliveryID(rawValue: 4)).count == 1)
      // The sums are of all there ever were.
      #expect(try await outbox.destinationSummaries().map(\.delivered) == [3])
      #expect(try await outbox.accountSummaries().map(\.events) == [7])
    }
  }

  @Test("Beyond the count the oldest go, but a dead letter only when it was given up before the age limit")
  func byCount() async throws {
    try await withOutbox { outbox, _ in
      try await fill(outbox, [.delivered, .deadLetter(.tooOld), nil, .delivered, .deadLetter(.tooOld), .delivered])
      #expect(try await outbox.prune(olderThan: moment(1500).unix, keepingAtMost: 6) == 2)
      #expect(try await ids(outbox) == ["M2", "M3", "M4", "M5"])
      #expect(try await outbox.prune(olderThan: moment(0).unix, keepingAtMost: 1) == 1)
      #expect(try await ids(outbox) == ["M2", "M4", "M5"])
      #expect(try await outbox.prune(olderThan: moment(4001).unix, keepingAtMost: 0) == 1)
      #expect(try await ids(outbox) == ["M2", "M4"])
      #expect(try await outbox.prune(olderThan: moment(4002).unix, keepingAtMost: 0) == 1)
      #expect(try await ids(outbox) == ["M2"])
    }
  }

  @Test("A delivery recorded long ago that was given up just now is not pruned before anyone saw it")
  func freshDeadLetterOfOldNotification() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      let heads = try await outbox.record(poll([routed(notification("A"), to: (crm, 1))], at: 0))
      _ = try await outbox.settle([settlement(heads[0], .deadLetter(.tooOld))], at: moment(1_000_000))
      #expect(try await outbox.prune(olderThan: moment(500_000).unix, keepingAtMost: 0) == 0)
      #expect(try await outbox.prune(olderThan: moment(1_000_001).unix, keepingAtMost: .max) == 1)
    }
  }

  @Test("What is sent again is kept while it waits, however old it is, and goes when it is delivered")
  func sentAgain() async throws {
    try await withOutbox { outbox, _ in
      let (crm, log) = (try await outbox.destination(), try await outbox.destination("log"))
      let heads = try await outbox.record(
        poll([routed(notification("A"), to: (crm, 1)), routed(notification("B")), routed(notification("C"))]))
      _ = try await outbox.settle([settlement(heads[0], .delivered)], at: moment(1))
      var filter = HistoryFilter()
      filter.ids = [1, 2]
      for destination in [crm, log] {
        _ = try await outbox.replay(filter, at: destination, lane: Ordering.chat.lane(of:), now: moment(1000))
      }
      #expect(try await outbox.prune(olderThan: moment(5000).unix, keepingAtMost: 0) == 1)
      #expect(try await ids(outbox) == ["A", "B"])
      for destination in [crm, log] {
        let page = try await outbox.due(at: destination, by: moment(1000).steady, limit: 9, excluding: [])
        _ = try await outbox.settle(page.deliveries.map { settlement($0, .delivered) }, at: moment(2000))
      }
      #expect(try await outbox.prune(olderThan: moment(5000).unix, keepingAtMost: 0) == 2)
    }
  }

  @Test("An event that went nowhere is pruned too, and a pruned status is not announced by its old number")
  func withoutDeliveries() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      _ = try await outbox.record(poll([routed(notification("A")), routed(notification("B"))]))
      #expect(try await outbox.prune(olderThan: moment(1).unix, keepingAtMost: .max) == 2)
      _ = try await outbox.record(poll([routed(notification("C"), to: (crm, 1))]))
      #expect(try await outbox.events(.init()).map(\.id) == [3])
    }
  }

  @Test("One call deletes a bounded piece, further calls the rest, and the file shrinks")
  func piecesAndSize() async throws {
    try await withOutbox { outbox, directory in
      let crm = try await outbox.destination()
      let count = SQLiteOutbox.pruneLimit + 1000
      let heads = try await outbox.record(
        poll((0..<count).map { routed(notification("M\($0)"), to: (crm, Int64($0))) }))
      _ = try await outbox.settle(heads.map { settlement($0, .delivered) }, at: moment(1))
      // The file itself grows and shrinks when the log is written into it.
      func size() async throws -> Int {
        _ = try await outbox.pragma("wal_checkpoint(TRUNCATE)")
        let size = try FileManager.default.attributesOfItem(atPath: directory + "/outbox.sqlite")[.size] as? NSNumber
        return try #require(size).intValue
      }
      let full = try await size()
      var deleted: [Int] = []
      repeat {
        deleted.append(try await outbox.prune(olderThan: moment(10).unix, keepingAtMost: .max))
      } while deleted.last != 0
      #expect(deleted == [SQLiteOutbox.pruneLimit, 1000, 0])
      #expect(try await size() < full / 4)
    }
  }
}

@Suite("Query plans")
struct QueryPlanTests {
  @Test(
    "What runs while deliveries wait by the million is answered from an index, in its order",
    arguments: [
      (SQLiteOutbox.dueSQL, "due_deliveries (destination=? AND (due_at,notification)>(?,?))"),
      (SQLiteOutbox.duePlacesSQL, "COVERING INDEX due_deliveries"), (LaneQueries.headSQL, "lane_heads"),
      (LaneQueries.firstFollowerSQL, "lane_followers"), (LaneQueries.deliverySQL, "PRIMARY KEY"),
      (SQLiteOutbox.prunableSQL, "notification_ages"), (Relaning.unsettledSQL, "lane_followers"),
      (Relaning.nextLaneSQL, "lane_followers"),
    ])
  func searches(sql: String, index: String) async throws {
    try await withOutbox { outbox, _ in
      let plan = try await outbox.plan(sql)
      #expect(plan.first?.contains("SEARCH") == true && plan.first?.contains(index) == true, "\(plan)")
      #expect(!plan.contains { $0.contains("SCAN") || $0.contains("TEMP B-TREE") }, "\(plan)")
    }
  }

  @Test("Finding what is beyond the count reads the small index only")
  func excess() async throws {
    try await withOutbox { outbox, _ in
      let plan = try await outbox.plan(SQLiteOutbox.excessSQL)
      #expect(plan == ["SCAN notifications USING COVERING INDEX notification_ages"], "\(plan)")
    }
  }

  @Test("Summing up destinations never reads the settled deliveries")
  func summaries() async throws {
    try await withOutbox { outbox, _ in
      let plan = try await outbox.plan(SQLiteOutboxReader.destinationSummariesSQL)
      #expect(!plan.contains { $0.hasPrefix("SCAN deliveries") || $0.hasPrefix("SCAN notifications") }, "\(plan)")
    }
  }

  @Test("Moving to other lanes goes on where it stopped, not from the lane's beginning")
  func relaning() async throws {
    try await withOutbox { outbox, _ in
      let plan = try await outbox.plan(Relaning.unsettledSQL)
      #expect(plan.first?.contains("(destination=? AND (lane,notification)>(?,?))") == true, "\(plan)")
    }
  }

  @Test("Listing dead letters uses their own index, and by the time of giving up another", arguments: [false, true])
  func deadLetters(isByTime: Bool) async throws {
    try await withOutbox { outbox, _ in
      var filter = HistoryFilter()
      filter.states = [.deadLetter]
      filter.settledSince = isByTime ? moment(0).unix : nil
      for destinations in [Set<String>(), ["crm"]] {
        filter.destinations = destinations
        for query in [
          HistoryQuery.deliveries(filter), HistoryQuery.countDeliveries(filter), HistoryQuery.deadLetters(filter),
        ] {
          let plan = try await outbox.plan(query.sql)
          #expect(
            plan.contains { $0.contains(isByTime ? "settled_dead_letters (settled_at>?)" : "dead_letters") }, "\(plan)")
          #expect(!plan.contains { $0.contains("SCAN d USING INDEX settled") || $0 == "SCAN d" }, "\(plan)")
        }
      }
    }
  }

  @Test("What is asked for by its id, or by its message, is looked up", arguments: [false, true])
  func lookups(isByMessage: Bool) async throws {
    try await withOutbox { outbox, _ in
      var filter = HistoryFilter()
      filter.ids = isByMessage ? [] : [1, 2]
      filter.idMessage = isByMessage ? "A" : nil
      let replayable = HistoryQuery.replayable(filter, at: DestinationID(rawValue: 1))
      for query in [
        HistoryQuery.events(filter), HistoryQuery.deliveries(filter), HistoryQuery.countDeliveries(filter), replayable,
      ] {
        let plan = try await outbox.plan(query.sql).filter { !$0.contains("json_each") }
        #expect(!plan.contains { $0.hasPrefix("SCAN") }, "\(plan)")
      }
    }
  }

  @Test("Pages of events and deliveries, and of what is sent again, start where the last one ended")
  func pages() async throws {
    try await withOutbox { outbox, _ in
      var filter = HistoryFilter()
      filter.after = 5
      filter.since = moment(0).unix
      filter.until = moment(9).unix
      filter.statuses = [.read]
      let replayable = HistoryQuery.replayable(filter, at: DestinationID(rawValue: 1))
      for query in [HistoryQuery.events(filter), HistoryQuery.deliveries(filter), replayable] {
        let plan = try await outbox.plan(query.sql)
        #expect(plan.first?.contains("USING INTEGER PRIMARY KEY (rowid>?)") == true, "\(plan)")
        #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(plan)")
      }
    }
  }
}
