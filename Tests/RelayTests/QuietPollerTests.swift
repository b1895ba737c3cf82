import Curl
import GreenAPI
import Logging
import NIOConcurrencyHelpers
import RelayCore
import TestServers
import Testing

@testable import Relay

/// One account's polls, with the test in the place of the account's task.
@Suite struct QuietPollerTests {
  /// A manual time that can be interrupted wherever it is asked for.
  private final class InterruptibleTime: Timekeeper {
    let manual = ManualTime()
    let interruption = NIOLockedValueBox<(@Sendable () -> Void)?>(nil)

    func now() -> RelayCore.Moment {
      interruption.withLockedValue { $0 }?()
      return manual.now()
    }

    func sleep(until time: SteadyTime) async throws { try await manual.sleep(until: time) }
  }

  private final class Stage: Sendable {
    let interruptible = InterruptibleTime()
    let client: CurlClient
    let server: ScriptedServer
    let polls: QuietPolls
    let poller: QuietPoller
    /// Of another account.
    let second: QuietPoller
    /// Has one place.
    let gate = PollGate(room: 1)
    /// What the server answers; `nil`: nothing.
    let answer: NIOLockedValueBox<String?>
    /// Requests that have come.
    let asked: NIOLockedValueBox<Int>

    static let identity = AccountIdentity(wid: "79991234567@c.us", typeInstance: .whatsapp)

    init(identity: AccountIdentity? = identity) throws {
      let answer = NIOLockedValueBox<String?>("[]")
      let asked = NIOLockedValueBox(0)
      (self.answer, self.asked) = (answer, asked)
      server = ScriptedServer { connection in
        connection.serve { _ in
          asked.withLockedValue { $0 += 1 }
          guard let text = answer.withLockedValue({ $0 }) else { return connection.waitForClose() }
          connection.answer(body: Array(text.utf8))
        }
      }
      client = try CurlClient()
      let board = AccountBoard(log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      let time = interruptible
      polls = QuietPolls(api: GreenAPIClient(client), time: time, board: board, executor: client.taskExecutor)
      let (polls, url) = (polls, server.url)
      func account(_ id: IDInstance, _ gate: PollGate) -> QuietPoller {
        var account = RelayConfiguration.Account(
          idInstance: id, apiTokenInstance: RelayHarness.token,
          poll: PollPolicy(idleInterval: .seconds(5), startFrom: .beginning))
        account.apiURL = url
        let pacer = PollPacer(
          policy: account.poll, latestPoll: nil, startingAt: time.now().steady + .seconds(1))
        return polls.poller(
          of: PolledAccount(account, snapshot: Snapshot(), pacer: pacer, identity: identity),
          board.begin(id, at: time.now()), gate)
      }
      poller = account(RelayHarness.account, gate)
      second = account(1_101_000_002, PollGate(room: 1))
    }

    var time: ManualTime { interruptible.manual }

    func end() async {
      poller.retire()
      second.retire()
      server.stop()
      await client.shutDown()
    }

    var status: AccountStatus { poller.monitor.status }

    /// Waits for the task's next turn.
    func occasion(after step: QuietPoller.Step = .rest) -> Task<QuietPoller.Occasion, Never> {
      Task { await poller.occasion(after: step) }
    }

    /// The first poll, which always has something to record, and the settings after it.
    func begin() async throws {
      time.advance(by: .seconds(1))
      try await recordNews(of: await occasion().value)
      guard case .settingsDue = await occasion().value else { throw NeverHappened(description: "settings due") }
      poller.update { polled in
        polled.beginSettings(at: time.now().steady)
        polled.endSettings(AccountSettings(), begunAt: time.now().steady)
      }
    }

    @discardableResult
    func recordNews(of occasion: QuietPoller.Occasion) async throws -> PollChanges {
      guard case .news(let received, let changes?) = occasion else { throw NeverHappened(description: "news") }
      poller.takeOver(received, changes)
      return changes
    }

    /// Lets polls come until so many have succeeded.
    func pass(untilSucceeded count: Int) async throws {
      try await eventually("\(count) polls") {
        if polls.wakeUps.sleepers == 1, status.counts.succeededPolls < count { time.advance(to: status.nextPoll!) }
        return status.counts.succeededPolls == count && polls.wakeUps.sleepers == 1
      }
    }

    var hasRoom: Bool {
      guard let number = gate.enter(orWaitTo: {}) else {
        gate.leave()
        return true
      }
      _ = gate.callOff(number)
      return false
    }
  }

