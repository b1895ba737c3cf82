import GreenAPI
import RelayCore
import Testing

@testable import Curl
@testable import Relay

/// What an operator reads of failures that a test can't bring about with a server of its own.
@Suite struct MisbehavingWordsTests {
  private func words(_ result: Result<HTTPResponse, CurlError>) throws -> String {
    let now = Moment(steady: SteadyTime(milliseconds: 0), unix: UnixTime(seconds: 1_760_000_000))
    let outcome = try #require(AttemptOutcome(result, now: now.unix))
    return AttemptReport(result, outcome: outcome, startedAt: now, endedAt: now, redactor: Redactor()).detail
  }

  @Test(
    "OpenSSL's words are said so that they are understood, and kept in brackets",
    arguments: [
      (.certificate, "SSL certificate problem: certificate is not yet valid", "compare the clocks"),
      (.certificate, "SSL certificate problem: unable to verify the first certificate", "tls.caFile"),
      (.certificate, "SSL certificate problem: certificate revoked", "was not accepted"),
      (.tls, "OpenSSL/3.0.19: error:0A000410:SSL routines::sslv3 alert handshake failure", "tls.clientCertificateFile"),
      (.tls, "unable to set private key file: 'client.key' type PEM", "tls names can't be used"),
      (.tls, "could not load PEM client certificate from client.pem", "tls names can't be used"),
      (.tls, "OpenSSL/3.0.19: error:0A00042E:SSL routines::tlsv1 alert protocol version", "no TLS connection"),
    ] as [(CurlError.Kind, String, String)])
  func tls(_ kind: CurlError.Kind, _ message: String, _ expected: String) throws {
    let words = try words(.failure(CurlError(kind: kind, code: 35, message: message)))
    #expect(words.contains(expected))
    #expect(words.hasSuffix("(\(message))"))
  }

  @Test("What the client itself found wrong is said once", arguments: [CurlError.Kind.resources, .proxy, .other])
  func plain(_ kind: CurlError.Kind) throws {
    #expect(try words(.failure(CurlError(kind: kind, message: "The proxy is gone."))) == "The proxy is gone")
  }

  @Test(
    "Of a redirect's target only scheme, host and port are told",
    arguments: [
      ("https://new.example/hook?key=k3y", "it redirects to https://new.example,"),
      ("HTTPS://user:pass@new.example:8443/hook", "it redirects to HTTPS://new.example:8443,"),
      ("http://[::1]:80/", "it redirects to http://[::1]:80,"),
      ("/hook/", "it redirects elsewhere,"), ("", "it redirects elsewhere,"),
      ("//new.example/hook", "it redirects elsewhere,"),
      ("https://\u{1B}[31mred/", "it redirects elsewhere,"),
      ("javascript:alert(1)", "it redirects elsewhere,"),
    ])
  func redirect(_ location: String, _ expected: String) throws {
    let words = try words(
      .success(
        HTTPResponse(
          status: 308, httpVersion: .http11, body: [], isComplete: true, timings: .init(total: .milliseconds(1)),
          headerBlock: Array("HTTP/1.1 308 Moved\r\nLocation: \(location)\r\n\r\n".utf8))))
    #expect(words.contains(expected), "\(words)")
    for secret in ["k3y", "pass", "hook", "\u{1B}"] { #expect(!words.contains(secret)) }
  }
}
