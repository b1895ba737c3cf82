import Testing

@testable import Relay

@Suite("A configuration that is wrong")
struct ConfigurationErrorsTests {
  typealias Sample = ConfigurationSample

  struct Bad: CustomTestStringConvertible, Sendable {
    var name: String
    var yaml: String
    var lines: [String]
    var testDescription: String { name }

    init(_ name: String, _ yaml: String, _ lines: String...) {
      self.name = name
      self.yaml = yaml
      self.lines = lines
    }
  }

  static let bad: [Bad] = [
    // YAML itself
    Bad("empty", "", "x"),
    Bad("only comments", "# nothing\n", "x"),
    Bad("a list", "- 1", "x"),
    Bad("a tab", "accounts:\n\t- idInstance: 1", "x"),
    Bad("an open quote", "log: 'x", "x"),
    Bad("an open bracket", "log: [x", "x"),
    Bad("a reserved character", "admin: {token: @secret}", "x"),
    Bad("a control character", "log:\n  level: a\u{7}b", "x"),
    Bad("two documents", Sample.good + "---\n" + Sample.good, "x"),
    Bad(
      "duplicate keys",
      Sample.with(
        top: "log: {level: info}\nlog: {level: debug, 'level': info}\n\"log\": {}\n", account: "wid: a\nwid: b"), "x"),
    Bad("an alias without an anchor", Sample.with(destination: "webhookUrlToken: *s3cret"), "x"),
    Bad("a tag", Sample.with(destination: "webhookUrlToken: !s3cret x"), "x"),
    Bad("a merge key", Sample.with(top: "log: {<<: {level: info}}"), "x"),
    Bad("a key that is a list", Sample.with(top: "[a, b]: 1"), "x"),
    Bad("a key that is an alias", Sample.with(top: "log: &x {level: info}\n*x : 1"), "x"),
    Bad("deep nesting", "log: " + String(repeating: "[", count: 100) + String(repeating: "]", count: 100), "x"),
    Bad("bottomless nesting", "log: " + String(repeating: "[", count: 100_000), "x"),
    // Keys
    Bad("an unknown key", Sample.with(account: "poll: {intervall: 5s}"), "x"),
    Bad("another case", Sample.with(account: "api_url: https://a.b", destination: "webhookurltoken: a"), "x"),
    Bad("a word that ends it", Sample.with(destination: "secret: a\ntoken: b\ncafile: c"), "x"),
    Bad(
      "the wrong section",
      Sample.with(
        top: "interval: 5s", account: "interval: 5s\nlevel: info", destination: "schedule: [5s]\naccounts: [1101000001]"
      ), "x"),
    Bad("a key like no other", Sample.with(top: "zzzzzz: 1"), "x"),
    Bad(
      "a long key with control characters", Sample.with(top: "\"a\\e[31m\(String(repeating: "x", count: 100))\": 1"),
      "x"),
    // Kinds
    Bad(
      "kinds", Sample.with(top: "log: text\nadmin: [1]\noutbox: {synchronous: {}, history: 5}\nstateDirectory: [a]"),
      "x"),
    Bad("no values", Sample.with(top: "stateDirectory:\nlog: {level: ~}", account: "wid: ''"), "x"),
    Bad("no lists", "accounts: {idInstance: 1}\ndestinations: crm", "x"),
    Bad("nothing to do", "accounts: []\n", "x"),
    Bad("entries that are no mappings", "accounts: [1101000001]\ndestinations: [https://a.b/c]", "x"),
    Bad("missing keys", "accounts:\n  - {}\n  -\ndestinations:\n  - name: a\n  - url: https://a.b\n", "x"),
    // Values
    Bad(
      "choices",
      Sample.with(
        top: "log: {level: warn, format: jsn}\noutbox: {synchronous: off}", account: "startFrom: begining",
        destination: "ordering: chats"), "x"),
    Bad("bare numbers", Sample.with(account: "poll: {interval: 5}", destination: "timeout: 30"), "x"),
    Bad(
      "durations",
      Sample.with(
        account: "poll: {interval: 5 sec, idleInterval: 1h30m, window: 1.5h}",
        destination: "retry: {schedule: [5s, x, 10minutes, 0s, [1s]], giveUpAfter: -1s}"), "x"),
    Bad(
      "durations out of bounds",
      Sample.with(account: "poll: {interval: 500ms, idleInterval: 2h, window: 31d}", destination: "timeout: 100ms"), "x"
    ),
    Bad(
      "polls that contradict each other",
      Sample.with(account: "poll: {interval: 10s, idleInterval: 9s, window: 2d, retention: 1d}"), "x"),
    Bad(
      "numbers",
      Sample.with(top: "outbox: {history: {maximumCount: 0}}", destination: "maxConcurrency: 0\nretry: {jitter: 1.5}"),
      "x"),
    Bad(
      "other numbers",
      Sample.with(
        top: "outbox: {history: {maximumCount: many}}",
        destination: "maxConcurrency: 10001\nretry: {jitter: nan, schedule: []}"), "x"),
    Bad("truths", Sample.with(account: "fillGaps: maybe", destination: "tls: {verify: 1}"), "x"),
    Bad("rates", Sample.with(destination: "rateLimit: 50"), "x"),
    Bad("a rate of a day", Sample.with(destination: "rateLimit: 50/d"), "x"),
    Bad("a rate of none", Sample.with(destination: "rateLimit: 0/s"), "x"),
    Bad(
      "idInstances",
      Sample.with(destination: "accounts: [0, 12345678901, abc, 011, -5, d75b3a66374942c5b3c019c698abc2067e15]"), "x"),
    Bad(
      "an account twice",
      Sample.good.replacing(
        "destinations:", with: "  - {idInstance: 1101000001, apiTokenInstance: {env: TOKEN}}\ndestinations:"), "x"),
    Bad("a destination twice", Sample.good + "  - {name: crm, url: http://a}\n", "x"),
    Bad(
      "destination names",
      Sample.good + "  - {name: a b, url: http://a}\n  - {name: \(String(repeating: "a", count: 65)), url: http://b}\n",
      "x"),
    Bad("an account that isn't there", Sample.with(destination: "accounts: [1101000002]"), "x"),
    Bad("empty lists", Sample.with(destination: "accounts: []\nstatuses: []\nsigningSecret: []"), "x"),
    Bad(
      "URLs",
      "accounts:\n  - {idInstance: 1, apiTokenInstance: {env: TOKEN}, apiUrl: https://a.b/waInstance1/getSettings/s3cret}\n  - {idInstance: 2, apiTokenInstance: {env: TOKEN}, apiUrl: https://me:s3cret@a.b}\n  - {idInstance: 3, apiTokenInstance: {env: TOKEN}, apiUrl: api.green-api.com}\ndestinations:\n"
        + [
          "crm.example.com/s3cret", "htps://a", "ftp://a", "https://", "https:///x", "https://a b", "https://a:0/",
          "https://a:99999", "https://a#s3cret", "https://пример.рф", "https://:s3cret@a", "https://a_b!/",
          "https://[::1/", "http://[::1]:80/",
        ].enumerated().map { "  - {name: d\($0.offset), url: '\($0.element)'}\n" }.joined(), "x"),
    Bad("listening", Sample.with(top: "admin: {listen: 8466}"), "x"),
    Bad("listening everywhere", Sample.with(top: "admin: {listen: ':8466'}"), "x"),
    Bad("listening off", Sample.with(top: "admin: {listen: off}"), "x"),
    Bad("a port too high", Sample.with(top: "admin: {listen: 127.0.0.1:70000}"), "x"),
    Bad("off loopback without a token", Sample.with(top: "admin: {listen: 0.0.0.0:8466}"), "x"),
    Bad(
      "headers",
      Sample.with(
        destination:
          "webhookUrlToken: a\nheaders: {Host: s3cret, content-length: 1, Webhook-Id: a, Authorization: a, 'a b': c, X-A: \"a\\nb\", X-B: é, X-C: '', X-D: [], x-a: a, X-E: ' a', Connection: close, User-Agent: me}"
      ), "x"),
    Bad("headers that are none", Sample.with(destination: "headers: [a]"), "x"),
    Bad(
      "two ways to authorize",
      Sample.good.replacing("https://crm", with: "https://me:s3cret@crm") + "    webhookUrlToken: a\n", "x"),
    Bad("signing secrets", Sample.with(destination: "signingSecret: [s3cret, whsec_s3cret, {env: TOKEN}]"), "x"),
    Bad("TLS", Sample.with(destination: "tls: {caFile: none.pem, clientKeyFile: /closed, ca: x}"), "x"),
    // Secrets
    Bad("sources of secrets", Sample.with(destination: "signingSecret: {}\nwebhookUrlToken: {file: a, env: b}"), "x"),
    Bad(
      "an unknown source", Sample.with(destination: "webhookUrlToken: {path: s3cret}\nsigningSecret: {files: a}"), "x"),
    Bad("what a source names", Sample.with(destination: "webhookUrlToken: {file: }\nsigningSecret: {env: [a]}"), "x"),
    Bad("a missing variable", Sample.with(destination: "webhookUrlToken: {env: NONE}"), "x"),
    Bad("an empty variable", Sample.with(destination: "webhookUrlToken: {env: EMPTY}"), "x"),
    Bad("no credentials", Sample.with(destination: "webhookUrlToken: {credential: crm}"), "x"),
    Bad("a missing secret file", Sample.with(destination: "webhookUrlToken: {file: crm}"), "x"),
    Bad("a closed secret file", Sample.with(destination: "webhookUrlToken: {file: /closed}"), "x"),
    Bad("a directory", Sample.with(destination: "webhookUrlToken: {file: /dir}"), "x"),
    Bad("a huge secret file", Sample.with(destination: "webhookUrlToken: {file: /huge}"), "x"),
    Bad("a secret that is no text", Sample.with(destination: "webhookUrlToken: {file: /binary}"), "x"),
    Bad("a secret of two lines", Sample.with(destination: "webhookUrlToken: {file: /lines}"), "x"),
    Bad("a secret of spaces", Sample.with(destination: "webhookUrlToken: '  '"), "x"),
    Bad("a secret with spaces around it", Sample.with(destination: "webhookUrlToken: 's3cret '"), "x"),
    Bad("a secret with a control character", Sample.with(destination: "webhookUrlToken: \"s3\\0cret\""), "x"),
    Bad("a literal of two lines", Sample.with(destination: "webhookUrlToken: |\n  s3\n  cret"), "x"),
  ]

  static var sample: ConfigurationSample {
    var sample = Sample()
    sample.variables["EMPTY"] = ""
    sample.files = [
      "/closed": .fault(.notPermitted), "/dir": .fault(.isDirectory), "/binary": .bytes([0xFF, 0xFE]),
      "/huge": .bytes([UInt8](repeating: 0x61, count: 65_537)), "/lines": .text("s3cret\nmore\n", mode: 0o600),
    ]
    return sample
  }

  @Test("Each fault is told where it stands, with what was expected", arguments: bad)
  func message(bad: Bad) {
    #expect(Self.sample.errors(bad.yaml) == bad.lines)
  }

  @Test func dump() {
    for bad in Self.bad {
      print("##", bad.name)
      for l in Self.sample.errors(bad.yaml) { print(l) }
    }
  }
}