  /// The stage lives as long as the body runs.
  private func onStage(
    identity: AccountIdentity? = Stage.identity, _ body: (Stage) async throws -> Void
  ) async throws {
    let stage = try Stage(identity: identity)
    do {
      try await body(stage)
    } catch {
      await stage.end()
      throw error
    }
    await stage.end()
  }

  @Test("Polls that find nothing new leave the task alone; news wake it, and nothing is asked before they are recorded")
  func quiet() async throws {
    try await onStage { stage in
      try await stage.begin()
      let occasion = stage.occasion()
      try await stage.pass(untilSucceeded: 6)
      #expect(stage.asked.withLockedValue { $0 } == 6)
      #expect(stage.status.counts.polls == 6)
      #expect(stage.status.nextPoll.map { $0 > stage.time.now().steady } == true)
      stage.answer.withLockedValue { $0 = #"[{"idMessage": "A", "statusMessage": "sent", "timestamp": 1760000000}]"# }
      stage.time.advance(to: stage.status.nextPoll!)
      guard case .news(let received, let changes?) = await occasion.value else {
        Issue.record("no news")
        return
      }
      #expect(changes.announcements.map(\.idMessage) == ["A"])
      #expect(stage.status.counts.succeededPolls == 6)
      #expect(!stage.hasRoom, "the poll goes on")
      stage.time.advance(by: .seconds(600))
      #expect(stage.polls.wakeUps.sleepers == 0)
      stage.poller.takeOver(received, changes)
      #expect(stage.status.counts.succeededPolls == 7)
      #expect(stage.status.trackedMessages == 1)
      #expect(stage.hasRoom)
      #expect(stage.asked.withLockedValue { $0 } == 7)
    }
  }

  @Test("A poll that fails is counted and told of without the account's task, and tried again later")
  func failing() async throws {
    try await onStage { stage in
      try await stage.begin()
      stage.answer.withLockedValue { $0 = "no JSON" }
      let occasion = stage.occasion()
      try await eventually("two failures") {
        if stage.polls.wakeUps.sleepers == 1, stage.status.counts.failedPolls < 2 {
          stage.time.advance(to: stage.status.nextPoll!)
        }
        return stage.status.counts.failedPolls == 2 && stage.polls.wakeUps.sleepers == 1
      }
      #expect(stage.status.health.state.name == "degraded")
      #expect(stage.status.health.failuresInARow == 2)
      #expect(stage.hasRoom)
      occasion.cancel()
      guard case .calledOff = await occasion.value else {
        Issue.record("not called off")
        return
      }
    }
  }

  @Test("Without an identity the poll waits for it, and is the same poll then")
  func identity() async throws {
    try await onStage(identity: nil) { stage in
      stage.time.advance(by: .seconds(1))
      guard case .identityWanted = await stage.occasion().value else {
        Issue.record("no identity was wanted")
        return
      }
      #expect(!stage.hasRoom)
      #expect(stage.asked.withLockedValue { $0 } == 0)
      stage.poller.update { $0.identity = Stage.identity }
      try await stage.recordNews(of: await stage.occasion(after: .ask).value)
      #expect(stage.asked.withLockedValue { $0 } == 1)
      #expect(stage.status.counts.polls == 1)
      #expect(stage.status.counts.succeededPolls == 1)
    }
  }

  enum Moment: CaseIterable {
    case asleep
    case behindOthers
    case asking
    case away
  }

  @Test(
    "Called off at any moment it ends at once, and leaves neither a timer nor its place", arguments: Moment.allCases)
  func calledOff(at moment: Moment) async throws {
    try await onStage { stage in
      try await stage.begin()
      let occasion: Task<QuietPoller.Occasion, Never>
      switch moment {
      case .asleep:
        occasion = stage.occasion()
        try await eventually("it sleeps") { stage.polls.wakeUps.sleepers == 1 }
      case .behindOthers:
        #expect(stage.gate.enter {} == nil)
        occasion = stage.occasion()
        try await eventually("it waits") {
          stage.time.advance(by: .seconds(1))
          return stage.status.isWaitingForOthers
        }
      case .asking:
        stage.answer.withLockedValue { $0 = nil }
        occasion = stage.occasion()
        try await eventually("it asks") {
          stage.time.advance(by: .seconds(1))
          return stage.asked.withLockedValue { $0 } == 2
        }
      case .away:
        occasion = Task {
          withUnsafeCurrentTask { $0?.cancel() }
          return await stage.poller.occasion(after: .rest)
        }
      }
      occasion.cancel()
      guard case .calledOff = await occasion.value else {
        Issue.record("not called off")
        return
      }
      if moment == .behindOthers {
        #expect(stage.gate.waiting == 0)
        stage.gate.leave()
      }
      #expect(stage.hasRoom)
      #expect(stage.polls.wakeUps.sleepers == 0)
      guard case .calledOff = await stage.occasion().value else {
        Issue.record("it goes on")
        return
      }
    }
  }

  @Test("Called off when it is about to ask, its request is called off too")
  func calledOffBeforeStart() async throws {
    try await onStage { stage in
      stage.answer.withLockedValue { $0 = nil }
      let first = stage.occasion()
      try await eventually("it sleeps") { stage.polls.wakeUps.sleepers == 1 }
      let second = Task { await stage.second.occasion(after: .rest) }
      try await eventually("both sleep") { stage.polls.wakeUps.sleepers == 2 }
      // Both wake at once; while the second one's request is being made, neither has been started.
      stage.interruptible.interruption.withLockedValue {
        $0 = { if stage.second.monitor.status.counts.polls == 1 { first.cancel() } }
      }
      stage.time.advance(by: .seconds(1))
      guard case .calledOff = await first.value else {
        Issue.record("not called off")
        return
      }
      stage.interruptible.interruption.withLockedValue { $0 = nil }
      #expect(stage.hasRoom)
      #expect(stage.polls.board.measurements.duration.count == 0, "it has not failed by itself, after half a minute")
      second.cancel()
      _ = await second.value
    }
  }

  @Test("Whoever waits for others is let in by them")
  func letIn() async throws {
    try await onStage { stage in
      try await stage.begin()
      #expect(stage.gate.enter {} == nil)
      let occasion = stage.occasion()
      try await eventually("it waits") {
        stage.time.advance(by: .seconds(1))
        return stage.status.isWaitingForOthers
      }
      #expect(stage.asked.withLockedValue { $0 } == 1)
      stage.gate.leave()
      try await stage.pass(untilSucceeded: 2)
      #expect(!stage.status.isWaitingForOthers)
      occasion.cancel()
      _ = await occasion.value
    }
  }

  @Test("The end of the client ends it")
  func clientEnds() async throws {
    try await onStage { stage in
      try await stage.begin()
      stage.answer.withLockedValue { $0 = nil }
      let occasion = stage.occasion()
      try await eventually("it asks") {
        stage.time.advance(by: .seconds(1))
        return stage.asked.withLockedValue { $0 } == 2
      }
      await stage.client.shutDown()
      guard case .calledOff = await occasion.value else {
        Issue.record("it goes on")
        return
      }
      #expect(stage.hasRoom)
    }
  }
}
