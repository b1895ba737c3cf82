import Foundation
import GreenAPI
import GreenAPISimulator
import RelayCore
import RelayStore
import Testing

/// The promises at the process's edge: whatever instant the relay is killed at, nothing is lost, nothing overtakes, and a repeat can
/// be told from news.
@Suite struct KillTests {
  private static let kills = 32

  @Test(
    "Killed 32 times at random moments, the relay delivers every status it was shown, in order", .timeLimit(.minutes(3))
  )
  func survivesKills() async throws {
    let seed =
      ProcessInfo.processInfo.environment["STATUSRELAY_KILL_SEED"].flatMap(UInt64.init) ?? .random(in: 0...999_999)
    print("kill test: seed \(seed) (again: STATUSRELAY_KILL_SEED=\(seed))")
    try await KillStage.with(seed: seed) { stage in
      var random = SplitMix64(state: seed &+ 2)
      let began = ContinuousClock.now
      for _ in 0..<Self.kills {
        try await stage.life(killedAt: KillMoment.random(using: &random))
      }
      let killing = ContinuousClock.now - began
      try await stage.finish()
      let verdict = KillVerdict(
        shown: await stage.simulator.shown, polls: stage.pollsByLife(await stage.pollTimes()),
        arrivals: stage.consumer.arrivals)
      print("kill test: \(stage.summary), \(verdict.summary), in \(killing) and \(ContinuousClock.now - began) in all")
      #expect(verdict.failures == [])
      #expect(verdict.mustArrive.count > 100, "the test would prove little")
      try await stage.expectSettledHistory(of: verdict)
    }
  }
}
