import GreenAPI
import RelayCore
import RelayStore
import Testing

@Suite("Recording polls")
struct RecordingTests {
  @Test("A recorded poll's snapshot, progress and identity are there after reopening")
  func snapshotSurvivesReopening() async throws {
    try await withTemporaryDirectory { directory in
      let progress = AccountProgress(
        firstPoll: UnixTime(seconds: 1_700_000_000), latestPoll: SteadyTime(milliseconds: 77), watchedSeconds: 12)
      var statuses = RecordedStatuses()
      statuses.insert(.sent)
      statuses.insert(.failed)
      statuses.insert(try #require(MessageStatus(rawValue: "brand\"new")))
      let kept = TrackedMessage(idMessage: "A", recorded: statuses, lastSeen: 5)
      let changed = TrackedMessage(idMessage: "B", recorded: RecordedStatuses(documented: 1), lastSeen: 5)
      let identity = AccountIdentity(wid: "7@c.us", typeInstance: .v3)

      let outbox = try await SQLiteOutbox.open(.init(directory: directory))
      let forgotten = TrackedMessage(idMessage: "C", recorded: RecordedStatuses(), lastSeen: 5)
      _ = try await outbox.record(poll([], progress: progress, tracked: [kept, changed, forgotten]))
      var after = changed
      after.lastSeen = 9
      after.recorded.insert(.read)
      _ = try await outbox.record(poll([], progress: progress, tracked: [after], forgotten: ["C"]))
      try await outbox.remember(identity, of: 1_101_000_001)
      await outbox.close()

      let reopened = try await SQLiteOutbox.open(.init(directory: directory))
      let account = try await reopened.account(1_101_000_001)
      #expect(account.identity == identity)
      #expect(account.progress == progress)
      #expect(account.messages.sorted { $0.idMessage < $1.idMessage } == [kept, after])
      #expect(try await reopened.account(2) == StoredAccount())
      await reopened.close()
    }
  }

  @Test("A status that is too long for an answer by now stays recorded, and its notification is delivered")
  func longStatus() async throws {
    try await withTemporaryDirectory { directory in
      let long = try #require(MessageStatus(rawValue: String(repeating: "é", count: 64)))
      let message = TrackedMessage(
        idMessage: "A", recorded: RecordedStatuses(documented: 2, others: [long]), lastSeen: 5)
      let outbox = try await SQLiteOutbox.open(.init(directory: directory))
      let recorded = routed(notification("A", long), to: (try await outbox.destination(), 1))
      _ = try await outbox.record(poll([recorded], tracked: [message]))
      await outbox.close()

      let reopened = try await SQLiteOutbox.open(.init(directory: directory))
      #expect(try await reopened.account(1_101_000_001).messages == [message])
      #expect(try await reopened.events(.init()).map(\.notification) == [recorded.notification])
      let due = try await reopened.due(
        at: try await reopened.destination(), by: .init(milliseconds: .max), limit: 10, excluding: [])
      #expect(due.deliveries.map(\.notification.status) == [long])
      await reopened.close()
    }
  }

  @Test("Remembering an identity keeps the progress, and recording keeps the identity")
  func identityAndProgressAreApart() async throws {
    try await withOutbox { outbox, _ in
      let identity = AccountIdentity(wid: "7@c.us", typeInstance: .telegram)
      let progress = AccountProgress(watchedSeconds: 3)
      try await outbox.remember(identity, of: 7)
      _ = try await outbox.record(poll(of: 7, [], progress: progress))
      #expect(try await outbox.account(7) == StoredAccount(identity: identity, snapshot: Snapshot(progress: progress)))
      let second = AccountIdentity(wid: "8@c.us", typeInstance: .whatsapp)
      try await outbox.remember(second, of: 7)
      #expect(try await outbox.account(7) == StoredAccount(identity: second, snapshot: Snapshot(progress: progress)))
    }
  }

  @Test("Recording returns the first delivery of each lane and destination, in order, with the notification's bytes")
  func recordReturnsHeads() async throws {
    try await withOutbox { outbox, _ in
      let (crm, log) = (try await outbox.destination("crm"), try await outbox.destination("log"))
      let recorded = [
        routed(notification("A"), to: (crm, 1), (log, 1)), routed(notification("A", .delivered), to: (crm, 1)),
        routed(notification("B"), to: (crm, 2)), routed(notification("C")),
      ]
      let heads = try await outbox.record(poll(recorded, at: 50))
      #expect(heads.map(\.destination) == [crm, log, crm])
      let lanes = recorded.map { $0.routes.map(\.lane) }
      #expect(heads.map(\.lane) == lanes[0] + lanes[2])
      #expect(heads.map(\.notification) == [0, 0, 2].map { recorded[$0].notification })
      #expect(heads.allSatisfy { $0.attempts == 0 && $0.recordedAt == moment(50).steady })
      #expect(heads.map(\.id) == heads.map(\.id).sorted())
      #expect(try await outbox.dueIDs(at: crm) == heads.filter { $0.destination == crm }.map(\.id))
      // Without a destination it is history all the same.
      #expect(try await outbox.events(.init()).map(\.notification.idMessage) == ["C", "B", "A", "A"])
    }
  }

  @Test("A status recorded before is neither recorded nor delivered again, also after reopening")
  func duplicatesAreSilent() async throws {
    try await withTemporaryDirectory { directory in
      for round in 0..<2 {
        let outbox = try await SQLiteOutbox.open(.init(directory: directory))
        let crm = try await outbox.destination()
        let heads = try await outbox.record(
          poll([routed(notification("A"), to: (crm, 1)), routed(notification("A"), to: (crm, 2))]))
        #expect(heads.count == (round == 0 ? 1 : 0))
        #expect(try await outbox.events(.init()).count == 1)
        #expect(try await outbox.deliveries(.init()).count == 1)
        #expect(try await outbox.accountSummaries().map(\.events) == [1])
        await outbox.close()
      }
    }
  }

  @Test("The same message id and status of another account is another notification")
  func accountsAreApart() async throws {
    try await withOutbox { outbox, _ in
      _ = try await outbox.record(poll(of: 8, [routed(notification("A", of: 8))]))
      _ = try await outbox.record(poll(of: 9, [routed(notification("A", of: 9))]))
      #expect(try await outbox.events(.init()).map(\.notification.idInstance) == [9, 8])
      #expect(try await outbox.accountSummaries().map(\.events) == [1, 1])
    }
  }

  @Test("One notification goes to one destination once, even when routed twice")
  func routesAreDistinct() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      let heads = try await outbox.record(poll([routed(notification("A"), to: (crm, 1), (crm, 1))]))
      #expect(heads.map(\.name) == ["As"])
      #expect(try await outbox.deliveries(.init()).count == 1)
    }
  }

  @Test("A poll that can't be recorded leaves nothing behind")
  func allOrNothing() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      let bad = poll(
        [routed(notification("A"), to: (crm, 1)), routed(notification("B"), to: (DestinationID(rawValue: 999), 1))],
        at: 5, progress: AccountProgress(watchedSeconds: 9),
        tracked: [TrackedMessage(idMessage: "A", recorded: .init(), lastSeen: 0)])
      let error = try await outboxError { _ = try await outbox.record(bad) }
      #expect(error?.kind == .failed)
      #expect(try await outbox.account(1_101_000_001) == StoredAccount())
      #expect(try await outbox.accountSummaries().isEmpty)
      #expect(try await outbox.events(.init()).isEmpty)
      #expect(try await outbox.dueIDs(at: crm).isEmpty)
      #expect(try await outbox.latestSteadyTime() == nil)
      #expect(try await outbox.record(poll([routed(notification("A"), to: (crm, 1))])).count == 1)
    }
  }

  @Test("The latest steady time moves with recording, settling and retrying, and never back")
  func latestSteadyTime() async throws {
    try await withOutbox { outbox, _ in
      let crm = try await outbox.destination()
      #expect(try await outbox.latestSteadyTime() == nil)
      let heads = try await outbox.record(poll([routed(notification("A"), to: (crm, 1))], at: 100))
      #expect(try await outbox.latestSteadyTime()?.milliseconds == 100)
      _ = try await outbox.record(poll([], at: 40))
      #expect(try await outbox.latestSteadyTime()?.milliseconds == 100)
      _ = try await outbox.settle([settlement(heads[0], .deadLetter(.tooOld))], at: moment(200))
      #expect(try await outbox.latestSteadyTime()?.milliseconds == 200)
      _ = try await outbox.retry(.matching(HistoryFilter(limit: .max)), at: moment(300))
      #expect(try await outbox.latestSteadyTime()?.milliseconds == 300)
    }
  }

  @Test("Destinations keep their number and their pause across reopening, and unknown ones are entered")
  func destinations() async throws {
    try await withTemporaryDirectory { directory in
      let outbox = try await SQLiteOutbox.open(.init(directory: directory))
      let first = try await outbox.enter("crm", "log")
      #expect(Set(first.keys) == ["crm", "log"])
      #expect(first["crm"]?.pause == nil)
      let crm = try #require(first["crm"]).id
      try await outbox.setPause(.gone, of: crm)
      await outbox.close()
      let reopened = try await SQLiteOutbox.open(.init(directory: directory))
      let second = try await reopened.enter("crm", "new")
      #expect(second["crm"] == StoredDestination(id: crm, name: "crm", pause: .gone))
      #expect(second["log"] == nil)
      #expect(second["new"]?.pause == nil)
      try await reopened.setPause(.byOperator, of: crm)
      #expect(try await reopened.enter("crm")["crm"]?.pause == .byOperator)
      try await reopened.setPause(nil, of: crm)
      #expect(try await reopened.enter("crm")["crm"]?.pause == nil)
      await reopened.close()
    }
  }
}
