import Foundation
import GreenAPI
import GreenAPISimulator
import Relay
import RelayCore
import Testing

/// Accounts as GREEN-API has them: who they are, what is set wrong, what is refused.
@Suite struct AccountTests {
  struct Refusal: Sendable, CustomTestStringConvertible {
    var name: String
    var settings = InstanceSettings()
    var reason: String
    var advice: String
    /// Seconds until GREEN-API is asked again.
    var wait: ClosedRange<Double>

    var testDescription: String { name }
  }

  static let refusals: [Refusal] = [
    Refusal(
      name: "no beta access", settings: InstanceSettings(betaAccess: false), reason: "noAccess",
      advice: "beta status methods", wait: 300...330),
    Refusal(
      name: "quota used up", settings: InstanceSettings(quotaExceeded: true), reason: "quotaExceeded",
      advice: "tariff", wait: 900...990),
    Refusal(
      name: "not authorized", settings: InstanceSettings(stateInstance: .notAuthorized), reason: "notAuthorized",
      advice: "Link the phone", wait: 300...330),
  ]

  @Test(
    "A refusal that a person must end says what to do, is asked about slowly, and ends by itself", arguments: refusals)
  func refused(_ refusal: Refusal) async throws {
    try await RelayHarness.run(settings: refusal.settings) { harness in
      try await harness.post("A")
      let refused = try await harness.poll()
      #expect(refused.state == "needsAttention")
      #expect(refused.reason == refusal.reason)
      #expect(refused.advice?.contains(refusal.advice) == true)
      #expect(refusal.wait.contains(refused.nextPollInSeconds ?? 0))
      #expect(harness.log.count(of: "error account needs attention: HTTP ") == 1)
      #expect(harness.log.count(of: refusal.advice) == 1)

      try await harness.simulator.changeSettings(of: RelayHarness.account) { $0 = InstanceSettings() }
      #expect(try await harness.poll().state == "healthy")
      try await harness.delivered(1)
    }
  }

  @Test("A wrong token is said to be wrong, and never shown")
  func wrongToken() async throws {
    try await RelayHarness.run { configuration in
      configuration.accounts[0].apiTokenInstance = Secret("an0therSecretThatIsWrong")
    } _: { harness in
      let account = try await harness.poll()
      #expect(account.state == "needsAttention")
      #expect(account.reason == "wrongToken")
      #expect(account.advice?.contains("apiTokenInstance") == true)
      #expect(harness.log.count(of: "an0therSecret") == 0)
    }
  }

