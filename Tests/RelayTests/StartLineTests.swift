import Foundation
import GreenAPI
import GreenAPISimulator
import NIOConcurrencyHelpers
import RelayCore
import Testing

@testable import Relay

/// Accounts that wait for their first poll.
@Suite struct StartLineTests {
  private static let other: IDInstance = 1_101_000_002

  /// A line with 1,000 accounts in it, every tenth with something on its way.
  private static func filled(
    _ time: ManualTime, letGo: NIOLockedValueBox<[Int]>, _ body: (StartLine) async throws -> Void
  ) async throws {
    let line = StartLine(time: time, executor: globalConcurrentExecutor)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<1000 {
        group.addTask {
          guard await line.turn(to: "host", isUnderWay: number % 10 == 0, notBefore: nil) else { return }
          letGo.withLockedValue { $0.append(number) }
        }
      }
      try await eventually("all wait") { line.waiting == 1000 }
      do { try await body(line) } catch {
        group.cancelAll()
        throw error
      }
      group.cancelAll()
    }
  }

  @Test(
    "Of a thousand accounts one is asked in each ten milliseconds, from the first second's end, those under way first")
  func thousand() async throws {
    let time = ManualTime()
    let start = time.now().steady
    let letGo = NIOLockedValueBox<[Int]>([])
    try await Self.filled(time, letGo: letGo) { line in
      time.advance(to: start + .milliseconds(999))
      try await eventually("the timer for the first") { time.hasSleeper(until: start + .milliseconds(1000)) }
      #expect(letGo.withLockedValue { $0.isEmpty })
      for count in 1...120 {
        let slot = start + .milliseconds(Int64(990 + 10 * count))
        try await eventually("the timer for number \(count)") { time.hasSleeper(until: slot) }
        time.advance(to: slot)
        try await eventually("number \(count)") { letGo.withLockedValue { $0.count } == count }
        #expect(line.waiting == 1000 - count)
      }
      #expect(letGo.withLockedValue { Set($0.prefix(100)) } == Set((0..<100).map { $0 * 10 }))
    }
  }

  @Test("Called off while they wait, all end at once, and no timer is left")
  func calledOff() async throws {
    let time = ManualTime()
    let letGo = NIOLockedValueBox<[Int]>([])
    try await Self.filled(time, letGo: letGo) { _ in
      try await eventually("the timer") { time.hasSleeper(until: time.now().steady + .seconds(1)) }
    }
    #expect(letGo.withLockedValue { $0.isEmpty })
    try await eventually("no timer is left") { !time.hasSleeper(until: time.now().steady + .seconds(1)) }
  }

  @Test("One that is called off before it waits is not let go either")
  func calledOffBefore() async {
    let line = StartLine(time: ManualTime(), executor: globalConcurrentExecutor)
    let turn = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return await line.turn(to: "host", isUnderWay: true, notBefore: nil)
    }
    #expect(await turn.value == false)
    #expect(line.waiting == 0)
  }

  @Test("A relay asks nobody in its first second, says that it starts, and is not taken for stuck")
  func firstSecond() async throws {
    try await RelayHarness.run(accounts: [RelayHarness.account, Self.other]) { harness in
      let start = harness.time.now().steady
      try await eventually("the timer") { harness.time.hasSleeper(until: start + .seconds(1)) }
      harness.time.advance(to: start + .milliseconds(999))
      for id in [RelayHarness.account, Self.other] {
        let account = try await harness.account(id)
        #expect(account.state == "starting" && account.nextPollInSeconds == nil)
      }
      #expect(await harness.relay.readiness().reasons.map(\.what) == [.polling])
      let watch = harness.relay.board.all
      #expect(!watch.contains { $0.isStuck(at: start + .seconds(86_400), longestPoll: .seconds(600)) })
      #expect(await harness.simulator.requests.isEmpty)
      #expect(try await harness.poll().polls == 1)
      #expect(try await harness.poll(Self.other).polls ?? 0 >= 1)
      let times = await harness.simulator.requests.compactMap(\.recent.first)
      #expect(times.count == 4 && times.allSatisfy { $0 >= Date(UnixTime(milliseconds: start.milliseconds + 1000)) })
    }
  }

  @Test("A relay that is stopped before anybody is asked stops at once")
  func stopped() async throws {
    try await RelayHarness.run { harness in
      try await eventually("the timer") { harness.time.hasSleeper(until: harness.time.now().steady + .seconds(1)) }
      await harness.beginToStop()
      await harness.ended()
      #expect(await harness.simulator.requests.isEmpty)
      #expect(harness.log.count(of: "notice stopped") == 1)
    }
  }

  @Test(
    "An account with something on its way is asked before one that has nothing, whichever the configuration names first"
  )
  func underWayFirst() async throws {
    try await RelayHarness.run(accounts: [RelayHarness.account, Self.other]) { harness in
      try await harness.post("A", .read)
      try await harness.post("B", on: Self.other)
      try await harness.poll()
      try await eventually("the other's") { try await harness.account(Self.other).trackedMessages == 1 }
      await harness.stop()
      let before = await harness.simulator.requests.filter { $0.method == "getOutgoingStatuses" }
      try await harness.start()
      let slot = harness.time.now().steady + .seconds(1)
      try await eventually("both wait") { harness.relay.starts.waiting == 2 }
      harness.time.advance(to: slot)
      try await eventually("the first poll") { try await harness.account(Self.other).polls == 1 }
      #expect(try await harness.account().polls == 0)
      #expect(before.map(\.count) == [1, 1])
    }
  }

  @Test("Accounts that a reload adds are let go one after the other")
  func reload() async throws {
    let accounts: [IDInstance] = (0..<5).map { IDInstance(integerLiteral: 1_101_000_001 + $0) }
    try await RelayHarness.run(accounts: accounts) { configuration in
      configuration.accounts.removeLast(4)
    } _: { harness in
      try await harness.poll()
      let time = harness.time.now().steady
      var changed = harness.configuration
      for id in accounts.dropFirst() {
        var account = changed.accounts[0]
        account.idInstance = id
        changed.accounts.append(account)
      }
      try await harness.relay.reload(changed)
      for count in 0...4 {
        try await eventually("\(4 - count) wait") { harness.relay.starts.waiting == 4 - count }
        try await eventually("\(count) have been asked") {
          harness.relay.board.all.dropFirst().count { $0.counts.succeededPolls == 1 } == count
        }
        harness.time.advance(to: time + StartQueue.slot * (count + 1))
      }
    }
  }
}
