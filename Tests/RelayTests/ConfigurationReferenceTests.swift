import GreenAPI
import RelayCore
import Testing

@testable import Relay

@Suite("The table of keys, and what is made from it")
struct ConfigurationReferenceTests {
  typealias Sample = ConfigurationSample

  static var sample: ConfigurationSample {
    var sample = Sample()
    sample.variables["GREEN_API_TOKEN_INSTANCE"] = "tok"
    sample.variables["STATUSRELAY_WEBHOOK_URL_TOKEN"] = "hook"
    sample.files = [
      "/etc/relay/admin-token": .text("t", mode: 0o600),
      "/etc/relay/signing-secret": .text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", mode: 0o600),
      "/etc/statusrelay/ca.pem": .text("", mode: 0o644), "/etc/statusrelay/client.pem": .text("", mode: 0o644),
      "/etc/statusrelay/client.key": .text("", mode: 0o600),
    ]
    return sample
  }

  @Test("The template loads as it is, and is the same as its few lines")
  func template() throws {
    let configuration = try Self.sample.load(ConfigurationTemplate.text())
    #expect(configuration.accounts == [.init(idInstance: 1_101_000_001, apiTokenInstance: Secret("tok"))])
    #expect(configuration.destinations == [.init(name: "webhook", url: "https://crm.example.com/webhook")])
    #expect(configuration.warnings.isEmpty)
  }

