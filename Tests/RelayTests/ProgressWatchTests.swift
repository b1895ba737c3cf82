import NIOConcurrencyHelpers
import Testing

@testable import Relay

@Suite struct ProgressWatchTests {
  @Test("A part that gives no answer stands still, and holds up no other one")
  func silent() async throws {
    let (answers, answer) = AsyncStream<Void>.makeStream()
    let asked = NIOLockedValueBox(0)
    let watch = ProgressWatch([
      .outbox: {
        for await _ in answers { return true }
        return true
      },
      .dispatcher: {
        asked.withLockedValue { $0 += 1 }
        return true
      },
    ])
    let watching = Task { await watch.run(every: .milliseconds(1)) }
    try await eventually("the silent part") { watch.stalled(for: .milliseconds(200)) == [.outbox] }
    let before = asked.withLockedValue { $0 }
    try await eventually("the other part") { asked.withLockedValue { $0 } > before }
    answer.yield()
    try await eventually("progress") { watch.stalled(for: .milliseconds(200)).isEmpty }
    watching.cancel()
    answer.finish()
    await watching.value
  }

  @Test("A part whose answer says that nothing moves stands still")
  func unmoved() async throws {
    let moves = NIOLockedValueBox(false)
    let watch = ProgressWatch([.transfers: { moves.withLockedValue { $0 } }])
    let watching = Task { await watch.run(every: .milliseconds(1)) }
    try await eventually("the standstill") { watch.stalled(for: .milliseconds(50)) == [.transfers] }
    moves.withLockedValue { $0 = true }
    try await eventually("progress") { watch.stalled(for: .milliseconds(200)).isEmpty }
    watching.cancel()
    await watching.value
  }

  @Test("Of a healthy relay every part answers; nothing stands still")
  func healthy() async throws {
    try await RelayHarness.run { harness in
      let watch = harness.relay.progressWatch()
      let watching = Task { await watch.run(every: .milliseconds(10)) }
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      #expect(watch.stalled(for: .seconds(60)).isEmpty)
      watching.cancel()
      await watching.value
    }
  }

  @Test("In words: how much is polled and served, and the worst troubles first")
  func words() {
    var health = RelayHealth(accounts: 1, destinations: 2, troubles: [])
    #expect(health.summary == "1 account polled, 2 destinations served")
    health.troubles = ["a", "b", "c", "d", "e"]
    #expect(
      health.summary
        == "1 account polled, 2 destinations served. Trouble: a; b; c; and 2 more, see statusrelay status")
  }

  @Test("A destination that is paused is told")
  func troubles() async throws {
    try await RelayHarness.run { harness in
      #expect(await harness.relay.health().troubles.isEmpty)
      // Not before the dispatcher has taken the destination over.
      try await eventually("the destination") {
        try await harness.relay.setPause(.byOperator, ofDestination: "crm")
      }
      try await eventually("the pause") {
        await harness.relay.health().troubles == ["destination crm is paused"]
      }
    }
  }
}