  @Test("A single 429 is only counted; a second soon doubles the wait, and successes bring the usual one back")
  func rateLimited() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.spoil(.status(429), times: 3)
      let single = try await harness.poll()
      #expect(single.state == "healthy" && single.failedPolls == 1 && single.failures == ["rateLimited": 1])
      #expect(try #require(single.nextPollInSeconds) <= 5)
      let second = try await harness.poll()
      #expect(second.state == "degraded")
      #expect(second.reason == "rateLimited")
      #expect(second.advice?.contains("web chat") == true)
      #expect((10...11).contains(second.nextPollInSeconds ?? 0))
      #expect(try #require(try await harness.poll().nextPollInSeconds) >= 20)
      #expect(try #require(try await harness.poll().nextPollInSeconds) >= 15)
      for _ in 0..<6 { try await harness.poll() }
      #expect(try #require(try await harness.poll().nextPollInSeconds) <= 5)
      harness.time.advance(by: .seconds(600))
      try await harness.poll()
      try await harness.spoil(.status(429))
      #expect(try await harness.poll().state == "healthy")
    }
  }

  @Test("The relay outlives an outage of GREEN-API's, and announces what changed meanwhile")
  func outage() async throws {
    try await RelayHarness.run { configuration in
      configuration.accounts[0].wid = "79991234567@c.us"
      configuration.accounts[0].typeInstance = .whatsapp
    } _: { harness in
      try await harness.simulator.setFaults([Fault(.hangUp)], on: RelayHarness.account)
      for _ in 0..<3 { #expect(try await harness.poll().reason == "network") }
      try await harness.post("A")
      try await harness.simulator.setFaults([], on: RelayHarness.account)
      #expect(try await harness.poll().state == "healthy")
      try await harness.delivered(1)
    }
  }

  @Test("wid and typeInstance are asked from getSettings, and remembered over a restart")
  func identity() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      let account = try await harness.poll()
      #expect(account.wid == "79991234567@c.us")
      #expect(account.typeInstance == "whatsapp")
      try await harness.delivered(1)

      await harness.stop()
      try await harness.simulator.setFaults(
        [Fault(.status(500), methods: [.getSettings])], on: RelayHarness.account)
      try await harness.start()
      try await harness.advance("A", to: .read)
      #expect(try await harness.poll().state == "healthy")
      try await harness.delivered(2)
      let instance = try #require(harness.consumer.requests[1].json["instanceData"] as? [String: Any])
      #expect(instance["wid"] as? String == "79991234567@c.us")
    }
  }

  @Test("Without getSettings an account that isn't known is not polled, and is once it is")
  func unknownIdentity() async throws {
    try await RelayHarness.run { _ in
    } prepare: { simulator in
      try await simulator.setFaults([Fault(.status(503), methods: [.getSettings], times: 1)], on: RelayHarness.account)
    } _: { harness in
      try await harness.post("A")
      #expect(try await harness.poll().reason == "serverTrouble")
      #expect(await harness.simulator.shown.isEmpty)
      #expect(try await harness.poll().state == "healthy")
      try await harness.delivered(1)
    }
  }

  @Test("outgoingWebhook switched off is said, as statuses never change then")
  func outgoingWebhookOff() async throws {
    let settings = InstanceSettings(
      account: AccountSettings(wid: "79991234567@c.us", typeInstance: .whatsapp, outgoingWebhook: false))
    try await RelayHarness.run(settings: settings) { harness in
      let account = try await harness.poll()
      #expect(account.state == "needsAttention")
      #expect(account.reason == "outgoingWebhookOff")
      #expect(account.advice?.contains("outgoingWebhook to yes") == true)
    }
  }

  @Test("A configured wid wins over the account's, and the difference is said")
  func otherWid() async throws {
    try await RelayHarness.run { configuration in
      configuration.accounts[0].wid = "70000000000@c.us"
      configuration.accounts[0].typeInstance = .whatsapp
    } _: { harness in
      try await harness.post("A")
      try await harness.poll()
      // The settings are read after the first poll.
      try await eventually("the difference is said") { try await harness.account().reason == "otherWid" }
      try await harness.delivered(1)
      let instance = try #require(harness.consumer.requests[0].json["instanceData"] as? [String: Any])
      #expect(instance["wid"] as? String == "70000000000@c.us")
    }
  }

  @Test("A MAX account is polled under /v3, whether the apiUrl says so or not", arguments: ["", "/v3", "/v3/"])
  func max(_ suffix: String) async throws {
    let settings = InstanceSettings(
      account: AccountSettings(wid: "79991234567@c.us", typeInstance: .v3, outgoingWebhook: true))
    try await RelayHarness.run(settings: settings) { configuration in
      configuration.accounts[0].apiURL += suffix
      // Without /v3 in the URL only the configuration can say it: getSettings itself lies under /v3.
      if suffix.isEmpty { configuration.accounts[0].typeInstance = .v3 }
    } _: { harness in
      try await harness.post("A")
      #expect(try await harness.poll().state == "healthy")
      try await harness.delivered(1)
      let instance = try #require(harness.consumer.requests[0].json["instanceData"] as? [String: Any])
      #expect(instance["typeInstance"] as? String == "v3")
    }
  }

  @Test("Two accounts are polled apart: the trouble of one is not the other's")
  func twoAccounts() async throws {
    let other: IDInstance = 1_101_000_002
    try await RelayHarness.run(accounts: [RelayHarness.account, other]) { harness in
      try await harness.spoil(.status(500), times: nil)
      try await harness.post("A")
      try await harness.post("A", on: other)
      #expect(try await harness.poll().state == "degraded")
      #expect(try await harness.poll(other).state == "healthy")
      try await harness.delivered(1)
      let instance = try #require(harness.consumer.requests[0].json["instanceData"] as? [String: Any])
      #expect(instance["idInstance"] as? Int64 == other.rawValue)
      try await harness.spoil()
      try await harness.poll()
      try await harness.delivered(2)
      #expect(Set(harness.consumer.requests.map { $0.header("webhook-id") }).count == 2)
    }
  }
}
