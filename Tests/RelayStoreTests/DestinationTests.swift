import GreenAPI
import RelayCore
import Testing

@testable import RelayStore

@Suite("Remembering destinations")
struct DestinationTests {
  private func enter(
    _ outbox: SQLiteOutbox, _ digest: String?, _ ordering: Ordering = .chat
  ) async throws -> StoredDestination {
    let entry = DestinationEntry(name: "crm", ordering: ordering, addressDigest: digest)
    return try #require(try await outbox.enter([entry, entry], at: moment(0))["crm"])
  }

  @Test("The circuit and the time of the latest attempt outlast the relay")
  func circuit() async throws {
    try await withTemporaryDirectory { directory in
      let outbox = try await SQLiteOutbox.open(.init(directory: directory))
      let (crm, log) = (try await outbox.destination(), try await outbox.destination("log"))
      let trip = CircuitBreaker.Trip(
        openedAt: moment(100).steady, until: moment(40_100).steady, interval: .seconds(40))
      try await outbox.setCircuit(trip, of: crm)
      try await outbox.setCircuit(trip, of: log)
      try await outbox.setCircuit(nil, of: log)
      await outbox.close()
      let reopened = try await SQLiteOutbox.open(.init(directory: directory))
      let stored = try await reopened.enter("crm", "log")
      #expect(stored["crm"]?.circuit == trip)
      #expect(stored["log"]?.circuit == nil)
      await reopened.close()
    }
  }

  @Test("The latest attempt is the latest that was recorded, successful or not, and never goes back")
  func latestAttempt() async throws {
    try await withOutbox { outbox, _ in
      let (crm, log) = (try await outbox.destination(), try await outbox.destination("log"))
      func latest() async throws -> [Int64?] {
        let stored = try await outbox.enter("crm", "log")
        return [stored["crm"]?.latestAttempt?.milliseconds, stored["log"]?.latestAttempt?.milliseconds]
      }
      let heads = try await outbox.record(
        poll((1...5).map { routed(notification("M\($0)"), to: (crm, $0)) } + [routed(notification("X"), to: (log, 1))]))
      #expect(try await latest() == [nil, nil])
      _ = try await outbox.settle([settlement(heads[0], .delivered)], at: moment(30))
      #expect(try await latest() == [30, nil])
      _ = try await outbox.settle([settlement(heads[1], .retry(at: moment(90).steady))], at: moment(40))
      #expect(try await latest() == [40, nil])
      _ = try await outbox.settle(
        [settlement(heads[2], .held), settlement(heads[5], .deadLetter(.tooOld))], at: moment(50))
      #expect(try await latest() == [50, 50])
      _ = try await outbox.settle([settlement(heads[3], .delivered)], at: moment(45))
      #expect(try await latest() == [50, 50])
      // Given up without an attempt.
      var tooOld = settlement(heads[4], .deadLetter(.tooOld))
      tooOld.report = nil
      _ = try await outbox.settle([tooOld], at: moment(60))
      #expect(try await latest() == [50, 50])
      #expect(try await outbox.destinationSummaries().map(\.delivered) == [2, 0])
    }
  }

  @Test("A new address ends the pause of a destination that was gone, and closes its circuit, once")
  func newAddress() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await enter(outbox, "a").id
      let trip = CircuitBreaker.Trip(openedAt: moment(1).steady, until: moment(2).steady, interval: .seconds(5))
      try await outbox.setPause(.gone, of: crm)
      try await outbox.setCircuit(trip, of: crm)
      let same = try await enter(outbox, "a")
      #expect(same.pause == .gone && same.circuit == trip && !same.resumedByNewAddress)
      // Not known yet: that is no new address.
      let unknown = try await enter(outbox, nil, .message)
      #expect(unknown.pause == .gone && unknown.circuit == trip && !unknown.resumedByNewAddress)
      let moved = try await enter(outbox, "b", .message)
      #expect(moved.pause == nil && moved.circuit == nil && moved.resumedByNewAddress)
      let later = try await enter(outbox, "b", .message)
      #expect(later.pause == nil && later.circuit == nil && !later.resumedByNewAddress)
    }
  }

  @Test("A new address leaves an operator's pause, and the first known one is not new")
  func otherPauses() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await enter(outbox, nil).id
      try await outbox.setPause(.gone, of: crm)
      let first = try await enter(outbox, "a")
      #expect(first.pause == .gone && !first.resumedByNewAddress)
      try await outbox.setPause(.byOperator, of: crm)
      let moved = try await enter(outbox, "b")
      #expect(moved.pause == .byOperator && !moved.resumedByNewAddress)
    }
  }

  @Test("Entering what is known already writes nothing, so that a relay starts where nothing can be written")
  func nothingNew() async throws {
    try await withOutbox { outbox, _ in
      let first = try await enter(outbox, "a")
      try await outbox.setPragma("query_only = 1")
      #expect(try await enter(outbox, "a") == first)
      #expect(try await enter(outbox, nil) == first)
      #expect(try await outboxError { _ = try await enter(outbox, "b") }?.kind == .unusableDirectory)
      #expect(try await outboxError { _ = try await enter(outbox, "a", .none) }?.kind == .unusableDirectory)
      try await outbox.setPragma("query_only = 0")
      #expect(try await enter(outbox, "b").id == first.id)
    }
  }
}
