import GreenAPI
import RelayCore
import RelayStore
import Testing

@Suite("Settling deliveries")
struct SettlingTests {
  /// Three statuses of one message, one lane.
  private func threeInALane(_ outbox: SQLiteOutbox) async throws -> (crm: DestinationID, head: Delivery) {
    let crm = try await outbox.destination()
    let heads = try await outbox.record(
      poll([
        routed(notification("A", .sent), to: (crm, 1)), routed(notification("A", .delivered), to: (crm, 1)),
        routed(notification("A", .read), to: (crm, 1)),
      ]))
    return (crm, try #require(heads.first))
  }

  @Test("The next of a lane follows when the one before it is delivered or given up, and not sooner")
  func nextFollows() async throws {
    try await withOutbox { outbox, _ in
      let (crm, head) = try await threeInALane(outbox)
      #expect(try await outbox.dueIDs(at: crm) == [head.id])
      let none = try await outbox.settle(
        [settlement(head, .retry(at: SteadyTime(milliseconds: 500)))], at: moment(10))
      #expect(none.isEmpty)
      #expect(try await outbox.dueIDs(at: crm, by: 499) == [])
      #expect(try await outbox.dueIDs(at: crm, by: 500) == [head.id])

      let second = try await outbox.settle([settlement(head, .delivered, attempts: 2)], at: moment(500))
      #expect(second.map(\.notification.status) == [.delivered])
      #expect(second[0].attempts == 0 && second[0].recordedAt == moment(0).steady)
      #expect(try await outbox.dueIDs(at: crm, by: 500) == [second[0].id])

      let third = try await outbox.settle([settlement(second[0], .deadLetter(.scheduleUsedUp))], at: moment(600))
      #expect(third.map(\.notification.status) == [.read])
      #expect(try await outbox.settle([settlement(third[0], .delivered)], at: moment(700)).isEmpty)
      #expect(try await outbox.dueIDs(at: crm).isEmpty)
      // The lane is free again: a new one is first in it.
      #expect(try await outbox.record(poll([routed(notification("A", .failed), to: (crm, 1))])).count == 1)
    }
  }

  @Test("Attempts and the place in the schedule survive a crash, an attempt in the air is due again")
  func attemptsSurvive() async throws {
    try await withTemporaryDirectory { directory in
      let outbox = try await SQLiteOutbox.open(.init(directory: directory))
      let (crm, head) = try await threeInALane(outbox)
      _ = try await outbox.settle([settlement(head, .retry(at: SteadyTime(milliseconds: 500)))], at: moment(10))
      await outbox.close()
      let reopened = try await SQLiteOutbox.open(.init(directory: directory))
      let page = try await reopened.due(at: crm, by: moment(500).steady, limit: 10, excluding: [])
      #expect(page.deliveries.map(\.attempts) == [1])
      #expect(page.deliveries.map(\.id) == [head.id])
      await reopened.close()
    }
  }

  @Test("A held delivery is due at once, its attempts unchanged, and still first in its lane")
  func held() async throws {
    try await withOutbox { outbox, _ in
      let (crm, head) = try await threeInALane(outbox)
      #expect(try await outbox.settle([settlement(head, .held)], at: moment(30)).isEmpty)
      let page = try await outbox.due(at: crm, by: moment(30).steady, limit: 10, excluding: [])
      #expect(page.deliveries == [head])
      let row = try #require(try await outbox.deliveries(.init()).last)
      #expect(row.state == .waiting && row.attempts == 0 && row.dueAt == moment(30).steady)
      #expect(row.lastHTTPStatus == 503)
    }
  }

  @Test("Settling twice, or what was never recorded, changes nothing")
  func settlingIsIdempotent() async throws {
    try await withOutbox { outbox, _ in
      let (crm, head) = try await threeInALane(outbox)
      let next = try await outbox.settle([settlement(head, .delivered)], at: moment(1))
      #expect(next.count == 1)
      let before = try await outbox.deliveries(.init())
      #expect(try await outbox.settle([settlement(head, .delivered)], at: moment(2)).isEmpty)
      #expect(try await outbox.settle([settlement(head, .retry(at: moment(9).steady))], at: moment(2)).isEmpty)
      #expect(try await outbox.settle([settlement(head, .deadLetter(.tooOld))], at: moment(2)).isEmpty)
      var unknown = head
      unknown.id = DeliveryID(rawValue: 4711)
      #expect(try await outbox.settle([settlement(unknown, .delivered)], at: moment(2)).isEmpty)
      #expect(try await outbox.settle([], at: moment(2)).isEmpty)
      #expect(try await outbox.deliveries(.init()) == before)
      #expect(try await outbox.attempts(of: head.id).count == 1)
      #expect(try await outbox.dueIDs(at: crm) == next.map(\.id))
      #expect(try await outbox.destinationSummaries().map(\.delivered) == [1])
    }
  }

  @Test("A settlement of one that waits behind another gives a lane no second head")
  func followersStayFollowers() async throws {
    try await withOutbox { outbox, _ in
      let (crm, head) = try await threeInALane(outbox)
      var follower = head
      follower.id = DeliveryID(rawValue: head.id.rawValue + 1)
      for verdict in [Settlement.Verdict.retry(at: moment(1).steady), .held, .deadLetter(.tooOld)] {
        #expect(try await outbox.settle([settlement(follower, verdict)], at: moment(1)).isEmpty)
        #expect(try await outbox.dueIDs(at: crm) == [head.id])
      }
      let next = try await outbox.settle([settlement(head, .delivered)], at: moment(2))
      #expect(next.map(\.notification.status) == [.read])
    }
  }

  @Test("A batch frees each lane once, and what was both freed and settled in it is not returned")
  func batches() async throws {
    try await withOutbox { outbox, _ in
      let (crm, head) = try await threeInALane(outbox)
      let other = try await outbox.record(
        poll([routed(notification("B"), to: (crm, 2)), routed(notification("B", .read), to: (crm, 2))]))
      var second = head
      second.id = DeliveryID(rawValue: head.id.rawValue + 1)
      let freed = try await outbox.settle(
        [settlement(other[0], .delivered), settlement(head, .delivered), settlement(second, .delivered)], at: moment(9))
      #expect(freed.map(\.notification.idMessage) == ["B", "A"])
      #expect(freed.map(\.notification.status) == [.read, .read])
    }
  }

  @Test("Every failed attempt is listed, then the successful one, numbered from 1")
  func attemptsAreListed() async throws {
    try await withOutbox { outbox, _ in
      let (_, head) = try await threeInALane(outbox)
      #expect(try await outbox.attempts(of: head.id).isEmpty)
      let failures: [AttemptReport] = [
        report(.serverError, status: 503, detail: "HTTP 503"),
        report(.timeout, status: nil, detail: "30 s without an answer"),
      ]
      for (index, failure) in failures.enumerated() {
        let retry = settlement(head, .retry(at: moment(5).steady), attempts: index + 1, report: failure)
        _ = try await outbox.settle([retry], at: moment(5))
      }
      let success = report(status: 204)
      _ = try await outbox.settle([settlement(head, .delivered, attempts: 3, report: success)], at: moment(6))
      let rows = try await outbox.attempts(of: head.id)
      #expect(rows.map(\.number) == [1, 2, 3])
      #expect(rows.map(\.report) == failures + [success])
      let row = try #require(try await outbox.deliveries(.init()).last)
      #expect(row.state == .delivered && row.attempts == 3 && row.settledAt == moment(6).unix && row.dueAt == nil)
      #expect(row.lastHTTPStatus == 204 && row.lastFailure == nil)
    }
  }

  @Test("Of a delivery that is probed without end, only the latest 200 failed attempts are kept")
  func attemptsAreBounded() async throws {
    try await withOutbox { outbox, _ in
      let (_, head) = try await threeInALane(outbox)
      _ = try await outbox.settle(Array(repeating: settlement(head, .held), count: 230), at: moment(1))
      let numbers = try await outbox.attempts(of: head.id).map(\.number)
      #expect(numbers == Array(31...230))
    }
  }

  @Test("A cancelled task's settlement is recorded all the same")
  func cancellationDoesNotUndo() async throws {
    try await withOutbox { outbox, _ in
      let (crm, head) = try await threeInALane(outbox)
      let next = try await Task {
        withUnsafeCurrentTask { $0?.cancel() }
        #expect(Task.isCancelled)
        return try await outbox.settle([settlement(head, .delivered)], at: moment(1))
      }.value
      #expect(next.count == 1)
      #expect(try await outbox.dueIDs(at: crm) == next.map(\.id))
    }
  }
}
