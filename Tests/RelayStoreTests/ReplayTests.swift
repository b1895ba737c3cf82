import GreenAPI
import RelayCore
import Testing

@testable import RelayStore

@Suite("Sending notifications again")
struct ReplayTests {
  private func replay(
    _ outbox: SQLiteOutbox, _ destination: DestinationID, at now: Int64 = 1000, takes status: MessageStatus? = nil,
    _ change: (inout HistoryFilter) -> Void = { _ in }
  ) async throws -> ReplayPage {
    var filter = HistoryFilter(limit: 100)
    change(&filter)
    return try await outbox.replay(
      filter, at: destination,
      lane: { status == nil || $0.status == status ? Ordering.chat.lane(of: $0) : nil }, now: moment(now))
  }

  private func deliver(_ outbox: SQLiteOutbox, _ destination: DestinationID, at now: Int64) async throws -> [String] {
    var arrived: [String] = []
    while true {
      let page = try await outbox.due(at: destination, by: moment(.max / 4).steady, limit: 100, excluding: [])
      if page.deliveries.isEmpty { return arrived }
      arrived += page.deliveries.map(\.name)
      _ = try await outbox.settle(page.deliveries.map { settlement($0, .delivered) }, at: moment(now))
    }
  }

  @Test("What was delivered and what was given up waits again with a fresh schedule, and keeps its number")
  func settled() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      let heads = try await outbox.record(
        poll([routed(notification("A"), to: (crm, 1)), routed(notification("B"), to: (crm, 2))]))
      _ = try await outbox.settle(
        [
          settlement(heads[0], .delivered, attempts: 4),
          settlement(heads[1], .deadLetter(.scheduleUsedUp), attempts: 11),
        ],
        at: moment(5))
      #expect(try await replay(outbox, crm) == ReplayPage(replayed: 2, passedOver: 0, last: 2))
      let page = try await outbox.due(at: crm, by: moment(1000).steady, limit: 9, excluding: [])
      #expect(page.deliveries.map(\.id) == heads.map(\.id))
      #expect(page.deliveries.allSatisfy { $0.attempts == 0 && $0.recordedAt == moment(1000).steady })
      #expect(page.deliveries.map(\.notification) == heads.map(\.notification))
      for row in try await outbox.deliveries(.init()) {
        #expect(row.state == .waiting && row.settledAt == nil && row.deadLetterReason == nil)
      }
      #expect(try await outbox.latestSteadyTime() == moment(1000).steady)
      // What waits already is left alone.
      #expect(try await replay(outbox, crm, at: 2000) == ReplayPage(replayed: 0, passedOver: 2, last: 2))
      #expect(try await outbox.due(at: crm, by: moment(1000).steady, limit: 9, excluding: []) == page)
      #expect(try await deliver(outbox, crm, at: 3000) == ["As", "Bs"])
      #expect(try await outbox.destinationSummaries().map(\.delivered) == [3])
    }
  }

  @Test("Every attempt stays to be seen: the success before, and what came after")
  func attempts() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      let head = try await outbox.record(poll([routed(notification("A"), to: (crm, 1))]))[0]
      let failure = report(.timeout, status: nil, detail: "30 s without an answer")
      _ = try await outbox.settle([settlement(head, .retry(at: moment(1).steady), report: failure)], at: moment(1))
      let successes = [report(status: 201), report(status: 202), report(status: 203)]
      for (round, success) in successes.enumerated() {
        _ = try await outbox.settle([settlement(head, .delivered, report: success)], at: moment(2))
        let listed = try await outbox.attempts(of: head.id)
        #expect(listed.map(\.report) == [failure] + successes[...round])
        #expect(listed.map(\.number) == Array(1...(round + 2)))
        #expect(try await replay(outbox, crm).replayed == 1)
        #expect(try await outbox.attempts(of: head.id) == listed)
      }
      _ = try await outbox.settle([settlement(head, .deadLetter(.tooOld), report: failure)], at: moment(3))
      #expect(try await outbox.attempts(of: head.id).map(\.report) == [failure] + successes + [failure])
    }
  }

  @Test("A notification that never went to a destination goes there, if the destination takes it")
  func neverRouted() async throws {
    try await withOutbox { outbox, _ in
      let (crm, new) = (try await outbox.destination(), try await outbox.destination("new"))
      _ = try await outbox.record(
        poll([
          routed(notification("A", .sent), to: (crm, 1)), routed(notification("A", .read), to: (crm, 1)),
          routed(notification("B", .sent)),
        ]))
      #expect(
        try await replay(outbox, new, takes: .sent) == ReplayPage(replayed: 2, passedOver: 1, last: 3))
      #expect(try await deliver(outbox, new, at: 2000) == ["As", "Bs"])
      // The other destination has nothing of it.
      #expect(try await outbox.dueIDs(at: crm).count == 1)
      #expect(try await replay(outbox, new) == ReplayPage(replayed: 3, passedOver: 0, last: 3))
      #expect(try await deliver(outbox, new, at: 3000) == ["As", "Bs", "Ar"])
    }
  }

  @Test("What is sent again keeps its place in the lane: behind the one that may be in the air, before all later ones")
  func order() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination(ordering: .account)
      let heads = try await outbox.record(
        poll([
          routed(notification("A", .sent), to: (crm, 0)), routed(notification("A", .delivered)),
          routed(notification("A", .read), to: (crm, 0)), routed(notification("A", .failed), to: (crm, 0)),
        ]))
      let inTheAir = try await outbox.settle([settlement(heads[0], .delivered)], at: moment(1))
      #expect(inTheAir.map(\.name) == ["Ar"])
      #expect(try await replay(outbox, crm) == ReplayPage(replayed: 2, passedOver: 2, last: 4))
      #expect(try await outbox.dueIDs(at: crm) == inTheAir.map(\.id))
      #expect(try await deliver(outbox, crm, at: 2000) == ["Ar", "As", "Ad", "Af"])
      // What is recorded meanwhile goes last.
      #expect(try await replay(outbox, crm).replayed == 4)
      #expect(try await outbox.record(poll([routed(notification("A", .yellowCard), to: (crm, 0))])).isEmpty)
      #expect(try await deliver(outbox, crm, at: 3000) == ["As", "Ad", "Ar", "Af", "Ay"])
    }
  }

  @Test("Pages follow each other without a gap or a repeat, and end")
  func pages() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      _ = try await outbox.record(poll((1...7).map { routed(notification("M\($0)"), to: (crm, $0)) }))
      #expect(try await deliver(outbox, crm, at: 1).count == 7)
      var pages: [ReplayPage] = []
      var after: Int64?
      repeat {
        let page = try await replay(outbox, crm) {
          $0.limit = 3
          $0.after = after
        }
        after = page.last
        pages.append(page)
      } while after != nil
      #expect(pages.map(\.replayed) == [3, 3, 1, 0])
      #expect(pages.map(\.last) == [3, 6, 7, nil])
      #expect(try await outbox.dueIDs(at: crm).count == 7)
      #expect(try await replay(outbox, crm) { $0.limit = 0 }.last == nil)
    }
  }

  @Test("However many are asked for, one call looks at a bounded number")
  func boundedPage() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      let count = SQLiteOutbox.replayLimit + 5
      _ = try await outbox.record(poll((0..<count).map { routed(notification("M\($0)")) }))
      let page = try await replay(outbox, crm) { $0.limit = .max }
      #expect(
        page == ReplayPage(replayed: SQLiteOutbox.replayLimit, passedOver: 0, last: Int64(SQLiteOutbox.replayLimit)))
      let rest = try await replay(outbox, crm) {
        $0.limit = .max
        $0.after = page.last
      }
      #expect(rest == ReplayPage(replayed: 5, passedOver: 0, last: Int64(count)))
    }
  }

  @Test("A filter chooses by what the notification is, and by how its delivery at this destination stands")
  func filters() async throws {
    try await withOutbox { outbox, _ in
      let (crm, log) = (try await outbox.destination(), try await outbox.destination("log"))
      func fill() async throws {
        let first = try await outbox.record(
          poll(
            [
              routed(notification("A", .sent), to: (crm, 1), (log, 1)), routed(notification("B", .read), to: (crm, 2)),
              routed(notification("C", .failed), to: (crm, 3)),
            ], at: 1000))
        let second = try await outbox.record(
          poll(of: 9, [routed(notification("A", .sent, of: 9), to: (crm, 4), (log, 4))], at: 2000))
        // Of crm: A delivered at 3000, B a dead letter at 4000, C waiting, the other A delivered at 5000.
        _ = try await outbox.settle([settlement(first[0], .delivered)], at: moment(3000))
        _ = try await outbox.settle(
          [settlement(first[2], .deadLetter(.tooOld)), settlement(first[1], .deadLetter(.tooOld))], at: moment(4000))
        _ = try await outbox.settle([settlement(second[0], .delivered)], at: moment(5000))
      }
      try await fill()
      let dead = try await outbox.deliveries(.init()).filter { $0.state == .deadLetter }.map(\.id)
      #expect(dead.count == 2)
      /// The last notification looked at and how many wait again; then all is as before.
      func outcome(_ change: (inout HistoryFilter) -> Void) async throws -> [Int64] {
        let waiting = Set(try await outbox.dueIDs(at: crm))
        let before = try await outbox.deliveries(.init(limit: 100))
        let page = try await replay(outbox, crm, change)
        let revived = try await outbox.due(at: crm, by: moment(.max / 4).steady, limit: 100, excluding: waiting)
        for delivery in revived.deliveries {
          let row = try #require(before.first { $0.id == delivery.id })
          let verdict = row.state == .delivered ? Settlement.Verdict.delivered : .deadLetter(.tooOld)
          _ = try await outbox.settle(
            [settlement(delivery, verdict)], at: Moment(steady: moment(5).steady, unix: row.settledAt ?? moment(0).unix)
          )
        }
        #expect(page.replayed == revived.deliveries.count)
        return try await outbox.events(.init()).filter { event in
          revived.deliveries.contains { $0.notification == event.notification }
        }.map(\.id).reversed()
      }
      #expect(try await outcome { _ in } == [1, 2, 4])
      #expect(try await outcome { $0.accounts = [9] } == [4])
      #expect(try await outcome { $0.idMessage = "A" } == [1, 4])
      #expect(try await outcome { $0.statuses = [.read] } == [2])
      #expect(try await outcome { $0.since = moment(2000).unix } == [4])
      #expect(try await outcome { $0.until = moment(2000).unix } == [1, 2])
      #expect(try await outcome { $0.ids = [2, 3, 4] } == [2, 4])
      #expect(try await outcome { $0.before = 4 } == [1, 2])
      #expect(try await outcome { $0.states = [.deadLetter] } == [2])
      #expect(try await outcome { $0.states = [.delivered] } == [1, 4])
      #expect(try await outcome { $0.settledSince = moment(4000).unix } == [2, 4])
      // Where else it goes is not asked.
      #expect(try await outcome { $0.destinations = ["log"] } == [1, 2, 4])
    }
  }
}
