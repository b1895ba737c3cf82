import Curl
import Relay
import RelayCore
import TestServers
import Testing

/// What can be wrong between a consumer's TLS and ours: what is recorded, and what the operator reads.
@Suite(.enabled(if: TestCertificates.hasTool, "needs the openssl tool"))
struct MisbehavingTLSTests {
  /// Runs the body with certificates that are gone then.
  private func withCertificates(_ body: (TestCertificates) async throws -> Void) async throws {
    let certificates = try TestCertificates()
    defer { certificates.remove() }
    try await body(certificates)
  }

  /// The first attempt fails as expected and, the cause being taken away by a reload, the second one succeeds.
  private func fail(
    _ context: TLSServerContext, _ tls: TLSOptions?, then better: TLSOptions?, words: String...
  ) async throws {
    let consumer = MisbehavingConsumer(tls: context)
    defer { consumer.stop() }
    try await MisbehavingStage.run(against: consumer.url(path: MisbehavingStage.path), tls: tls) { stage in
      try await stage.failFirst(.init(failure: .tls, words: words))
      #expect(consumer.requests.isEmpty)
      guard let better else { return }
      var changed = stage.harness.configuration
      changed.destinations[0].tls = better
      try await stage.harness.relay.reload(changed)
      try await stage.succeedThen()
      #expect(consumer.requests.count == 1)
    }
  }

  @Test("An expired certificate is said to be that")
  func expired() async throws {
    try await withCertificates { certificates in
      try await fail(
        TLSServerContext(certificates.makeExpired()), TLSOptions(caFile: certificates.authority.certificate),
        then: TLSOptions(verify: false), words: "certificate", "expired", "renewed")
    }
  }

  @Test("A certificate for another host is said to be that")
  func wrongHost() async throws {
    try await withCertificates { certificates in
      try await fail(
        TLSServerContext(certificates.makeServer(for: "elsewhere.example")),
        TLSOptions(caFile: certificates.authority.certificate), then: TLSOptions(verify: false), words: "certificate",
        "another name", "127.0.0.1")
    }
  }

  @Test("A certificate from an authority that nobody knows is said to be that; with caFile it is accepted")
  func unknownAuthority() async throws {
    try await withCertificates { certificates in
      try await fail(
        TLSServerContext(certificates.server), nil, then: TLSOptions(caFile: certificates.authority.certificate),
        words: "certificate", "authority", "tls.caFile")
    }
  }

  @Test("A certificate that only vouches for itself is said to be that")
  func selfSigned() async throws {
    try await withCertificates { certificates in
      try await fail(
        TLSServerContext(certificates.stranger), nil, then: TLSOptions(verify: false), words: "certificate",
        "authority", "tls.caFile")
    }
  }

  @Test(
    "A client certificate that is demanded is asked of the operator; once configured it is shown, and the delivery works"
  )
  func clientCertificate() async throws {
    try await withCertificates { certificates in
      let context = TLSServerContext(certificates.server, clientAuthority: certificates.authority.certificate)
      let none = TLSOptions(caFile: certificates.authority.certificate)
      var right = none
      right.clientCertificateFile = certificates.client.certificate
      right.clientKeyFile = certificates.client.key
      try await fail(context, none, then: right, words: "client certificate", "tls.clientCertificateFile")

      var wrong = none
      wrong.clientCertificateFile = certificates.stranger.certificate
      wrong.clientKeyFile = certificates.stranger.key
      try await fail(context, wrong, then: right, words: "client certificate", "tls.clientCertificateFile")
    }
  }

  @Test("A certificate file of ours that is not there is named")
  func missingFile() async throws {
    try await withCertificates { certificates in
      try await fail(
        TLSServerContext(certificates.server), TLSOptions(caFile: "/nonexistent/ca.pem"),
        then: TLSOptions(caFile: certificates.authority.certificate), words: "/nonexistent/ca.pem", "can't be used")
    }
  }

  @Test("TLS spoken to a port that has none is said to be that")
  func tlsToPlainPort() async throws {
    let consumer = MisbehavingConsumer([.awaitRequest, .answer("400 Bad Request"), .end])
    defer { consumer.stop() }
    let url = consumer.url(path: MisbehavingStage.path).replacing("http:", with: "https:")
    try await MisbehavingStage.run(against: url) { stage in
      try await stage.failFirst(.init(failure: .tls, words: ["no TLS", "http:"]))
    }
  }

  @Test("A port that says nothing to a TLS greeting is a time-out")
  func silentPort() async throws {
    let consumer = MisbehavingConsumer([.silence], [.silence])
    defer { consumer.stop() }
    let url = consumer.url(path: MisbehavingStage.path).replacing("http:", with: "https:")
    try await MisbehavingStage.run(against: url, timeout: .seconds(1)) { stage in
      try await stage.failFirst(.init(failure: .timeout, words: ["did not answer"]))
    }
  }

  @Test("Plain HTTP spoken to a TLS port is said to be that")
  func plainToTLSPort() async throws {
    try await withCertificates { certificates in
      let consumer = MisbehavingConsumer(tls: TLSServerContext(certificates.server))
      defer { consumer.stop() }
      let url = consumer.url(path: MisbehavingStage.path).replacing("https:", with: "http:")
      try await MisbehavingStage.run(against: url) { stage in
        try await stage.failFirst(.init(failure: .reset, words: ["without an answer", "https:"]))
        #expect(consumer.requests.isEmpty)
      }
    }
  }

  @Test("A reset in the midst of the handshake is a cut connection")
  func resetWithinHandshake() async throws {
    let consumer = MisbehavingConsumer([.awaitRequest, .reset])
    defer { consumer.stop() }
    let url = consumer.url(path: MisbehavingStage.path).replacing("http:", with: "https:")
    try await MisbehavingStage.run(against: url) { stage in
      try await stage.failFirst(.init(failure: .tls, words: ["reset"]))
    }
  }
}
