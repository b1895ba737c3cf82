import Foundation
import GreenAPI
import GreenAPISimulator
import Testing

/// A relay that is started again right after its last poll.
@Suite struct RestartTests {
  @Test(
    "Started again twenty times within a second of a poll, it is never told that it asks too often",
    .timeLimit(.minutes(3)))
  func withinASecond() async throws {
    try await RunStage.with { stage in
      // So seldom that a life has one poll, and the next one's comes sooner than a second after it unless it is held back.
      try stage.configure(
        stage.usualConfiguration.replacing("interval: 1s, idleInterval: 1s", with: "interval: 60s, idleInterval: 60s"))
      // On a machine that is very busy the end of some may take longer than a second: they prove nothing.
      var (lives, restarts) = (0, 0)
      while restarts < 20, lives < 60 {
        lives += 1
        try await withStatusrelay("run", "--config", stage.configurationPath) { relay in
          try await stage.polled(lives)
          let polled = ContinuousClock.now
          if lives.isMultiple(of: 4) {
            try await relay.line(containing: "account healthy")
            relay.send(SIGTERM)
          } else {
            relay.kill()
          }
          let end = try await relay.result()
          if ContinuousClock.now - polled < .seconds(1) { restarts += 1 }
          #expect(!end.error.contains("degraded"), "\(end.error)")
        }
      }
      let statuses = await stage.simulator.requests.map(\.byStatus)
      #expect(statuses.allSatisfy { $0.keys.allSatisfy { $0 == 200 } }, "\(statuses)")
    }
  }
}
