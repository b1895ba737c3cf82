import GreenAPI
import RelayCore
import Testing

@testable import RelayStore

@Suite("Looking for due deliveries")
struct DueTests {
  @Test("The earliest due come first, only those due by then, up to the limit, without what the caller holds")
  func pages() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      let log = try await outbox.destination("log")
      let heads = try await outbox.record(
        poll(
          (1...5).map { routed(notification("M\($0)"), to: (crm, $0)) } + [routed(notification("X"), to: (log, 1))],
          at: 0))
      // Due at 50, 40, 30, 20, 10.
      _ = try await outbox.settle(
        heads.prefix(5).enumerated().map { settlement($1, .retry(at: moment(Int64(50 - $0 * 10)).steady)) },
        at: moment(1))
      func page(by time: Int64, _ limit: Int, excluding: Set<DeliveryID> = []) async throws -> ([String], Int64?) {
        let page = try await outbox.due(at: crm, by: moment(time).steady, limit: limit, excluding: excluding)
        return (page.deliveries.map(\.notification.idMessage), page.nextDue?.milliseconds)
      }
      #expect(try await page(by: 30, 10) == (["M5", "M4", "M3"], 40))
      #expect(try await page(by: 30, 2) == (["M5", "M4"], 30))
      #expect(try await page(by: 9, 10) == ([], 10))
      #expect(try await page(by: 50, 10) == (["M5", "M4", "M3", "M2", "M1"], nil))
      #expect(try await page(by: 50, 0) == ([], 10))
      #expect(try await page(by: 30, 10, excluding: [heads[4].id, heads[1].id]) == (["M4", "M3"], 50))
      #expect(try await page(by: 50, 10, excluding: Set(heads.map(\.id))) == ([], nil))
    }
  }

  @Test("Equally due ones come in the order recorded")
  func ties() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      // Lanes in falling order, so that an order by lane would show.
      let heads = try await outbox.record(poll((1...9).map { routed(notification("M\($0)"), to: (crm, -$0)) }))
      #expect(try await outbox.dueIDs(at: crm) == heads.map(\.id))
      // The caller holds the first ones, and one from the middle.
      let held = Set((heads[..<4] + heads[6...6]).map(\.id))
      let rest = try await outbox.due(at: crm, by: moment(0).steady, limit: 3, excluding: held)
      #expect(rest.deliveries == [heads[4], heads[5], heads[7]] && rest.nextDue != nil)
    }
  }

  @Test("What waits behind another of its lane is never due")
  func followers() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      let heads = try await outbox.record(poll((1...9).map { routed(notification("M\($0)"), to: (crm, 7)) }))
      #expect(heads.count == 1)
      let page = try await outbox.due(at: crm, by: moment(1_000_000).steady, limit: 10, excluding: [])
      #expect(page == DuePage(deliveries: heads, nextDue: nil))
    }
  }
}

@Suite("Dead letters")
struct DeadLetterTests {
  @Test("A retried dead letter is due with a fresh schedule, and only what was a dead letter is named")
  func retry() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      let heads = try await outbox.record(poll((1...3).map { routed(notification("M\($0)"), to: (crm, $0)) }))
      _ = try await outbox.settle(
        [settlement(heads[0], .deadLetter(.scheduleUsedUp), attempts: 11), settlement(heads[1], .delivered)],
        at: moment(5))
      let row = try #require(try await outbox.deliveries(.init()).last)
      #expect(row.deadLetterReason == .scheduleUsedUp && row.state == .deadLetter && row.settledAt == moment(5).unix)

