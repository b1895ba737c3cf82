import Curl
import Foundation
import GreenAPI
import RelayCore
import TestServers
import Testing

@testable import Relay

/// The ways to a consumer: through proxies, over IPv6, HTTP/2 and TLS, and with a user in the URL.
@Suite struct WayToConsumerTests {
  private static let credentials = RelayConfiguration.BasicAuthentication(user: "m@e", password: Secret("p4ss:w/rd"))

  @Test("A plain delivery goes through an http proxy as a whole URL, with the proxy's user and password")
  func httpProxy() async throws {
    let proxy = TestProxy(credentials: "m@e:p4ss:w/rd")
    defer { proxy.stop() }
    try await RelayHarness.run { configuration in
      // A name that only the proxy knows.
      configuration.destinations[0].url = configuration.destinations[0].url?
        .replacing("127.0.0.1", with: "consumer.invalid")
      configuration.destinations[0].proxy = .server(
        url: "http://127.0.0.1:\(proxy.port)", credentials: Self.credentials)
    } _: { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      #expect(harness.consumer.arrivals == ["A sent"])
      let call = try #require(proxy.allCalls.first)
      #expect(call.line == "POST \(try #require(harness.configuration.destinations[0].url)) HTTP/1.1")
      #expect(call.credentials == "m@e:p4ss:w/rd")
      #expect(harness.log.count(of: "p4ss") == 0)
    }
  }

  @Test(
    "An https delivery is connected through a proxy, which sees neither token nor content",
    .enabled(if: TestCertificates.hasTool, "needs the openssl tool"))
  func httpsThroughProxy() async throws {
    let certificates = try TestCertificates()
    defer { certificates.remove() }
    let secure = TestConsumer(tls: TLSServerContext(certificates.server))
    defer { secure.stop() }
    let proxy = TestProxy(credentials: "m@e:p4ss:w/rd")
    defer { proxy.stop() }
    try await RelayHarness.run { configuration in
      configuration.destinations[0].url = secure.url
      configuration.destinations[0].webhookUrlToken = Secret("c0nsumer")
      configuration.destinations[0].headers = [.init(name: "X-Key", value: "c0nsumer")]
      configuration.destinations[0].tls = TLSOptions(caFile: certificates.authority.certificate)
      configuration.destinations[0].proxy = .server(
        url: "http://127.0.0.1:\(proxy.port)", credentials: Self.credentials)
    } _: { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      #expect(secure.requests[0].header("Authorization") == "Bearer c0nsumer")
      #expect(secure.requests[0].header("Proxy-Authorization") == nil)
      let call = try #require(proxy.allCalls.first)
      #expect(call.line.hasPrefix("CONNECT 127.0.0.1:"))
      #expect(call.credentials == "m@e:p4ss:w/rd")
      #expect(!call.headers.contains { $0.contains("c0nsumer") || $0.lowercased().hasPrefix("webhook-") })
    }
  }

  @Test("A SOCKS5 proxy is told the host's name with socks5h, and user and password", arguments: [true, false])
  func socksProxy(withCredentials: Bool) async throws {
    let proxy = TestProxy(.socks5, credentials: withCredentials ? "m@e:p4ss:w/rd" : nil)
    defer { proxy.stop() }
    try await RelayHarness.run { configuration in
      configuration.destinations[0].url = configuration.destinations[0].url?
        .replacing("127.0.0.1", with: "consumer.invalid")
      configuration.destinations[0].proxy = .server(
        url: "socks5h://127.0.0.1:\(proxy.port)", credentials: withCredentials ? Self.credentials : nil)
    } _: { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      #expect(harness.consumer.arrivals == ["A sent"])
      #expect(proxy.allCalls.first?.line.hasPrefix("SOCKS5 consumer.invalid:") == true)
      #expect(proxy.allCalls.first?.credentials == (withCredentials ? "m@e:p4ss:w/rd" : nil))
    }
  }

