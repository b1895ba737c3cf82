import Curl
import Foundation
import TestServers
import Testing

@Suite(.timeLimit(.minutes(3)), .enabled(if: TestCertificates.hasTool, "needs the openssl tool"))
struct TLSTests {
  /// Runs the body with certificates, a TLS server and a client.
  private func withTLSServer(
    asksForCertificate: Bool = false, offersHTTP2: Bool = false,
    _ script: @escaping @Sendable (ServerConnection) -> Void = { connection in
      connection.serve { _ in connection.answer() }
    },
    do body: (CurlClient, TestCertificates, String, ScriptedServer) async throws -> Void
  ) async throws {
    let certificates = try TestCertificates()
    defer { certificates.remove() }
    let context = TLSServerContext(
      certificates.server, clientAuthority: asksForCertificate ? certificates.authority.certificate : nil,
      offersHTTP2: offersHTTP2)
    let server = ScriptedServer(tls: context, script)
    let client = try CurlClient()
    let outcome: Result<Void, any Error>
    do {
      outcome = .success(try await body(client, certificates, "https://127.0.0.1:\(server.port)/secret-path", server))
    } catch {
      outcome = .failure(error)
    }
    await client.shutDown()
    server.stop()
    try outcome.get()
  }

  private func request(_ url: String, _ tls: TLSOptions?) -> HTTPRequest {
    var request = HTTPRequest.direct(url, post: [1])
    request.tls = tls
    return request
  }

  @Test("A certificate is accepted from the CA file, from any with verify off, and from nobody else")
  func verification() async throws {
    try await withTLSServer { client, certificates, url, _ in
      let trusting = TLSOptions(caFile: certificates.authority.certificate)
      let response = try await client.execute(request(url, trusting))
      #expect(response.status == 200)
      #expect(response.httpVersion == .http11)

      for tls in [nil, TLSOptions(caFile: certificates.stranger.certificate), TLSOptions()] {
        let error = try #require(await client.failure(of: request(url, tls)))
        #expect(error.kind == .certificate, "\(error)")
        #expect(!error.message.contains("secret"))
      }
      let careless = try await client.execute(request(url, TLSOptions(verify: false)))
      #expect(careless.status == 200)
      // The handle forgets what it was allowed.
      #expect(await client.failure(of: request(url, nil))?.kind == .certificate)
      let again = try await client.execute(request(url, trusting))
      #expect(again.status == 200)
    }
  }

  @Test("A certificate for another name is not accepted")
  func wrongName() async throws {
    try await withTLSServer { client, certificates, url, _ in
      let tls = TLSOptions(caFile: certificates.authority.certificate)
      let local = try await client.execute(
        request(url.replacing("127.0.0.1", with: "localhost"), tls))
      #expect(local.status == 200)
      let other = url.replacing("127.0.0.1", with: "127.0.0.2")
      #expect(await client.failure(of: request(other, tls))?.kind != nil)
    }
  }

  @Test("A CA file that is not there is a TLS error that names it")
  func missingFile() async throws {
    try await withTLSServer { client, _, url, server in
      let error = await client.failure(of: request(url, TLSOptions(caFile: "/nonexistent/ca.pem")))
      #expect(error?.kind == .tls, "\(String(describing: error))")
      #expect(error?.message.contains("/nonexistent/ca.pem") == true)
      let noKey = TLSOptions(clientCertificateFile: "/nonexistent/client.pem", verify: false)
      #expect(await client.failure(of: request(url, noKey))?.kind == .tls)
    }
  }

  @Test("A client certificate is shown when the server asks for one, and missing it is a TLS error")
  func clientCertificate() async throws {
    try await withTLSServer(asksForCertificate: true) { client, certificates, url, _ in
      var tls = TLSOptions(
        caFile: certificates.authority.certificate, clientCertificateFile: certificates.client.certificate,
        clientKeyFile: certificates.client.key)
      let response = try await client.execute(request(url, tls))
      #expect(response.status == 200)
      tls.clientCertificateFile = nil
      tls.clientKeyFile = nil
      let error = await client.failure(of: request(url, tls))
      #expect(error?.kind == .tls, "\(String(describing: error))")
      tls.clientCertificateFile = certificates.stranger.certificate
      tls.clientKeyFile = certificates.stranger.key
      #expect(await client.failure(of: request(url, tls))?.kind == .tls)
    }
  }

  @Test("HTTP/2 is spoken where the server offers it, with many transfers on one connection")
  func http2() async throws {
    let requests = Recorder<Int>()
    try await withTLSServer(offersHTTP2: true) { connection in
      serveHTTP2(connection) { requests.record(connection.number) }
    } do: { client, certificates, url, server in
      let tls = TLSOptions(caFile: certificates.authority.certificate)
      let first = try await client.execute(request(url, tls))
      #expect(first.httpVersion == .http2)
      #expect(first.status == 200)
      #expect(first.body == Array("two".utf8))
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<50 {
          group.addTask {
            let error = await client.failure(of: request(url, tls))
            #expect(error == nil, "\(String(describing: error))")
          }
        }
      }
      #expect(requests.values.count == 51)
      #expect(server.acceptedCount == 1)
    }
  }

  @Test("A server that does not speak TLS is a TLS error")
  func noTLS() async throws {
    try await withServer { connection in
      connection.send("HTTP/1.1 400 Bad Request\r\n\r\n")
      connection.waitForClose()
    } do: { client, server in
      let error = await client.failure(of: request("https://127.0.0.1:\(server.port)/", nil))
      #expect(error?.kind == .tls, "\(String(describing: error))")
    }
  }

  @Test("Writing to a TLS connection that the server has closed does not end the process by SIGPIPE")
  func brokenPipe() async throws {
    await #expect(processExitsWith: .success) {
      signal(SIGPIPE, SIG_DFL)
      let certificates = try TestCertificates()
      defer { certificates.remove() }
      let server = ScriptedServer(tls: TLSServerContext(certificates.server)) { $0.armReset() }
      let client = try CurlClient()
      for _ in 0..<5 {
        var request = HTTPRequest.direct(
          "https://127.0.0.1:\(server.port)/", post: [UInt8](repeating: 1, count: 8 << 20))
        request.tls = TLSOptions(verify: false)
        #expect(await client.failure(of: request) != nil)
      }
      await client.shutDown()
      server.stop()
    }
  }
}
