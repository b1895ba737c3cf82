import Foundation
import GreenAPI
import Relay
import RelayCore
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
}