  @Test(
    "A proxy that refuses us is told of without its password, and the delivery tried again",
    arguments: ["http://127.0.0.1:PORT", "socks5://127.0.0.1:PORT"])
  func refusingProxy(url: String) async throws {
    let proxy = TestProxy(url.hasPrefix("socks") ? .socks5 : .http, credentials: "someone:else")
    defer { proxy.stop() }
    try await RelayHarness.run(destinations: 2) { configuration in
      configuration.destinations[0].proxy = .server(
        url: url.replacing("PORT", with: "\(proxy.port)"), credentials: Self.credentials)
    } _: { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1, at: "archive")
      let row = try await harness.deliveries(become: "a failure") { $0.first?.lastFailure != nil }[0]
      #expect(row.state == .retrying)
      #expect(!row.lastDetail.isEmpty && !row.lastDetail.contains("p4ss"))
      #expect(harness.consumer.requests.isEmpty)
      #expect(harness.log.count(of: "p4ss") == 0)
      let status = String(decoding: try JSONEncoder().encode(try await harness.relay.status()), as: UTF8.self)
      #expect(!status.contains("p4ss"))
    }
  }

  @Test("A proxy that is added or left out by a reload counts from the next attempt on")
  func reloadedProxy() async throws {
    let proxy = TestProxy()
    defer { proxy.stop() }
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      var changed = harness.configuration
      changed.destinations[0].proxy = .server(url: "http://127.0.0.1:\(proxy.port)", credentials: nil)
      try await harness.relay.reload(changed)
      try await harness.post("B")
      try await harness.poll()
      try await harness.delivered(2)
      #expect(proxy.allCalls.count == 1)
      try await harness.relay.reload(harness.configuration)
      try await harness.post("C")
      try await harness.poll()
      try await harness.delivered(3)
      #expect(proxy.allCalls.count == 1)
    }
  }

  @Test("A consumer at an IPv6 address is reached", .enabled(if: IPv6Door.isThere, "needs an IPv6 loopback address"))
  func ipv6() async throws {
    try await RelayHarness.run { harness in
      let door = IPv6Door(to: try #require(URL(string: harness.consumer.url)?.port.flatMap(UInt16.init(exactly:))))
      defer { door.stop() }
      var changed = harness.configuration
      changed.destinations[0].url = "http://[::1]:\(door.port)/webhook"
      try await harness.relay.reload(changed)
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      #expect(harness.consumer.requests[0].header("Host") == "[::1]:\(door.port)")
      #expect(door.acceptedCount == 1)
    }
  }

  @Test(
    "HTTP/2 is spoken where the consumer offers it over TLS, one connection for all deliveries",
    .enabled(if: TestCertificates.hasTool, "needs the openssl tool"))
  func http2() async throws {
    let certificates = try TestCertificates()
    defer { certificates.remove() }
    let server = ScriptedServer(tls: TLSServerContext(certificates.server, offersHTTP2: true)) { serveHTTP2($0) }
    defer { server.stop() }
    try await RelayHarness.run { configuration in
      configuration.destinations[0].url = "https://127.0.0.1:\(server.port)/webhook"
      configuration.destinations[0].tls = TLSOptions(caFile: certificates.authority.certificate)
    } _: { harness in
      for name in ["A", "B", "C"] {
        try await harness.post(name)
        try await harness.poll()
      }
      try await harness.delivered(3)
      #expect(server.acceptedCount == 1)
      let exchanges = await harness.relay.test(destination: "crm")
      #expect(exchanges.map(\.httpVersion) == ["2"])
    }
  }

  @Test("A user in the configured URL moves to the header, and is found in no log line and no status")
  func basicAuthentication() async throws {
    try await RelayHarness.run { harness in
      let url = harness.consumer.url.replacing("//", with: "//us3r:p4ss%20word@")
      let loaded = try ConfigurationSample().load(
        ConfigurationSample.good.replacing("https://crm.example.com/hook", with: url))
      var changed = harness.configuration
      changed.destinations = loaded.destinations
      try await harness.relay.reload(changed)
      harness.consumer.behaveNext(.answer("500 No"), .bytes(Array("220 smtp\r\n".utf8)))
      try await harness.post("A")
      try await harness.poll()
      for _ in 0..<2 { try await harness.passUntilRetry() }
      try await harness.delivered(1)
      let header = "Basic " + Data("us3r:p4ss word".utf8).base64EncodedString()
      for request in harness.consumer.requests {
        #expect(request.line == "POST /webhook HTTP/1.1")
        #expect(request.header("Authorization") == header)
      }
      #expect(harness.consumer.requests.count == 3)
      let status = String(decoding: try JSONEncoder().encode(try await harness.relay.status()), as: UTF8.self)
      for secret in ["p4ss", "us3r", String(header.dropFirst(6))] {
        #expect(harness.log.count(of: secret) == 0)
        #expect(!status.contains(secret))
      }
      #expect(!"\(changed)".contains("p4ss"))
    }
  }
}
