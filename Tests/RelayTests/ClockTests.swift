import GreenAPI
import Relay
import RelayCore
import Testing

/// A wall clock that steps by hours: the waits, the order and the news are not its business.
@Suite struct ClockTests {
  @Test("A step of the clock fires no retry early, delays none, and loses nothing", arguments: [-6 * 3600, 6 * 3600])
  func retries(by seconds: Int) async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].delivery.retry = RetryPolicy(
        schedule: [.seconds(600)], jitter: 0, giveUpAfter: .seconds(3600))
    } _: { harness in
      harness.consumer.behaveNext(.answer("500 No"), .answer("500 No"))
      try await harness.post("A")
      try await harness.post("B")
      try await harness.poll()
      try await harness.deliveries(become: "retried") { $0.allSatisfy { $0.state == .retrying } && $0.count == 2 }

      harness.time.stepWallClock(by: .seconds(seconds))
      try await harness.advance("A", to: .read)
      try await harness.post("C")
      let account = try await harness.poll()
      #expect(account.state == "healthy")
      #expect(try #require(account.nextPollInSeconds) <= 5)
      try await harness.delivered(1)
      #expect(harness.consumer.arrivals.sorted() == ["A sent", "B sent", "C sent"])

      try await harness.passUntilRetry()
      try await harness.delivered(4)
      let arrivals = harness.consumer.arrivals
      #expect(arrivals.count == 6)
      #expect(arrivals.filter { $0.hasPrefix("A") } == ["A sent", "A sent", "A read"])
      #expect(try await harness.deliveries().allSatisfy { $0.state == .delivered })
    }
  }

  @Test("A step of the clock neither hurries nor delays the polls", arguments: [-6 * 3600, 6 * 3600])
  func polls(by seconds: Int) async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      harness.time.stepWallClock(by: .seconds(seconds))
      let before = try await harness.poll()
      let after = try await harness.poll()
      #expect(after.polls == (before.polls ?? 0) + 1)
      #expect(try #require(after.nextPollInSeconds) <= 5)
      #expect(after.failedPolls == 0)
      try await harness.advance("A", to: .read)
      try await harness.poll()
      try await harness.delivered(2)
    }
  }

  @Test("A relay restarted with a clock set back asks for the whole journal once, and announces nothing twice")
  func restartedInThePast() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      await harness.stop()
      harness.time.stepWallClock(by: .seconds(-24 * 3600))
      try await harness.start(trustsClock: false)
      try await harness.advance("A", to: .read)
      try await harness.poll()
      try await harness.delivered(2)
      #expect(harness.consumer.arrivals == ["A sent", "A read"])
    }
  }
}
