import GreenAPI
import NIOConcurrencyHelpers
import RelayCore
import TestServers
import Testing

@testable import Relay

@Suite struct PollGateTests {
  @Test("No more than its room are inside, the others come in their order")
  func order() async throws {
    let gate = PollGate(room: 2)
    let entered = NIOLockedValueBox<[Int]>([])
    try await withThrowingTaskGroup { group in
      for number in 0..<6 {
        group.addTask {
          try await gate.enter()
          entered.withLockedValue { $0.append(number) }
        }
        // One after the other, so that their order is known.
        try await eventually("number \(number) is there") {
          gate.waiting == max(0, number - 1) && (number > 1 || entered.withLockedValue { $0.count } == number + 1)
        }
      }
      for gone in 1...4 {
        gate.leave()
        try await eventually("the next one") { entered.withLockedValue { $0.count } == 2 + gone }
        #expect(gate.waiting == 4 - gone)
      }
      try await group.waitForAll()
    }
    #expect(entered.withLockedValue { $0 } == [0, 1, 2, 3, 4, 5])
    for _ in 0..<2 { gate.leave() }
    for _ in 0..<2 { try await gate.enter() }
    #expect(gate.waiting == 0)
  }

  @Test("Whoever is called off waits no longer and takes no place")
  func calledOff() async throws {
    let gate = PollGate(room: 1)
    try await gate.enter()
    let off = Task { try await gate.enter() }
    try await eventually("one waits") { gate.waiting == 1 }
    let second = Task { try await gate.enter() }
    try await eventually("two wait") { gate.waiting == 2 }
    off.cancel()
    await #expect(throws: CancellationError.self) { try await off.value }
    #expect(gate.waiting == 1)
    gate.leave()
    try await second.value
    #expect(!gate.enterAtOnce())
    // One that is called off before it asks.
    let early = Task {
      while !Task.isCancelled { await Task.yield() }
      try await gate.enter()
    }
    early.cancel()
    await #expect(throws: CancellationError.self) { try await early.value }
    gate.leave()
    #expect(gate.enterAtOnce())
    #expect(gate.waiting == 0)
  }

  @Test("Many come, go and are called off, and never more than its room are inside", arguments: [1, 3, 16])
  func many(room: Int) async throws {
    let gate = PollGate(room: room)
    let inside = NIOLockedValueBox((now: 0, most: 0))
    await withTaskGroup { group in
      for number in 0..<500 {
        group.addTask {
          let visit = Task {
            try await gate.enter()
            inside.withLockedValue { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
            await Task.yield()
            inside.withLockedValue { $0.now -= 1 }
            gate.leave()
          }
          if number % 3 == 0 { visit.cancel() }
          _ = await visit.result
        }
      }
    }
    #expect(inside.withLockedValue { $0.now } == 0)
    #expect((1...room).contains(inside.withLockedValue { $0.most }))
    #expect(gate.waiting == 0)
    // All places are there again.
    for _ in 0..<room { try await gate.enter() }
  }

  @Test("Accounts of a host that doesn't answer wait for each other, those of another host don't")
  func hosts() async throws {
    let asked = NIOLockedValueBox<[String]>([])
    let silent = ScriptedServer { connection in
      guard let request = connection.readRequest() else { return }
      asked.withLockedValue { $0.append(request.line) }
      connection.waitForClose()
    }
    defer { silent.stop() }
    let stuck: [IDInstance] = [1_101_000_002, 1_101_000_003]
    try await RelayHarness.run(accounts: [RelayHarness.account] + stuck) { configuration in
      for index in 1...2 {
        configuration.accounts[index].apiURL = silent.url
        // Known, so that nothing is asked but the records.
        configuration.accounts[index].wid = "79991234567@c.us"
        configuration.accounts[index].typeInstance = .whatsapp
      }
    } _: { harness in
      await harness.stop()
      asked.withLockedValue { $0 = [] }
      try await harness.start(pollsAtOnce: 1)
      try await eventually("one account asks") {
        harness.time.advance(by: .seconds(1))
        return !asked.withLockedValue { $0.isEmpty }
      }
      for _ in 0..<3 { try await harness.poll() }
      #expect(asked.withLockedValue { $0.count } == 1)
      #expect(harness.relay.statuses.all.count { $0.isWaitingForOthers } == 1)
    }
  }

  @Test("An account is stuck when its poll is long overdue, unless it waits for others")
  func stuck() {
    let start = SteadyTime(milliseconds: 1_000_000)
    let moment = Moment(steady: start, unix: UnixTime(milliseconds: 0))
    var status = AccountStatus(idInstance: RelayHarness.account, health: AccountHealth(startingAt: moment))
    #expect(!status.isStuck(at: start, longestPoll: .seconds(600)))
    status.nextPoll = start
    #expect(!status.isStuck(at: start + .seconds(599), longestPoll: .seconds(600)))
    #expect(status.isStuck(at: start + .seconds(600), longestPoll: .seconds(600)))
    status.isWaitingForOthers = true
    #expect(!status.isStuck(at: start + .seconds(6000), longestPoll: .seconds(600)))
  }
}
