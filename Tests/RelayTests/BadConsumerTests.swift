import Curl
import Foundation
import GreenAPI
import Relay
import RelayCore
import TestServers
import Testing

/// What a consumer may do to an attempt: what is recorded of it, that it is tried again, and that nobody else feels it.
@Suite struct BadConsumerTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var name: String
    var behaviour: TestConsumer.Behaviour
    var failure: AttemptFailure
    var httpStatus: Int?
    /// In the recorded words.
    var detail: String
    var timeout = Duration.seconds(20)

    var testDescription: String { name }

    static func status(_ text: String, _ failure: AttemptFailure) -> Row {
      let status = Int(text.prefix(3))!
      return Row(
        name: "HTTP \(text)", behaviour: .answer(text, body: Array("no \(status)".utf8)), failure: failure,
        httpStatus: status, detail: "HTTP \(status)")
    }
  }

  static let rows: [Row] = [
    .status("301 Moved Permanently", .rejected),
    .status("304 Not Modified", .rejected),
    .status("400 Bad Request", .rejected),
    .status("401 Unauthorized", .rejected),
    .status("404 Not Found", .rejected),
    .status("408 Request Timeout", .throttled),
    .status("413 Content Too Large", .rejected),
    .status("425 Too Early", .throttled),
    .status("429 Too Many Requests", .throttled),
    .status("500 Internal Server Error", .serverError),
    .status("503 Service Unavailable", .serverError),
    .status("599 Whatever", .serverError),
    Row(name: "a reset", behaviour: .reset, failure: .reset, detail: "reset"),
    Row(name: "a closed connection", behaviour: .hangUp, failure: .reset, detail: "mpty"),
    Row(
      name: "no answer at all", behaviour: .silence, failure: .timeout, detail: "not done within",
      timeout: .milliseconds(300)),
    Row(
      name: "an answer that isn't HTTP", behaviour: .bytes(Array("220 smtp.example.com ESMTP\r\n".utf8)),
      failure: .malformedAnswer, detail: "HTTP/0.9"),
    Row(name: "endless headers", behaviour: .endlessHeaders, failure: .malformedAnswer, detail: "bytes of headers"),
    Row(
      name: "one header of a megabyte",
      behaviour: .bytes(
        Array(("HTTP/1.1 200 OK\r\nX-Huge: " + String(repeating: "x", count: 1 << 20) + "\r\n\r\n").utf8)),
      failure: .malformedAnswer, detail: "header line"),
  ]

  @Test("A failed attempt is recorded with its cause and made again by the schedule", arguments: rows)
  func recordedAndRetried(_ row: Row) async throws {
    try await RelayHarness.run(destinations: 2) { configuration in
      configuration.destinations[0].timeout = row.timeout
    } _: { harness in
      harness.consumer.behaveNext(row.behaviour)
      try await harness.post("A")
      try await harness.poll()
      // The other destination has its own while this one fails.
      try await harness.delivered(1, at: "archive")
      try await harness.passUntilRetry()
      try await harness.delivered(1)

      let attempts = try await harness.attempts()
      #expect(attempts.count == 2)
      #expect(attempts[0].failure == row.failure)
      #expect(attempts[0].httpStatus == row.httpStatus)
      #expect(attempts[0].detail.contains(row.detail), "\(attempts[0].detail)")
      if let status = row.httpStatus, status != 304 { #expect(attempts[0].excerpt == Array("no \(status)".utf8)) }
      #expect(attempts[1].failure == nil && attempts[1].httpStatus == 200)
      let destination = try await harness.destination()
      #expect(destination.state == "delivering")
      #expect(destination.latestFailure?.failure == row.failure.rawValue)
      #expect(try await harness.deliveries(at: "archive")[0].attempts == 1)
    }
  }

  @Test(
    "Any 2xx is a delivery, whatever comes after its headers",
    arguments: [
      TestConsumer.Behaviour.answer("200 OK", body: []), .answer("201 Created"),
      .bytes(Array("HTTP/1.1 204 No Content\r\n\r\n".utf8)),
      .answer("299 Fine"), .endlessBody, .bytes(Array("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".utf8)),
      .answer("202 Accepted", body: [UInt8](repeating: 0x78, count: 1 << 20)),
    ])
  func success(_ behaviour: TestConsumer.Behaviour) async throws {
    try await RelayHarness.run { harness in
      harness.consumer.behaveNext(behaviour)
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      #expect(harness.consumer.requests.count == 1)
      #expect(try await harness.deliveries()[0].attempts == 1)
    }
  }

  @Test("A redirect is never followed")
  func redirect() async throws {
    try await RelayHarness.run { harness in
      harness.consumer.behaveNext(
        .answer("307 Temporary Redirect", headers: ["Location: \(harness.otherConsumer.url)"]))
      try await harness.post("A")
      try await harness.poll()
      try await harness.deliveries(become: "rejected") { $0.first?.lastFailure == .rejected }
      #expect(harness.otherConsumer.requests.isEmpty)
    }
  }

  @Test("A host without an address is a failure to resolve, and no other destination waits for it")
  func unresolvable() async throws {
    try await RelayHarness.run(destinations: 2) { configuration in
      configuration.destinations[0].url = "http://consumer.invalid/webhook"
    } _: { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1, at: "archive")
      let row = try await harness.deliveries(become: "a failure") { $0.first?.lastFailure != nil }[0]
      #expect(row.lastFailure == .resolve)
      #expect(row.lastDetail.contains("consumer.invalid"))
      #expect(row.state == .retrying)
    }
  }

  @Test("A port where nobody listens is a failure to connect")
  func refused() async throws {
    let gone = TestConsumer()
    gone.stop()
    try await RelayHarness.run { configuration in
      configuration.destinations[0].url = gone.url
    } _: { harness in
      try await harness.post("A")
      try await harness.poll()
      let row = try await harness.deliveries(become: "a failure") { $0.first?.lastFailure != nil }[0]
      #expect(row.lastFailure == .connect)
      #expect(row.state == .retrying)
    }
  }

  @Test(
    "A certificate nobody vouches for is a TLS failure; with its caFile the same consumer is reached",
    .enabled(if: TestCertificates.hasTool, "needs the openssl tool"))
  func untrusted() async throws {
    let certificates = try TestCertificates()
    defer { certificates.remove() }
    let secure = TestConsumer(tls: TLSServerContext(certificates.server))
    defer { secure.stop() }
    try await RelayHarness.run { configuration in
      configuration.destinations[0].url = secure.url
    } _: { harness in
      try await harness.post("A")
      try await harness.poll()
      let row = try await harness.deliveries(become: "a failure") { $0.first?.lastFailure != nil }[0]
      #expect(row.lastFailure == .tls)
      #expect(row.state == .retrying)
      #expect(secure.requests.isEmpty)

      var changed = harness.configuration
      changed.destinations[0].tls = TLSOptions(caFile: certificates.authority.certificate)
      try await harness.relay.reload(changed)
      try await harness.passUntilRetry()
      try await harness.delivered(1)
      #expect(secure.arrivals == ["A sent"])
    }
  }

  @Test("A consumer that speaks no TLS at an https URL is a TLS failure")
  func noTLS() async throws {
    let plain = ScriptedServer { $0.answer("400 Bad Request") }
    defer { plain.stop() }
    try await RelayHarness.run { configuration in
      configuration.destinations[0].url = plain.url.replacing("http:", with: "https:")
    } _: { harness in
      try await harness.post("A")
      try await harness.poll()
      let row = try await harness.deliveries(become: "a failure") { $0.first?.lastFailure != nil }[0]
      #expect(row.lastFailure == .tls)
    }
  }
}
