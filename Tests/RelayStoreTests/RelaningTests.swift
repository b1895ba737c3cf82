import GreenAPI
import RelayCore
import Testing

@testable import RelayStore

@Suite("Another ordering for what waits")
struct RelaningTests {
  /// M0 and M1 in chat 0, M2 and M3 in chat 1, each `sent` and then `read`; in the order of the message numbers.
  private func fill(_ outbox: SQLiteOutbox, _ ordering: Ordering) async throws -> (crm: DestinationID, [Delivery]) {
    let crm = try await outbox.destination(ordering: ordering)
    let heads = try await outbox.record(
      poll(
        (0..<4).flatMap { message in
          [MessageStatus.sent, .read].map { routed(notification("M\(message)", $0), to: (crm, Int64(message / 2))) }
        }))
    try #require(heads.count == (ordering == .message ? 4 : 8))
    return (crm, heads)
  }

  private func order(_ outbox: SQLiteOutbox, _ ordering: Ordering, at now: Int64 = 100) async throws {
    _ = try await outbox.enter([DestinationEntry(name: "crm", ordering: ordering)], at: moment(now))
  }

  /// Such as `M0s 0`: what is due, and when.
  private func due(_ outbox: SQLiteOutbox, _ crm: DestinationID) async throws -> [String] {
    let page = try await outbox.due(at: crm, by: moment(.max / 4).steady, limit: 100, excluding: [])
    let times = Dictionary(
      uniqueKeysWithValues: try await outbox.deliveries(.init(limit: 100)).map { ($0.id, $0.dueAt?.milliseconds ?? -1) }
    )
    return page.deliveries.map { $0.name + " \(times[$0.id] ?? -1)" }
  }