      let ids = heads.map(\.id) + [heads[0].id, DeliveryID(rawValue: 999)]
      #expect(try await outbox.retry(.ids(ids), at: moment(70)) == [heads[0].id])
      #expect(try await outbox.retry(.ids(ids), at: moment(71)) == [])
      var fresh = heads[0]
      fresh.recordedAt = moment(70).steady
      let page = try await outbox.due(at: crm, by: moment(70).steady, limit: 9, excluding: [heads[2].id])
      #expect(page.deliveries == [fresh])
      let revived = try #require(try await outbox.deliveries(.init()).last)
      #expect(revived.state == .waiting && revived.attempts == 0 && revived.deadLetterReason == nil)
      // Its earlier attempts are still to be seen.
      #expect(try await outbox.attempts(of: heads[0].id).count == 1)
      _ = try await outbox.settle([settlement(fresh, .delivered)], at: moment(72))
      #expect(try await outbox.attempts(of: heads[0].id).map(\.number) == [1, 2])
    }
  }

  @Test("All dead letters, or those of one destination, are retried")
  func selections() async throws {
    try await withOutbox { outbox, _ in
      let (crm, log) = (try await outbox.destination("crm"), try await outbox.destination("log"))
      let heads = try await outbox.record(
        poll((1...3).map { routed(notification("M\($0)"), to: (crm, $0), (log, $0)) }))
      func giveUp() async throws {
        _ = try await outbox.settle(heads.map { settlement($0, .deadLetter(.tooOld)) }, at: moment(1))
      }
      try await giveUp()
      let ofLog = heads.filter { $0.destination == log }.map(\.id)
      var filter = HistoryFilter()
      filter.destinations = ["log"]
      #expect(try await outbox.retry(.matching(filter), at: moment(2)) == ofLog)
      #expect(try await outbox.dueIDs(at: log) == ofLog)
      #expect(try await outbox.dueIDs(at: crm).isEmpty)
      try await giveUp()
      #expect(try await outbox.retry(.matching(HistoryFilter(limit: .max)), at: moment(3)) == heads.map(\.id))
      #expect(try await outbox.retry(.matching(HistoryFilter(limit: .max)), at: moment(3)).isEmpty)
    }
  }

  @Test("The oldest that match are retried, up to the limit, also when they are more than one transaction takes")
  func pieces() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      let count = 2 * SQLiteOutbox.retryLimit + 300
      let heads = try await outbox.record(
        poll((0..<count).map { routed(notification("M\($0)"), to: (crm, Int64($0))) }))
      _ = try await outbox.settle(heads.map { settlement($0, .deadLetter(.tooOld)) }, at: moment(1))
      var filter = HistoryFilter(limit: count - 500)
      filter.after = heads[99].id.rawValue
      let expected = heads[100...].prefix(filter.limit).map(\.id)
      #expect(try await outbox.retry(.matching(filter), at: moment(2)) == expected)
      #expect(try await outbox.dueIDs(at: crm) == expected)
      #expect(try await outbox.retry(.matching(.init(limit: 0)), at: moment(2)).isEmpty)
      #expect(try await outbox.retry(.ids(heads.map(\.id)), at: moment(3)).count == 500)
    }
  }

  @Test("Of the dead letters those of a message, an account, a status and a time are retried")
  func filters() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      let first = try await outbox.record(
        poll([routed(notification("A"), to: (crm, 1)), routed(notification("B", .read), to: (crm, 2))]))
      let second = try await outbox.record(
        poll(of: 9, [routed(notification("A", of: 9), to: (crm, 3)), routed(notification("C", of: 9), to: (crm, 4))]))
      func retried(_ change: (inout HistoryFilter) -> Void) async throws -> String {
        for (index, delivery) in (first + second[..<1]).enumerated() {
          _ = try await outbox.settle([settlement(delivery, .deadLetter(.tooOld))], at: moment(Int64(index)))
        }
        var filter = HistoryFilter()
        change(&filter)
        let ids = try await outbox.retry(.matching(filter), at: moment(9))
        let revived = Set(ids.map(\.rawValue))
        #expect(
          try await outbox.deliveries(.init()).filter { revived.contains($0.id.rawValue) }.allSatisfy {
            $0.state == .waiting
          })
        return ids.map { "\($0.rawValue)" }.joined(separator: " ")
      }
      #expect(try await retried { $0.idMessage = "A" } == "1 3")
      #expect(try await retried { $0.accounts = [9] } == "3")
      #expect(try await retried { $0.statuses = [.read] } == "2")
      #expect(try await retried { $0.settledSince = moment(1).unix } == "2 3")
      #expect(try await retried { $0.ids = [2, 4] } == "2")
      // Only dead letters, whatever states are named.
      #expect(try await retried { $0.states = [.waiting] } == "1 2 3")
    }
  }

  @Test("A retried dead letter waits for the one of its lane that may be in the air, then goes before the others")
  func placeInLane() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      let heads = try await outbox.record(
        poll([
          routed(notification("A", .sent), to: (crm, 1)), routed(notification("A", .delivered), to: (crm, 1)),
          routed(notification("A", .read), to: (crm, 1)),
        ]))
      let inTheAir = try await outbox.settle([settlement(heads[0], .deadLetter(.tooOld))], at: moment(1))
      #expect(try await outbox.retry(.matching(HistoryFilter(limit: .max)), at: moment(2)) == [heads[0].id])
      #expect(try await outbox.dueIDs(at: crm) == inTheAir.map(\.id))
      // It fails, and stays before the dead letter: a lane's head never changes while it is unsettled.
      _ = try await outbox.settle([settlement(inTheAir[0], .retry(at: moment(9).steady))], at: moment(3))
      #expect(try await outbox.dueIDs(at: crm) == inTheAir.map(\.id))
      let revived = try await outbox.settle([settlement(inTheAir[0], .delivered)], at: moment(9))
      #expect(revived.map(\.id) == [heads[0].id])
      let last = try await outbox.settle([settlement(revived[0], .delivered)], at: moment(10))
      #expect(last.map(\.notification.status) == [.read])
    }
  }
}
