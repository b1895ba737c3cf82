import GreenAPI
import GreenAPISimulator
import RelayCore
import Testing

/// Posts that don't move any more: they are asked for seldom, and told of.
@Suite struct StuckPostTests {
  @Test("After two hours without a change a post is polled at the idle interval and said to be stuck, until it moves")
  func twoHours() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.post("B", .read)
      var account = try await harness.poll()
      #expect(try #require(account.nextPollInSeconds) <= 5)
      #expect(account.stuck == 0 && account.stuckReason == nil)
      harness.time.advance(by: .seconds(7200))
      account = try await harness.poll()
      #expect((20...30).contains(try #require(account.nextPollInSeconds)))
      #expect(account.stuck == 1)
      #expect(account.stuckReason?.hasPrefix("no change for 2 hours") == true)
      #expect(account.state == "healthy")

      try await harness.advance("A", to: .delivered)
      account = try await harness.poll()
      #expect(try #require(account.nextPollInSeconds) <= 5)
      #expect(account.stuck == 0)
      try await harness.delivered(3)
      harness.time.advance(by: .seconds(7200))
      account = try await harness.poll()
      #expect((20...30).contains(try #require(account.nextPollInSeconds)))
      #expect(account.stuck == 0, "it was delivered: it is quiet")
    }
  }

  @Test("With outgoingWebhook off nothing is on its way, and all that is not final is stuck")
  func outgoingWebhookOff() async throws {
    let off = InstanceSettings(
      account: AccountSettings(wid: "79991234567@c.us", typeInstance: .whatsapp, outgoingWebhook: false))
    try await RelayHarness.run(settings: off) { harness in
      for (id, status) in [("A", MessageStatus.sent), ("B", .delivered), ("C", .read)] {
        try await harness.post(id, status)
      }
      try await harness.poll()
      try await eventually("the settings are read") { try await harness.account().reason == "outgoingWebhookOff" }
      var account = try await harness.account()
      #expect(account.stuck == 2)
      #expect(account.stuckReason?.hasPrefix("outgoingWebhook is off") == true)
      account = try await harness.poll()
      #expect((20...30).contains(try #require(account.nextPollInSeconds)))

      try await harness.simulator.changeSettings(of: RelayHarness.account) { $0 = InstanceSettings() }
      harness.time.advance(by: .seconds(301))
      try await eventually("the settings are read again") { try await harness.account().stuck == 0 }
      try await harness.post("D")
      account = try await harness.poll()
      #expect(try #require(account.nextPollInSeconds) <= 5)
      #expect(account.state == "healthy")
    }
  }
}
