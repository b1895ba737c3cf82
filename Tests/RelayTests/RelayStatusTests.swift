import Foundation
import GreenAPI
import Relay
import RelayCore
import RelayStore
import Testing

/// What programs read of a relay: its JSON, and when it calls itself healthy.
@Suite struct RelayStatusTests {
  @Test("The status of a running relay goes through JSON and back, and holds no secret")
  func json() async throws {
    try await RelayHarness.run(destinations: 2) { configuration in
      configuration.destinations[0].webhookUrlToken = Secret("c0nsumerSecret")
    } _: { harness in
      harness.consumer.behaveNext(.answer("500 No"))
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1, at: "archive")
      try await harness.deliveries(become: "retried") { $0.first?.state == .retrying }
      let status = try await harness.relay.status()
      let encoder = JSONEncoder()
      encoder.dateEncodingStrategy = .iso8601
      let text = try encoder.encode(status)
      let object = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
      let account = try #require((object["accounts"] as? [[String: Any]])?.first)
      #expect(object["version"] as? String == Version.number)
      #expect(object["isRunning"] as? Bool == true)
      #expect(account["idInstance"] as? Int == 1_101_000_001)
      #expect(account["state"] as? String == "healthy")
      #expect(account["events"] as? Int == 1)
      #expect(account["reason"] == nil)
      let destinations = try #require(object["destinations"] as? [[String: Any]])
      #expect(destinations.map { $0["name"] as? String } == ["archive", "crm"])
      #expect(destinations.map { $0["delivered"] as? Int } == [1, 0])
      #expect(destinations.map { $0["waiting"] as? Int } == [0, 1])
      #expect((destinations[1]["latestFailure"] as? [String: Any])?["failure"] as? String == "serverError")
      let decoder = JSONDecoder()
      decoder.dateDecodingStrategy = .iso8601
      #expect(try decoder.decode(RelayStatus.self, from: text).accounts.count == 1)
      #expect(!String(decoding: text, as: UTF8.self).contains("c0nsumerSecret"))
      #expect(!String(decoding: text, as: UTF8.self).contains(RelayHarness.token.reveal()))
      #expect(status.isHealthy)
    }
  }

  @Test("Of a relay that doesn't run there is what the outbox holds, and it is not healthy")
  func notRunning() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      let status = RelayStatus(
        storedAccounts: try await harness.outbox.accountSummaries(),
        storedDestinations: try await harness.outbox.destinationSummaries(), now: harness.time.now())
      #expect(!status.isRunning && !status.isHealthy)
      #expect(status.accounts.map(\.state) == ["notPolled"])
      #expect(status.accounts.map(\.wid) == ["79991234567@c.us"])
      #expect(status.destinations.map(\.state) == ["notServed"])
      #expect(status.destinations.map(\.delivered) == [1])
      // Both clocks agree here, so the remembered steady time is shown as the wall clock's.
      let latestPoll = try #require(status.accounts[0].latestPoll)
      #expect(latestPoll <= harness.time.trueDate && latestPoll > harness.time.trueDate.addingTimeInterval(-60))
    }
  }

  @Test("How a destination has answered lately is counted, and for how long an account's news was on its way")
  func figures() async throws {
    try await RelayHarness.run { harness in
      let before = try await harness.poll()
      #expect(before.lagSeconds == nil)
      #expect(try await harness.destination().attemptsLately == 0)
      #expect(try await harness.destination().successRate == nil)
      harness.consumer.behaveNext(.answer("500 No"))
      try await harness.post("A")
      // By GREEN-API's clock, whatever ours shows.
      harness.time.stepWallClock(by: .seconds(-7200))
      harness.time.advance(by: .seconds(42))
      let account = try await eventually("the poll") {
        let account = try await harness.account()
        return account.lagSeconds == nil ? nil : account
      }
      #expect((42...44).contains(account.lagSeconds ?? 0))
      try await harness.passUntilRetry()
      try await harness.delivered(1)
      let destination = try await harness.destination()
      #expect(destination.attemptsLately == 2)
      #expect(destination.successRate == 0.5)
      #expect(destination.p50Seconds != nil && destination.p99Seconds != nil)
      #expect(destination.address == harness.consumer.url)
      #expect(destination.circuit == "closed")
      harness.time.advance(by: .seconds(3700))
      #expect(try await harness.destination().attemptsLately == 0)
    }
  }

  @Test(
    "Of a relay that doesn't run a paused or gone destination is shown as such, and of one that runs one not configured is not"
  )
  func pausedWhileStopped() async throws {
    try await RelayHarness.run(destinations: 2) { harness in
      harness.consumer.behave(.answer("410 Gone"))
      try await harness.post("A")
      try await harness.poll()
      #expect(try await harness.relay.setPause(.byOperator, ofDestination: "archive"))
      try await eventually("the pause in the outbox") {
        try await harness.outbox.destinationSummaries().contains { $0.pause == .gone }
      }
      let status = RelayStatus(
        storedAccounts: [], storedDestinations: try await harness.outbox.destinationSummaries(),
        now: harness.time.now())
      #expect(status.destinations.map(\.name) == ["archive", "crm"])
      #expect(status.destinations.map(\.state) == ["paused", "gone"])
      #expect(status.destinations.allSatisfy { $0.circuit == nil && $0.address == nil })
      var changed = harness.configuration
      changed.destinations.removeFirst()
      try await harness.relay.reload(changed)
      try await eventually("the removal") { try await harness.destination().state == "notServed" }
      #expect(try await harness.destination("archive").state == "paused")
    }
  }
}
