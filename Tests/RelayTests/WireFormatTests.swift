import GreenAPI
import Relay
import RelayCore
import TestServers
import Testing

/// DESIGN's "A delivery on the wire", as a consumer sees it.
@Suite struct WireFormatTests {
  private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

  @Test("A delivery is a POST of the notification's bytes with the headers that consumers were built for")
  func request() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      let request = try await harness.consumer.received(1)[0]
      let timestamp = harness.time.trueDate.timeIntervalSince1970
      #expect(request.line == "POST /webhook HTTP/1.1")
      #expect(request.header("Content-Type") == "application/json; charset=utf-8")
      #expect(request.header("Content-Length") == "\(request.body.count)")
      #expect(request.header("User-Agent") == "statusrelay/\(Version.number)")
      #expect(request.header("webhook-id") == Notification.makeWebhookID(RelayHarness.account, "A", .sent))
      #expect(Int(request.header("webhook-timestamp") ?? "") == Int(timestamp))
      for name in ["Expect", "Transfer-Encoding", "Authorization", "webhook-signature"] {
        #expect(request.header(name) == nil, "\(name)")
      }
      let sentAt = try #require(request.json["timestamp"] as? Int)
      #expect(
        String(decoding: request.body, as: UTF8.self)
          == #"{"typeWebhook":"outgoingMessageStatus","chatId":"79991234567@c.us","instanceData":{"idInstance":1101000001,"#
          + #""wid":"79991234567@c.us","typeInstance":"whatsapp"},"timestamp":\#(sentAt),"idMessage":"A","status":"sent","#
          + #""sendByApi":true}"#)
      let events = try await harness.outbox.events(.init())
      #expect(events.map(\.notification.body) == [request.body])
    }
  }

  @Test(
    "Authorization is sent as GREEN-API sends it",
    arguments: [
      ("t0ken", "Bearer t0ken"), ("Bearer t0ken", "Bearer t0ken"), ("Basic dXNlcjpwYXNz", "Basic dXNlcjpwYXNz"),
      ("bearer t0ken", "Bearer bearer t0ken"),
    ])
  func authorization(_ token: String, _ header: String) async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].webhookUrlToken = Secret(token)
    } _: { harness in
      try await harness.post("A")
      try await harness.poll()
      #expect(try await harness.consumer.received(1)[0].header("Authorization") == header)
      #expect(harness.log.count(of: "t0ken") == 0)
    }
  }

  @Test("User and password of a URL are sent as Basic authorization")
  func basicAuthentication() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].basicAuthentication = .init(user: "user", password: Secret("pass"))
    } _: { harness in
      try await harness.post("A")
      try await harness.poll()
      #expect(try await harness.consumer.received(1)[0].header("Authorization") == "Basic dXNlcjpwYXNz")
    }
  }

  @Test("Headers of the configuration are added to every attempt")
  func headers() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].headers = [
        .init(name: "X-Team", value: "sales"), .init(name: "X-Empty", value: ""),
      ]
    } _: { harness in
      harness.consumer.behaveNext(.answer("500 No"))
      try await harness.post("A")
      try await harness.poll()
      try await harness.passUntilRetry()
      for request in try await harness.consumer.received(2) {
        #expect(request.header("X-Team") == "sales")
        #expect(request.header("X-Empty") == "")
      }
    }
  }

  @Test("Every attempt has the same webhook-id and bytes, and its own timestamp and signature")
  func attempts() async throws {
    let secret = try SigningSecret(Secret(Self.secret))
    try await RelayHarness.run { configuration in
      configuration.destinations[0].signingSecrets = [secret]
    } _: { harness in
      harness.consumer.behaveNext(.answer("500 No"))
      try await harness.post("A")
      try await harness.poll()
      try await harness.passUntilRetry()
      let requests = try await harness.consumer.received(2)
      #expect(requests[0].body == requests[1].body)
      #expect(requests[0].header("webhook-id") == requests[1].header("webhook-id"))
      #expect(requests[0].header("webhook-timestamp") != requests[1].header("webhook-timestamp"))
      for request in requests {
        let timestamp = try #require(Int64(request.header("webhook-timestamp") ?? ""))
        let id = try #require(request.header("webhook-id"))
        let signature = try #require(request.header("webhook-signature"))
        #expect(secret.verifies(signature, webhookID: id, timestamp: timestamp, body: request.body))
        #expect(!secret.verifies(signature, webhookID: id, timestamp: timestamp + 1, body: request.body))
      }
    }
  }

  @Test("While secrets are rotated there is a signature by each")
  func rotation() async throws {
    let secrets = try [Self.secret, "whsec_" + String(repeating: "QUJD", count: 8)].map {
      try SigningSecret(Secret($0))
    }
    try await RelayHarness.run { configuration in
      configuration.destinations[0].signingSecrets = secrets
    } _: { harness in
      try await harness.post("A")
      try await harness.poll()
      let request = try await harness.consumer.received(1)[0]
      let signature = try #require(request.header("webhook-signature"))
      #expect(signature.split(separator: " ").count == 2)
      for secret in secrets {
        #expect(
          secret.verifies(
            signature, webhookID: request.header("webhook-id") ?? "",
            timestamp: Int64(request.header("webhook-timestamp") ?? "") ?? 0, body: request.body))
      }
    }
  }

  @Test("Deliveries one after another use one connection")
  func keepAlive() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      for status in [MessageStatus.delivered, .read] {
        try await harness.advance("A", to: status)
        try await harness.poll()
      }
      try await harness.delivered(3)
      #expect(harness.consumer.connectionCount == 1)
    }
  }
}
