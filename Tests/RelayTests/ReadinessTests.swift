import Foundation
import GreenAPI
import Relay
import RelayCore
import RelayStore
import Testing

/// When a relay counts as ready, and what it says is wrong.
@Suite struct ReadinessTests {
  /// One that runs, with accounts in these states and destinations in those.
  private static func status(
    trouble: String? = nil, accounts: [(state: String, reason: String?)] = [("healthy", nil)],
    destinations: [String] = ["delivering"]
  ) throws -> RelayStatus {
    var status = RelayStatus(
      storedAccounts: (1...max(1, accounts.count)).prefix(accounts.count).map {
        AccountSummary(
          idInstance: IDInstance(integerLiteral: Int64($0)), identity: nil, progress: .init(), trackedMessages: 0,
          events: 0)
      },
      storedDestinations: destinations.indices.map {
        DestinationSummary(
          id: DestinationID(rawValue: Int64($0)), name: "d\($0)", pause: nil, waiting: 0, oldestWaiting: nil,
          delivered: 0, deadLetters: 0)
      }, now: ManualTime().now())
    status.isRunning = true
    status.trouble = trouble
    for (index, account) in accounts.enumerated() {
      status.accounts[index].state = account.state
      status.accounts[index].reason = account.reason
      status.accounts[index].description = account.reason.map { "it says \($0)" }
    }
    for (index, state) in destinations.enumerated() { status.destinations[index].state = state }
    return status
  }

  private typealias What = Readiness.Reason.What

  @Test("All is well: ready, for no reason")
  func well() throws {
    let readiness = Readiness(try Self.status(), accounts: 1)
    #expect(readiness.ready && readiness.reasons.isEmpty)
  }

  @Test(
    "It is ready as soon as one account is polled, whatever its settings or records are like",
    arguments: [
      ([("healthy", nil)], 1, true), ([("starting", nil)], 1, false), ([], 1, false), ([], 0, true),
      ([("notPolled", nil)], 0, true), ([("notPolled", nil)], 1, false),
      ([("needsAttention", "wrongToken")], 1, false), ([("degraded", "network")], 1, false),
      ([("degraded", "noUsableRecords")], 1, true), ([("needsAttention", "outgoingWebhookOff")], 1, true),
      ([("needsAttention", "wrongToken"), ("healthy", nil)], 2, true),
      ([("needsAttention", "wrongToken"), ("degraded", "network")], 2, false),
      ([("starting", nil), ("healthy", nil)], 2, true), ([("healthy", nil)], 3, true),
    ] as [([(String, String?)], Int, Bool)])
  func accounts(_ states: [(String, String?)], _ configured: Int, _ isReady: Bool) throws {
    let readiness = Readiness(
      try Self.status(accounts: states.map { (state: $0.0, reason: $0.1) }), accounts: configured)
    #expect(readiness.ready == isReady)
    #expect(readiness.reasons.contains { $0.what == .polling } == !isReady)
    let wrong = states.count { $0.0 == "degraded" || $0.0 == "needsAttention" }
    #expect(readiness.reasons.count { $0.what == .account } == wrong)
  }

  @Test(
    "Two failed polls in a row are passing ones, once a poll has succeeded and when no person is needed",
    arguments: [
      ("degraded", "network", 5, 2, true), ("degraded", "network", 5, 3, false), ("degraded", "network", 0, 1, false),
      ("needsAttention", "wrongToken", 5, 1, false),
    ] as [(String, String, Int, Int, Bool)])
  func passing(_ state: String, _ reason: String, _ succeeded: Int, _ failed: Int, _ isReady: Bool) throws {
    var status = try Self.status(accounts: [(state, reason)])
    status.accounts[0].succeededPolls = succeeded
    status.accounts[0].failedPollsInARow = failed
    let readiness = Readiness(status, accounts: 1)
    #expect(readiness.ready == isReady)
    #expect(readiness.reasons.contains { $0.what == .account })
  }

  @Test("While it starts it says so, and not what is wrong with accounts nobody has asked for yet")
  func starting() throws {
    let reasons = Readiness(try Self.status(accounts: [("starting", nil)]), accounts: 1).reasons
    #expect(reasons.map(\.what) == [.polling])
    #expect(reasons.first?.description.contains("no poll has succeeded yet") == true)
    #expect(reasons.first?.advice == nil)
  }

  @Test("An outbox in trouble makes it unready and comes first")
  func outbox() throws {
    let readiness = Readiness(
      try Self.status(trouble: "the disk is full", accounts: [("degraded", "outbox")]), accounts: 1)
    #expect(!readiness.ready)
    #expect(readiness.reasons.map(\.what) == [.outbox, .polling, .account])
    #expect(readiness.reasons[0].description == "the disk is full")
    let unreadable = Readiness(outboxTrouble: OutboxError(.full, "the disk is full"))
    #expect(!unreadable.ready && unreadable.reasons.map(\.what) == [.outbox])
  }

  @Test("No destination makes it unready, and each that gets nothing is a reason with advice")
  func destinations() throws {
    let readiness = Readiness(
      try Self.status(destinations: ["circuitOpen", "delivering", "gone", "paused", "noAddress", "notServed"]),
      accounts: 1)
    #expect(readiness.ready)
    #expect(readiness.reasons.map(\.destination) == ["d0", "d2", "d3", "d4"])
    #expect(readiness.reasons.allSatisfy { $0.what == .destination && $0.account == nil })
    #expect(readiness.reasons[0].advice?.contains("statusrelay destinations test d0") == true)
    #expect(readiness.reasons[1].advice?.contains("statusrelay destinations resume d2") == true)
    #expect(readiness.reasons[2].description.contains("paused by an operator"))
  }

  @Test("A relay becomes ready with its first poll, and unready when its only account can't be polled")
  func relay() async throws {
    try await RelayHarness.run { harness in
      #expect(await !harness.relay.readiness().ready)
      try await harness.poll()
      let readiness = await harness.relay.readiness()
      #expect(readiness.ready && readiness.reasons.isEmpty)
      try await harness.spoil(.status(401))
      try await harness.poll()
      let trouble = await harness.relay.readiness()
      #expect(!trouble.ready)
      #expect(trouble.reasons.map(\.what) == [.polling, .account])
      #expect(trouble.reasons.last?.account == RelayHarness.account.rawValue)
      #expect(trouble.reasons.last?.advice != nil)
      harness.time.advance(by: .seconds(3600))
      try await eventually("the next poll") { await harness.relay.readiness().ready }
    }
  }
}