  @Test("With every key of the template in effect it loads too, and the defaults it shows are the defaults")
  func uncommented() throws {
    let yaml = ConfigurationTemplate.text().split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.hasPrefix("##") ? "" : $0.hasPrefix("#") ? String($0.dropFirst()) : String($0) }
    let configuration = try Self.sample.load(yaml.joined(separator: "\n"))
    for key in ConfigurationReference.keys {
      #expect(yaml.contains { $0.drop { $0 == " " || $0 == "-" }.hasPrefix(key.name + ":") }, "\(key.path)")
    }
    let short = try Self.sample.load(ConfigurationTemplate.text())
    #expect(configuration.log == short.log)
    #expect(configuration.admin.listen == short.admin.listen)
    #expect(configuration.outbox == short.outbox)
    #expect(configuration.accounts[0].poll == short.accounts[0].poll)
    #expect(configuration.destinations[0].delivery.retry == short.destinations[0].delivery.retry)
    #expect(configuration.destinations[0].delivery.maxConcurrency == short.destinations[0].delivery.maxConcurrency)
    #expect(configuration.destinations[0].delivery.ordering == short.destinations[0].delivery.ordering)
    #expect(configuration.destinations[0].timeout == short.destinations[0].timeout)
    #expect(configuration.destinations[0].tls?.verify == true)
    #expect(configuration.destinations[0].proxy == .server(url: "http://proxy.example.com:3128", credentials: nil))
    #expect(
      configuration.destinations[0].filter
        == NotificationFilter(
          sendByApi: true, chatIDs: [Glob("*@c.us")], typeMessages: ["imageMessage", "videoMessage"]))
    #expect(configuration.admin.token == Secret("t"))
    #expect(configuration.destinations[0].signingSecrets.count == 1)
    #expect(configuration.warnings.isEmpty)
  }

  @Test(
    "What the template is filled in with is read back, whatever characters it has",
    arguments: [
      "simple", "a: b #c", "it's", "*x", "tab\there", "null", "{a}", "\"q\\\"", "ü€😀", "-", "a:b", "123", "~",
    ])
  func filledIn(token: String) throws {
    var sample = Self.sample
    let text = ConfigurationTemplate.text(
      idInstance: "7", apiURL: "https://1101.api.green-api.com", token: .literal(Secret(token)), destination: "crm",
      webhookURL: "https://a.b/c?d=e&f=%20")
    if token.contains("\t") {
      let line = "c.yaml:7:23: apiTokenInstance has control characters in it, expected the secret alone, in one line"
      #expect(sample.errors(text) == [line])
      return
    }
    let configuration = try sample.load(text)
    #expect(configuration.accounts[0].apiTokenInstance == Secret(token))
    #expect(configuration.accounts[0].idInstance == 7)
    #expect(configuration.accounts[0].apiURL == "https://1101.api.green-api.com")
    #expect(configuration.destinations[0].name == "crm")
    #expect(configuration.destinations[0].url == "https://a.b/c?d=e&f=%20")

    sample.files["/a b"] = .text("of-file", mode: 0o600)
    let file = try sample.load(ConfigurationTemplate.text(token: .file("/a b")))
    #expect(file.accounts[0].apiTokenInstance == Secret("of-file"))
    sample.variables["CREDENTIALS_DIRECTORY"] = "/cred"
    sample.files["/cred/a b"] = .text("of-file", mode: 0o440)
    let credential = try sample.load(ConfigurationTemplate.text(token: .credential("a b")))
    #expect(credential.accounts[0].apiTokenInstance == Secret("of-file"))
    let variable = try sample.load(ConfigurationTemplate.text(token: .environment("TOKEN")))
    #expect(variable.accounts[0].apiTokenInstance == Secret(sample.variables["TOKEN"] ?? ""))
  }

  @Test("The Markdown reference has a row for every key that holds a value")
  func markdown() {
    let markdown = ConfigurationReference.markdown
    #expect(markdown.contains("| `poll.interval` | a duration from 1s to 1h | `5s` |"))
    #expect(markdown.contains("| `outbox.history.maximumAge` |"))
    #expect(markdown.contains("| `url` | a URL such as https://crm.example.com/webhook, or fromAccount | required |"))
    let rows = markdown.split(separator: "\n").filter { $0.hasPrefix("| `") }
    let groups = ["log", "admin", "outbox", "outbox.history", "accounts", "accounts[].poll", "destinations"]
    let sections = Set(groups + ["destinations[].filter", "destinations[].retry", "destinations[].tls"])
    #expect(rows.count == ConfigurationReference.keys.count { !sections.contains($0.path) })
    #expect(rows.allSatisfy { $0.split(separator: " | ", omittingEmptySubsequences: false).count == 4 })
    for key in ConfigurationReference.keys {
      #expect(key.initial != nil || key.example != nil || sections.contains(key.path), "\(key.path)")
    }
  }

  @Test("The summary shows what is in effect and what is default, and no secret")
  func summary() throws {
    var yaml = Sample.with(
      top: "admin: {token: s3cret}\n",
      account: "wid: 7@c.us\npoll: {interval: 2s}",
      destination: "headers: {X-Key: s3cret}\nrateLimit: 50/s\nsigningSecret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    yaml = yaml.replacing("https://crm.example.com/hook", with: "https://u:s3cret@crm.example.com/hook?key=s3cret")
    let summary = try Sample().load(yaml).description
    #expect(!summary.contains("s3cret") && !summary.contains("whsec_") && !summary.contains("d75b"))
    let expected = """
      relay
        stateDirectory: /home/me/.local/state/statusrelay
        log.level: info (default)
        log.format: text
        admin.listen: 127.0.0.1:8466 (default)
        admin.token: ***
        outbox.synchronous: full (default)
        outbox.history.maximumAge: 7d (default)
        outbox.history.maximumCount: 1000000 (default)
      account 1101000001
        apiUrl: https://api.green-api.com (default)
        apiTokenInstance: ***
        wid: 7@c.us
        typeInstance: asked from getSettings (default)
        startFrom: now (default)
        fillGaps: false (default)
        poll.interval: 2s
        poll.idleInterval: 30s (default)
        poll.window: 1d (default)
        poll.retention: 3d (default)
      destination crm
        url: https://crm.example.com/hook?key=***
        basic authentication: u:***
        accounts: all (default)
        statuses: all (default)
        headers: X-Key: ***
        signingSecret: ***
        timeout: 30s (default)
        maxConcurrency: 32 (default)
        rateLimit: 50/s
        ordering: message (default)
        retry.schedule: 5s, 30s, 2m, 10m, 30m, 1h, 3h, 6h, 12h, 1d (default)
        retry.jitter: 0.2 (default)
        retry.giveUpAfter: 7d (default)
        proxy: from the environment (default)
      """
    #expect(summary == expected)
  }

  @Test("The summary shows where an account's own address, a filter and a proxy come in, and no password")
  func summaryOfPolicies() throws {
    let yaml = Sample.with(
      destination:
        "filter: {sendByApi: no, chatId: '*@c.us', typeMessage: []}\nproxy: socks5h://me:s3cret@[::1]:1080/"
    ).replacing("https://crm.example.com/hook", with: "fromAccount")
    let lines = try Sample().load(yaml).description.split(separator: "\n").map { $0.drop { $0 == " " } }
    for line in [
      "url: fromAccount", "filter.sendByApi: false", "filter.chatId: *@c.us", "filter.typeMessage: none",
      "proxy: socks5h://***@[::1]:1080",
    ] {
      #expect(lines.contains(Substring(line)), "\(line)")
    }
    #expect(!lines.joined().contains("s3cret") && !lines.joined().contains("me:"))
  }
}