  @Test(
    "A coarser ordering leaves each lane its first head, with its due time; a finer one makes new heads due at once")
  func bothWays() async throws {
    try await withOutbox { outbox, _ in
      let (crm, heads) = try await fill(outbox, .message)
      #expect(try await due(outbox, crm) == ["M0s 0", "M1s 0", "M2s 0", "M3s 0"])
      _ = try await outbox.settle(
        [settlement(heads[0], .retry(at: moment(5000).steady)), settlement(heads[3], .retry(at: moment(9).steady))],
        at: moment(1))
      try await order(outbox, .chat)
      #expect(try await due(outbox, crm) == ["M2s 0", "M0s 5000"])
      try await order(outbox, .account)
      #expect(try await due(outbox, crm) == ["M0s 5000"])
      #expect(try await outbox.latestSteadyTime() == moment(100).steady)
      try await order(outbox, .message, at: 200)
      #expect(try await due(outbox, crm) == ["M1s 200", "M2s 200", "M3s 200", "M0s 5000"])
      try await order(outbox, .none, at: 300)
      #expect(
        try await due(outbox, crm)
          == ["M1s 200", "M2s 200", "M3s 200", "M0r 300", "M1r 300", "M2r 300", "M3r 300", "M0s 5000"])
      #expect(try await outbox.enter("crm", ordering: .none)["crm"]?.id == crm)
    }
  }

  @Test("Attempts that were in the air are settled as ever, and the lane goes on in order")
  func inTheAir() async throws {
    try await withOutbox { outbox, _ in
      let (crm, heads) = try await fill(outbox, .message)
      try await order(outbox, .account)
      // M1 was in the air; it is not first now.
      let none = try await outbox.settle(
        [settlement(heads[1], .delivered), settlement(heads[2], .retry(at: moment(7).steady))], at: moment(101))
      #expect(none.isEmpty)
      var arrived: [String] = []
      while let head = try await outbox.due(at: crm, by: moment(.max / 4).steady, limit: 9, excluding: []).deliveries
        .first
      {
        arrived.append(head.name)
        _ = try await outbox.settle([settlement(head, .delivered)], at: moment(102))
      }
      #expect(arrived == ["M0s", "M0r", "M1r", "M2s", "M2r", "M3s", "M3r"])
    }
  }

  @Test("One that came back to life does not go beside the head of its lane, which may be in the air")
  func revivedBehindHead() async throws {
    try await withOutbox { outbox, _ in
      let (crm, heads) = try await fill(outbox, .message)
      _ = try await outbox.settle(heads.prefix(1).map { settlement($0, .deadLetter(.tooOld)) }, at: moment(1))
      _ = try await outbox.retry(.ids([heads[0].id]), at: moment(2))
      #expect(try await due(outbox, crm).contains("M0r 1"))
      for ordering in [Ordering.chat, .message] {
        try await order(outbox, ordering)
        let names = try await due(outbox, crm).map { $0.prefix(3) }
        #expect(!names.contains("M0s"), "\(ordering)")
      }
    }
  }

  @Test("A poll routed before the change and recorded after it keeps to the new order")
  func staleRoute() async throws {
    try await withOutbox { outbox, _ in
      let (crm, _) = try await fill(outbox, .none)
      try await order(outbox, .message)
      let late = notification("M0", .delivered)
      let route = PollRecording.Route(destination: crm, lane: Ordering.none.lane(of: late))
      #expect(try await outbox.record(poll([.init(notification: late, routes: [route])])).isEmpty)
    }
  }

  @Test("A dead letter retried, and a notification sent again, keep to the order of now")
  func settledBefore() async throws {
    try await withOutbox { outbox, _ in
      let (crm, heads) = try await fill(outbox, .none)
      _ = try await outbox.settle(heads.map { settlement($0, .deadLetter(.tooOld)) }, at: moment(1))
      try await order(outbox, .account)
      _ = try await outbox.retry(.matching(.init()), at: moment(200))
      #expect(try await due(outbox, crm) == ["M0s 200"])
      _ = try await outbox.settle(heads.map { settlement($0, .delivered) }, at: moment(201))
      _ = try await outbox.replay(.init(), at: crm, lane: Ordering.none.lane(of:), now: moment(300))
      #expect(try await due(outbox, crm) == ["M0s 300"])
    }
  }

  @Test("Other destinations, and what is settled, stay as they are")
  func others() async throws {
    try await withOutbox { outbox, _ in
      let (crm, log) = (
        try await outbox.destination(ordering: .message), try await outbox.destination("log", ordering: .message)
      )
      let heads = try await outbox.record(
        poll((0..<6).map { routed(notification("M\($0)"), to: (crm, 0), (log, 0)) }))
      _ = try await outbox.settle([settlement(heads[0], .delivered)], at: moment(1))
      let settled = try await outbox.deliveries(.init()).last
      let before = try await outbox.dueIDs(at: log)
      try await order(outbox, .account)
      #expect(try await outbox.dueIDs(at: log) == before)
      #expect(try await outbox.dueIDs(at: crm) == [heads[2].id])
      #expect(try await outbox.deliveries(.init()).last == settled)
    }
  }

  @Test("Thousands change lanes in one transaction, none lost")
  func thousands() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination(ordering: .message)
      let count = 2300
      _ = try await outbox.record(
        poll((0..<count).map { routed(notification("M\($0)"), to: (crm, Int64($0 % 7))) }))
      for (ordering, lanes) in [(Ordering.chat, 7), (.account, 1), (.none, count), (.account, 1), (.message, count)] {
        try await order(outbox, ordering)
        #expect(try await outbox.dueIDs(at: crm).count == lanes, "\(ordering)")
        #expect(try await outbox.destinationSummaries().map(\.waiting) == [count])
      }
    }
  }

  @Test("When it fails, the deliveries stay in their old lanes")
  func failure() async throws {
    try await withOutbox { outbox, _ in
      let (crm, heads) = try await fill(outbox, .message)
      try await outbox.connection.write("testing") { db in
        try db.execute(
          sql: """
            CREATE TEMP TRIGGER fails BEFORE DELETE ON relaned_heads
            BEGIN SELECT RAISE(ABORT, 'no room'); END
            """)
      }
      #expect(try await outboxError { try await order(outbox, .account) }?.kind == .failed)
      #expect(try await outbox.dueIDs(at: crm) == heads.map(\.id))
      try await outbox.connection.write("testing") { db in try db.execute(sql: "DROP TRIGGER fails") }
      try await order(outbox, .account)
      #expect(try await outbox.dueIDs(at: crm) == [heads[0].id])
    }
  }
}

extension Delivery {
  /// Such as `M0s` for M0's `sent`.
  var name: String { notification.idMessage + notification.status.rawValue.prefix(1) }
}
