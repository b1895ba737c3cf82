import Foundation
import GreenAPI
import Relay
import RelayCore
import Testing

/// An operator's test of a destination: one marked notification beside everything else.
@Suite struct DestinationTestTests {
  @Test("One marked notification is sent as a delivery would be, shown without secrets, and recorded nowhere")
  func exchange() async throws {
    let secret = try SigningSecret(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    try await RelayHarness.run { configuration in
      configuration.destinations[0].url = configuration.destinations[0].url.map { $0 + "?key=s3cret" }
      configuration.destinations[0].webhookUrlToken = Secret("s3cret")
      configuration.destinations[0].headers = [.init(name: "X-Key", value: "s3cret")]
      configuration.destinations[0].signingSecrets = [secret]
      configuration.destinations[0].statuses = [.read, .failed]
    } _: { harness in
      try await harness.poll()
      harness.consumer.behaveNext(
        .answer("202 Accepted", headers: ["X-Answer: yes"], body: [UInt8](repeating: UInt8(ascii: "b"), count: 3000)))
      let exchange = try #require(await harness.relay.test(destination: "crm").first)
      let request = harness.consumer.requests[0]
      #expect(request.header("statusrelay-test") == "true")
      #expect(request.header("Authorization") == "Bearer s3cret")
      #expect(request.header("X-Key") == "s3cret")
      let id = try #require(request.header("webhook-id"))
      let timestamp = try #require(Int64(request.header("webhook-timestamp") ?? ""))
      let signature = try #require(request.header("webhook-signature"))
      #expect(secret.verifies(signature, webhookID: id, timestamp: timestamp, body: request.body))
      let message = try #require(request.json["idMessage"] as? String)
      #expect(message.hasPrefix("statusrelay-test-"))
      #expect(request.json["typeWebhook"] as? String == "outgoingMessageStatus")
      #expect(request.json["status"] as? String == "failed")
      #expect((request.json["instanceData"] as? [String: Any])?["wid"] as? String == "79991234567@c.us")
      #expect(id == Notification.makeWebhookID(RelayHarness.account, message, .failed))

      #expect(exchange.destination == "crm")
      #expect(exchange.url == harness.consumer.url + "?key=***")
      #expect(exchange.requestBody == String(decoding: request.body, as: UTF8.self))
      for line in request.headers where !["host", "accept"].contains(line.prefix { $0 != ":" }.lowercased()) {
        let name = line.prefix { $0 != ":" }
        let shown = exchange.requestHeaders.first { $0.name == name }?.value
        let value = line.dropFirst(name.count + 2).replacing("s3cret", with: "***")
        #expect(shown == String(value), "\(name)")
      }
      #expect(exchange.httpStatus == 202 && exchange.httpVersion == "1.1")
      #expect(exchange.answerHeaders.contains(.init(name: "X-Answer", value: "yes")))
      #expect(exchange.answerBody == String(repeating: "b", count: 1024))
      #expect(exchange.failure == nil && exchange.detail == "")
      #expect(exchange.verdict == "A delivery would count as delivered.")
      let json = try JSONEncoder().encode(exchange)
      #expect(!String(decoding: json, as: UTF8.self).contains("s3cret"))
      #expect(harness.log.count(of: "s3cret") == 0)

      #expect(try await harness.outbox.events(.init()).isEmpty)
      #expect(try await harness.deliveries().isEmpty)
      #expect(try await harness.destination().attemptsLately == 0)
      let second = try #require(await harness.relay.test(destination: "crm").first)
      #expect(second.requestBody != exchange.requestBody)
    }
  }

  @Test(
    "What goes wrong is told in words, and has no consequences",
    arguments: [
      (TestConsumer.Behaviour.answer("500 No"), "serverError", "tried again"),
      (.answer("404 Not Found"), "rejected", "shown as rejected"), (.answer("410 Gone"), "gone", "be paused"),
      (.hangUp, "reset", "tried again"), (.bytes(Array("220 smtp".utf8)), "malformedAnswer", "tried again"),
    ])
  func failure(_ behaviour: TestConsumer.Behaviour, failure: String, verdict: String) async throws {
    try await RelayHarness.run { harness in
      try await harness.poll()
      harness.consumer.behave(behaviour)
      for _ in 0..<6 {
        let exchange = try #require(await harness.relay.test(destination: "crm").first)
        #expect(exchange.failure == failure)
        #expect(exchange.verdict.contains(verdict))
        #expect(!exchange.detail.isEmpty)
      }
      harness.consumer.behave(.answer())
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      let destination = try await harness.destination()
      #expect(destination.state == "delivering" && destination.latestFailure == nil)
    }
  }

  @Test("A paused destination is tried too, and one with attempts under way to the limit")
  func besideTheQueue() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].delivery.maxConcurrency = 1
      configuration.destinations[0].delivery.rateLimit = RateLimit(count: 1, period: .seconds(3600))
    } _: { harness in
      harness.consumer.behaveNext(.hold())
      try await harness.post("A")
      try await harness.poll()
      try await harness.consumer.received(1)
      #expect(await harness.relay.test(destination: "crm").map(\.httpStatus) == [200])
      #expect(try await harness.relay.setPause(.byOperator, ofDestination: "crm"))
      #expect(await harness.relay.test(destination: "crm").map(\.httpStatus) == [200])
      #expect(harness.consumer.requests.count == 3)
    }
  }

  @Test(
    "Each account's destination is tried by the configured name; one without an address says so; an unknown name is none"
  )
  func family() async throws {
    let other: IDInstance = 1_101_000_002
    try await RelayHarness.run(accounts: [RelayHarness.account, other]) { configuration in
      configuration.destinations[0].url = nil
    } _: { harness in
      try await harness.setWebhook(harness.consumer.url)
      try await harness.poll()
      try await harness.poll(other)
      try await eventually("the addresses") {
        try await harness.relay.status().destinations.map(\.state) == ["delivering", "noAddress"]
      }
      let exchanges = await harness.relay.test(destination: "crm")
      #expect(exchanges.map(\.destination) == ["crm@1101000001", "crm@1101000002"])
      #expect(exchanges.map(\.httpStatus) == [200, nil])
      #expect(exchanges[1].failure == "noAddress")
      #expect(exchanges[1].verdict.contains("Set webhookUrl in the instance's settings"))
      let json = harness.consumer.requests[0].json
      #expect((json["instanceData"] as? [String: Any])?["idInstance"] as? Int64 == RelayHarness.account.rawValue)
      #expect(await harness.relay.test(destination: "crm@1101000001").count == 1)
      #expect(await harness.relay.test(destination: "nobody").isEmpty)
    }
  }
}
