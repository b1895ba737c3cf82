import Testing

@testable import Curl

@Suite struct RedactionTests {
  @Test("Path, query, user information and header values are taken out of a message, host and port stay")
  func parts() {
    let url = "https://user:pass-word@host.example:8443/waInstance1101/getStatuses/d75b3a66?token=t0k3n#frag"
    let message = "cannot fetch \(url) with Bearer abcd from host.example port 8443: d75b3a66, t0k3n, pass-word"
    let redacted = Redaction.redact(message, urls: [url], values: ["Bearer abcd"])
    for secret in ["user:", "pass-word", "waInstance1101", "d75b3a66", "t0k3n", "Bearer", "frag"] {
      #expect(!redacted.contains(secret), "\(redacted)")
    }
    #expect(redacted.contains("from host.example port 8443"))
  }

  @Test("User information of a URL that nobody named is taken out as well")
  func unknownURL() {
    let redacted = Redaction.redact("bad proxy 'http://me:pw@proxy:1'", urls: ["http://a/"], values: [])
    #expect(redacted == "bad proxy 'http://[redacted]@proxy:1'")
  }

  @Test("A message without secrets stays as it is")
  func harmless() {
    let message = "Failed to connect to 127.0.0.1 port 80 after 0 ms: Couldn't connect to server"
    #expect(Redaction.redact(message, urls: ["http://127.0.0.1:80/"], values: ["", "1"]) == message)
  }
}
