import Foundation
import GreenAPI
import RelayCore
import RelayStore
import Testing

@Suite("Looking at the history")
struct HistoryTests {
  /// Two accounts, two destinations, all four states.
  private func fill(_ outbox: SQLiteOutbox) async throws {
    let (crm, log) = (try await outbox.destination("crm"), try await outbox.destination("log"))
    let first = try await outbox.record(
      poll(
        [
          routed(notification("A", .sent), to: (crm, 1), (log, 1)), routed(notification("A", .read), to: (crm, 1)),
          routed(notification("B", .failed)),
        ], at: 1000))
    let second = try await outbox.record(
      poll(of: 9, [routed(notification("C", .sent, of: 9), to: (crm, 3), (log, 3))], at: 2000))
    _ = try await outbox.settle(
      [
        settlement(first[1], .delivered), settlement(second[0], .retry(at: moment(9000).steady)),
        settlement(second[1], .deadLetter(.tooOld)),
      ], at: moment(3000))
  }

  @Test("Events are listed newest first and restricted by account, message, status, time, destination and state")
  func events() async throws {
    try await withOutbox { outbox, _ in
      try await fill(outbox)
      func list(_ change: (inout HistoryFilter) -> Void) async throws -> String {
        var filter = HistoryFilter()
        change(&filter)
        return try await outbox.events(filter).map {
          $0.notification.idMessage + $0.notification.status.rawValue.prefix(1)
        }
        .joined(separator: " ")
      }
      #expect(try await list { _ in } == "Cs Bf Ar As")
      #expect(try await list { $0.accounts = [9] } == "Cs")
      #expect(try await list { $0.accounts = [9, 1_101_000_001] } == "Cs Bf Ar As")
      #expect(try await list { $0.accounts = [12] } == "")
      #expect(try await list { $0.idMessage = "A" } == "Ar As")
      #expect(try await list { $0.statuses = [.sent, .failed] } == "Cs Bf As")
      #expect(try await list { $0.since = moment(2000).unix } == "Cs")
      #expect(try await list { $0.until = moment(2000).unix } == "Bf Ar As")
      #expect(try await list { $0.destinations = ["log"] } == "Cs As")
      #expect(try await list { $0.states = [.waiting] } == "Ar As")
      #expect(try await list { $0.states = [.delivered, .deadLetter] } == "Cs As")
      #expect(
        try await list {
          $0.states = [.waiting]
          $0.destinations = ["log"]
        } == "")
      #expect(
        try await list {
          $0.accounts = [1_101_000_001]
          $0.statuses = [.sent]
          $0.states = [.delivered]
        } == "As")
      #expect(try await list { $0.ids = [1, 3, 99] } == "Bf As")
      #expect(try await list { $0.settledSince = moment(3000).unix } == "Cs As")
      #expect(try await list { $0.settledSince = moment(3001).unix } == "")
      #expect(try await list { $0.after = 0 } == "As Ar Bf Cs")
      #expect(try await list { $0.limit = 2 } == "Cs Bf")
      #expect(try await list { $0.limit = -1 } == "")
      let second = try await outbox.events(.init(limit: 2))[1]
      #expect(second.recordedAt == moment(1000).unix && second.notification == notification("B", .failed))
      #expect(try await list { $0.before = second.id } == "Ar As")
    }
  }

  @Test("Deliveries are listed newest first with all that is known of them, and restricted likewise")
  func deliveries() async throws {
    try await withOutbox { outbox, _ in
      try await fill(outbox)
      func list(_ change: (inout HistoryFilter) -> Void) async throws -> [Int64] {
        var filter = HistoryFilter()
        change(&filter)
        return try await outbox.deliveries(filter).map(\.id.rawValue)
      }
      #expect(try await list { _ in } == [5, 4, 3, 2, 1])
      #expect(try await list { $0.destinations = ["log"] } == [5, 2])
      #expect(try await list { $0.destinations = ["log", "crm", "none"] } == [5, 4, 3, 2, 1])
      #expect(try await list { $0.states = [.deadLetter] } == [5])
      #expect(try await list { $0.states = [.retrying] } == [4])
      #expect(try await list { $0.states = [.waiting, .delivered] } == [3, 2, 1])
      #expect(try await list { $0.states = Set(DeliveryState.allCases) } == [5, 4, 3, 2, 1])
      #expect(try await list { $0.accounts = [9] } == [5, 4])
      #expect(try await list { $0.idMessage = "A" } == [3, 2, 1])
      #expect(try await list { $0.statuses = [.read] } == [3])
      #expect(try await list { $0.since = moment(1001).unix } == [5, 4])
      #expect(
        try await list {
          $0.until = moment(1001).unix
          $0.before = 3
        } == [2, 1])
      #expect(
        try await list {
          $0.before = 5
          $0.limit = 2
        } == [4, 3])
      #expect(
        try await list {
          $0.after = 1
          $0.limit = 3
        } == [2, 3, 4])
      #expect(try await list { $0.after = 5 } == [])
      #expect(
        try await list {
          $0.after = 1
          $0.before = 4
        } == [2, 3])
      #expect(try await list { $0.ids = [5, 2, 77] } == [5, 2])
      #expect(try await list { $0.ids = Set(1...100_000) }.count == 5)
      #expect(try await list { $0.settledSince = moment(3000).unix } == [5, 2])
      #expect(try await list { $0.settledSince = moment(3001).unix } == [])
      #expect(
        try await list {
          $0.states = [.deadLetter]
          $0.settledSince = moment(3000).unix
        } == [5])

      let change = notification("C", .sent, of: 9)
      let rows = try await outbox.deliveries(.init(limit: 2))
      #expect(
        rows[0]
          == DeliveryRow(
            id: DeliveryID(rawValue: 5), destination: "log", state: .deadLetter, attempts: 1,
            recordedAt: moment(2000).unix, dueAt: nil, settledAt: moment(3000).unix, deadLetterReason: .tooOld,
            lastHTTPStatus: 503, lastFailure: .serverError, lastDetail: "HTTP 503", idInstance: 9, idMessage: "C",
            status: .sent, webhookID: change.webhookID))
      #expect(rows[1].state == .retrying && rows[1].dueAt == moment(9000).steady && rows[1].settledAt == nil)
    }
  }

  @Test("A destination's name means its whole family, and none whose name only looks alike")
  func families() async throws {
    try await withOutbox { outbox, _ in
      let names = ["crm", "crm@1", "crm@22", "crmA", "crm_1", "CRM@1", "cr", "a%", "a%@1", "ab@1"]
      let stored = try await outbox.enter(names.map { .init(name: $0, ordering: .message) }, at: moment(0))
      let routes = try names.map { name in
        PollRecording.Route(destination: try #require(stored[name]).id, lane: Lane(rawValue: 0))
      }
      let heads = try await outbox.record(poll([.init(notification: notification("A"), routes: routes)]))
      _ = try await outbox.settle(heads.map { settlement($0, .deadLetter(.tooOld)) }, at: moment(1))
      func list(_ destinations: Set<String>) async throws -> Set<String> {
        var filter = HistoryFilter()
        filter.destinations = destinations
        let all = try await outbox.deliveries(filter).map(\.destination)
        filter.states = [.deadLetter]
        #expect(try await outbox.deliveries(filter).map(\.destination) == all)
        #expect(try await outbox.countDeliveries(filter) == all.count)
        #expect(try await outbox.events(filter).count == min(1, all.count))
        return Set(all)
      }
      #expect(try await list(["crm"]) == ["crm", "crm@1", "crm@22"])
      #expect(try await list(["crm@1"]) == ["crm@1"])
      #expect(try await list(["crm@2"]) == [])
      #expect(try await list(["a%"]) == ["a%", "a%@1"])
      #expect(try await list(["cr", "CRM", "crm@22"]) == ["cr", "CRM@1", "crm@22"])
    }
  }

  @Test("Events and deliveries are counted over all pages that are left")
  func counts() async throws {
    try await withOutbox { outbox, _ in
      try await fill(outbox)
      func count(_ change: (inout HistoryFilter) -> Void) async throws -> [Int] {
        var filter = HistoryFilter(limit: 1)
        filter.before = 2
        change(&filter)
        return [try await outbox.countEvents(filter), try await outbox.countDeliveries(filter)]
      }
      #expect(try await count { _ in } == [4, 5])
      #expect(try await count { $0.after = 1 } == [3, 4])
      #expect(try await count { $0.accounts = [9] } == [1, 2])
      #expect(try await count { $0.states = [.deadLetter] } == [1, 1])
      #expect(
        try await count {
          $0.states = [.deadLetter]
          $0.settledSince = moment(3001).unix
        } == [0, 0])
      #expect(try await count { $0.destinations = ["log"] } == [2, 2])
      #expect(try await count { $0.idMessage = "A" } == [2, 3])
      #expect(try await count { $0.ids = [1, 5] } == [1, 2])
    }
  }

  @Test("Accounts and destinations are summed up")
  func summaries() async throws {
    try await withOutbox { outbox, _ in
      try await fill(outbox)
      _ = try await outbox.record(
        poll(
          [], progress: .init(watchedSeconds: 4),
          tracked: ["A", "B"].map { TrackedMessage(idMessage: $0, recorded: .init(), lastSeen: 0) }))
      try await outbox.remember(.init(wid: "7@c.us", typeInstance: .v3), of: 9)
      #expect(
        try await outbox.accountSummaries() == [
          AccountSummary(
            idInstance: 9, identity: .init(wid: "7@c.us", typeInstance: .v3), progress: .init(), trackedMessages: 0,
            events: 1),
          AccountSummary(
            idInstance: 1_101_000_001, identity: nil, progress: .init(watchedSeconds: 4), trackedMessages: 2, events: 3),
        ])
      let log = try await outbox.destination("log")
      let idle = try await outbox.destination("idle")
      try await outbox.setPause(.byOperator, of: log)
      #expect(
        try await outbox.destinationSummaries() == [
          DestinationSummary(
            id: try await outbox.destination("crm"), name: "crm", pause: nil, waiting: 3,
            oldestWaiting: moment(1000).unix, delivered: 0, deadLetters: 0),
          DestinationSummary(
            id: idle, name: "idle", pause: nil, waiting: 0, oldestWaiting: nil, delivered: 0, deadLetters: 0),
          DestinationSummary(
            id: log, name: "log", pause: .byOperator, waiting: 0, oldestWaiting: nil, delivered: 1, deadLetters: 1),
        ])
      #expect(try await outbox.destinationSummaries(excluding: ["crm", "idle"]).map(\.name) == ["log"])
    }
  }

  @Test("A reader sees what a running relay commits, and is closed by itself")
  func readerWhileWriting() async throws {
    try await withOutbox { outbox, directory in
      let crm = try await outbox.destination()
      let reader = try await SQLiteOutbox.openReadOnly(directory: directory)
      #expect(try await reader.events(.init()).isEmpty)
      async let writing: Void = {
        for number in 1...60 {
          _ = try await outbox.record(
            poll((0..<10).map { routed(notification("M\(number)-\($0)"), to: (crm, Int64(number))) }))
        }
      }()
      // Whole polls only, and never fewer than before.
      var seen = 0
      let deadline = ContinuousClock.now + .seconds(60)
      while seen < 600, ContinuousClock.now < deadline {
        let count = try await reader.events(.init(limit: .max)).count
        #expect(count >= seen && count % 10 == 0)
        seen = count
      }
      try await writing
      #expect(try await reader.destinationSummaries().map(\.waiting) == [600])
      await reader.close()
      #expect(try await outboxError { _ = try await reader.events(.init()) }?.kind == .closed)
      #expect(try await outbox.events(.init(limit: .max)).count == 600)
    }
  }

  @Test("A reader opens what a stopped relay left, and the relay starts beside it")
  func readerOfStoppedRelay() async throws {
    try await withTemporaryDirectory { directory in
      let outbox = try await SQLiteOutbox.open(.init(directory: directory))
      try await fill(outbox)
      await outbox.close()
      let reader = try await SQLiteOutbox.openReadOnly(directory: directory)
      #expect(try await reader.deliveries(.init()).count == 5)
      #expect(try await reader.attempts(of: DeliveryID(rawValue: 2)).count == 1)
      let reopened = try await SQLiteOutbox.open(.init(directory: directory))
      _ = try await reopened.record(poll(of: 9, [routed(notification("D", of: 9))]))
      #expect(try await reader.accountSummaries().map(\.events) == [2, 3])
      await reopened.close()
      await reader.close()
    }
  }

  @Test("Where no relay has run, a reader says so and makes nothing")
  func readerWithoutOutbox() async throws {
    try await withTemporaryDirectory { directory in
      let error = try await outboxError { _ = try await SQLiteOutbox.openReadOnly(directory: directory) }
      #expect(error?.kind == .unusableDirectory)
      #expect(error?.description.contains("no outbox in \(directory)") == true)
      #expect(!FileManager.default.fileExists(atPath: directory))
    }
  }
}
