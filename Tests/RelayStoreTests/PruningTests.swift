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
      let full = try #require(Int(try await outbox.pragma("page_count") ?? ""))
      var deleted: [Int] = []
      repeat {
        deleted.append(try await outbox.prune(olderThan: moment(10).unix, keepingAtMost: .max))
      } while deleted.last != 0
      #expect(deleted == [SQLiteOutbox.pruneLimit, 1000, 0])
      let left = try #require(Int(try await outbox.pragma("page_count") ?? ""))
      #expect(left < full / 4)
      await outbox.close()
      let size = try FileManager.default.attributesOfItem(atPath: directory + "/outbox.sqlite")[.size] as? NSNumber
      #expect(try #require(size).intValue <= left * 4096)
    }
  }
}

@Suite("Query plans")
struct QueryPlanTests {
  @Test(
    "What runs while deliveries wait by the million is answered from an index, in its order",
    arguments: [
      (SQLiteOutbox.dueSQL, "due_deliveries"), (LaneQueries.headSQL, "lane_heads"),
      (LaneQueries.firstFollowerSQL, "lane_followers"), (LaneQueries.deliverySQL, "PRIMARY KEY"),
      (SQLiteOutbox.prunableSQL, "notification_ages"),
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

  @Test("Listing dead letters uses their own index")
  func deadLetters() async throws {
    try await withOutbox { outbox, _ in
      var filter = HistoryFilter()
      filter.states = [.deadLetter]
      let plan = try await outbox.plan(HistoryQuery.deliveries(filter).sql)
      #expect(plan.contains { $0.contains("dead_letters") }, "\(plan)")
    }
  }
}
