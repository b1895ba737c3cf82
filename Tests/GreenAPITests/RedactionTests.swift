import Foundation
import GreenAPI
import Testing

@Suite struct RedactionTests {
  static let token = "d75b3a66374942c5b3c019c698abc2067e151558acbd412345"

  /// Every way a value can be printed.
  private func printed(_ value: some Any) -> [String] {
    var dumped = ""
    dump(value, to: &dumped)
    var plain = ""
    print(value, to: &plain)
    var nested = ""
    dump([["key": Optional(value)]], to: &nested)
    return [
      dumped, plain, nested, "\(value)", String(describing: value), String(reflecting: value), "\([value])",
      "\(Optional(value) as Any)", String(describing: Mirror(reflecting: value).children.map { "\($0)" }),
    ]
  }

  @Test("A secret shows itself in no way of printing")
  func secret() {
    for text in printed(Secret(Self.token)) { #expect(!text.contains("d75b"), "\(text)") }
    #expect("\(Secret(Self.token))" == "***")
    #expect(Secret(Self.token).reveal() == Self.token)
  }

  @Test("An endpoint shows neither its token nor its URL's password in any way of printing")
  func endpoint() {
    let endpoint = Endpoint(
      apiURL: "https://user:hunter2@1101.api.green-api.com/", idInstance: 1_101_000_001,
      apiTokenInstance: Secret(Self.token))
    for text in printed(endpoint) {
      #expect(!text.contains("d75b"), "\(text)")
      #expect(!text.contains("hunter2"), "\(text)")
    }
    let shown = endpoint.redactedURL(.getSettings)
    #expect(shown == "https://***@1101.api.green-api.com/waInstance1101000001/getSettings/***")
    #expect("\(endpoint)" == "https://***@1101.api.green-api.com/waInstance1101000001")
  }

  @Test("Settings show neither the webhook's token nor its URL's secrets in any way of printing")
  func settings() {
    let settings = AccountSettings(
      wid: "79991234567@c.us", outgoingWebhook: true, webhookURL: "https://user:hunter2@crm.example.com/hook?key=d75b",
      webhookURLToken: Secret(Self.token))
    for text in printed(settings) {
      #expect(!text.contains("d75b"), "\(text)")
      #expect(!text.contains("hunter2"), "\(text)")
    }
  }

  @Test(
    "Tokens, passwords and query values are taken out of any text",
    arguments: [
      (
        "GET https://api.green-api.com/waInstance1/getSettings/abc failed",
        "GET https://api.green-api.com/waInstance1/getSettings/*** failed"
      ),
      (
        "https://api.green-api.com/v3/waInstance1101000001/getOutgoingStatuses/abc?minutes=1440",
        "https://api.green-api.com/v3/waInstance1101000001/getOutgoingStatuses/***?minutes=***"
      ),
      (#"{"path":"/waInstance1/getSettings/abc"}"#, #"{"path":"/waInstance1/getSettings/***"}"#),
      ("/waInstance1/getSettings/a%2Fb/x", "/waInstance1/getSettings/***/x"),
      ("http://u:p@host/", "http://***@host/"), ("http://u:p@ss@host/", "http://***@host/"),
      ("socks5h://u@host:1", "socks5h://***@host:1"), ("https://h/?a=1&b=2#c", "https://h/?a=***&b=***#c"),
      ("nothing to hide: 1 + 1 = 2, who@example.com", "nothing to hide: 1 + 1 = 2, who@example.com"), ("", ""),
    ])
  func texts(text: String, shown: String) { #expect(Redaction.redact(text) == shown) }

  @Test("Known secrets are taken out wherever they stand, also percent-encoded, and the longer ones first")
  func knownSecrets() {
    #expect(Redaction.redact("abc then abcdef", secrets: [Secret("abc"), Secret("abcdef")]) == "*** then ***")
    #expect(Redaction.redact("at a%2Fb%20c and a/b c", secrets: [Secret("a/b c")]) == "at *** and ***")
    #expect(Redaction.redact("nothing", secrets: [Secret("")]) == "nothing")
  }

  @Test("Redacting twice is redacting once")
  func idempotent() {
    let once = Redaction.redact("https://u:p@h/waInstance1/getSettings/abc?x=y", secrets: [Secret("h")])
    #expect(Redaction.redact(once, secrets: [Secret("h")]) == once)
  }
}
