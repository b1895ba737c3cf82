import GreenAPI
import NIOConcurrencyHelpers
import RelayCore
import TestServers
import Testing

@testable import Relay

@Suite struct PollGateTests {
  @Test("No more than its room are inside, the others come in their order")
  func order() {
    let gate = PollGate(room: 2)
    let entered = NIOLockedValueBox<[Int]>([])
    for number in 0..<6 {
      let enter: @Sendable () -> Void = { entered.withLockedValue { $0.append(number) } }
      if gate.enter(orWaitTo: enter) == nil { enter() }
      #expect(gate.waiting == max(0, number - 1))
    }
    for gone in 1...4 {
      gate.leave()
      #expect(entered.withLockedValue { $0.count } == 2 + gone)
      #expect(gate.waiting == 4 - gone)
    }
    #expect(entered.withLockedValue { $0 } == [0, 1, 2, 3, 4, 5])
    for _ in 0..<2 { gate.leave() }
    for _ in 0..<2 { #expect(gate.enter {} == nil) }
    #expect(gate.waiting == 0)
  }

  @Test("Whoever is called off waits no longer and takes no place")
  func calledOff() throws {
    let gate = PollGate(room: 1)
    let entered = NIOLockedValueBox<[String]>([])
    #expect(gate.enter {} == nil)
    let first = try #require(gate.enter { entered.withLockedValue { $0.append("first") } })
    let second = try #require(gate.enter { entered.withLockedValue { $0.append("second") } })
    #expect(gate.waiting == 2)
    #expect(gate.callOff(first))
    #expect(!gate.callOff(first))
    #expect(gate.waiting == 1)
    gate.leave()
    #expect(entered.withLockedValue { $0 } == ["second"])
    #expect(!gate.callOff(second), "it has the place")
    gate.leave()
    #expect(gate.waiting == 0)
    #expect(gate.enter {} == nil)
  }

  @Test("Many come, go and are called off, and never more than its room are inside", arguments: [1, 3, 16])
  func many(room: Int) async {
    let gate = PollGate(room: room)
    let inside = NIOLockedValueBox((now: 0, most: 0))
    await withTaskGroup { group in
      for number in 0..<500 {
        group.addTask {
          await withCheckedContinuation { end in
            let visit: @Sendable () -> Void = {
              Task {
                inside.withLockedValue { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                await Task.yield()
                inside.withLockedValue { $0.now -= 1 }
                gate.leave()
                end.resume()
              }
            }
            guard let waiting = gate.enter(orWaitTo: visit) else { return visit() }
            if number % 3 == 0, gate.callOff(waiting) { end.resume() }
          }
        }
      }
    }
    #expect(inside.withLockedValue { $0.now } == 0)
    #expect((1...room).contains(inside.withLockedValue { $0.most }))
    #expect(gate.waiting == 0)
    for _ in 0..<room { #expect(gate.enter {} == nil, "all places are there again") }
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
      #expect(harness.relay.board.all.count { $0.isWaitingForOthers } == 1)
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
