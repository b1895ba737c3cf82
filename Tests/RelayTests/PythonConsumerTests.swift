import Foundation
import GreenAPI
import Relay
import RelayCore
import Testing

@Suite("GREEN-API's own consumer kits", .enabled(if: PythonScript.interpreter != nil, PythonScript.comment))
struct PythonConsumerTests {
  @Test("A consumer made with the PyPI package whatsapp-api-webhook-server-python takes the notifications unchanged")
  func unchangedKit() async throws {
    let kit = try PythonScript("green_api_consumer")
    defer { kit.end() }
    let url = try await kit.lines(1)[0]
    try await RelayHarness.run { configuration in
      configuration.destinations[0].url = url
      configuration.destinations[0].webhookUrlToken = Secret("t0ken")
    } _: { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      try await harness.advance("A", to: .read)
      try await harness.poll()
      try await harness.delivered(2)

      let events = try await harness.outbox.events(.init()).reversed().map(\.notification)
      let lines = try await kit.lines(3).dropFirst()
      #expect(events.map(\.status) == [.sent, .read])
      for (line, event) in zip(lines, events) {
        let printed = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        #expect(printed?["typeWebhook"] as? String == "outgoingMessageStatus")
        let body = try JSONSerialization.jsonObject(with: Data(event.body)) as? NSDictionary
        #expect(printed?["body"] as? NSDictionary == body)
      }
      #expect(lines.count == 2)
      #expect(try await harness.deliveries().map(\.attempts) == [1, 1])
    }
  }

  @Test("A path, which the kit does not serve, is said to be what is wrong")
  func path() async throws {
    let kit = try PythonScript("green_api_consumer")
    defer { kit.end() }
    let url = try await kit.lines(1)[0]
    try await RelayHarness.run { configuration in
      configuration.destinations[0].url = url + "webhook"
    } _: { harness in
      try await harness.poll()
      let exchange = try #require(await harness.relay.test(destination: "crm").first)
      #expect(exchange.httpStatus == 404)
      #expect(exchange.detail.contains("(whatsapp-api-webhook-server-python) does, and serves the path / only"))
    }
  }
}
