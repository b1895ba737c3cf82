import Foundation
import GreenAPI
import RelayCore
import Testing

@testable import Relay

@Suite("A configuration that is right")
struct ConfigurationTests {
  typealias Sample = ConfigurationSample

  @Test("The shortest file gets every default")
  func defaults() throws {
    let configuration = try Sample().load(Sample.good)
    #expect(configuration.stateDirectory == "/home/me/.local/state/statusrelay")
    #expect(configuration.log == .init(level: .info, format: .text))
    #expect(configuration.admin == .init(listen: .address(host: "127.0.0.1", port: 8466), token: nil))
    #expect(configuration.outbox.synchronous == .full)
    #expect(configuration.outbox.history == .init(maximumAge: .seconds(7 * 86_400), maximumCount: 1_000_000))
    let token = Secret("d75b3a66374942c5b3c019c698abc2067e151558acbd412345")
    #expect(configuration.accounts == [.init(idInstance: 1_101_000_001, apiTokenInstance: token)])
    #expect(configuration.accounts[0].apiURL == "https://api.green-api.com")
    #expect(configuration.accounts[0].poll == PollPolicy())
    #expect(configuration.destinations == [.init(name: "crm", url: "https://crm.example.com/hook")])
    #expect(configuration.destinations[0].delivery == DeliveryPolicy())
    #expect(configuration.warnings.isEmpty)
  }

  @Test("Every key of the file arrives where it belongs")
  func everyKey() throws {
    var sample = Sample()
    sample.variables["CRM_TOKEN"] = "crm\n"
    sample.variables["PROXY"] = "http://me:p%40ss@proxy.lan:3128\n"
    sample.variables["CREDENTIALS_DIRECTORY"] = "/run/credentials/relay"
    sample.files = [
      "/run/credentials/relay/green": .text("token-of-credential\n", mode: 0o440),
      "/etc/relay/admin": .text("letmein\r\n", mode: 0o400),
      "/etc/relay/ca.pem": .text("CA", mode: 0o644), "/pki/client.pem": .text("C", mode: 0o644),
      "/home/me/client.key": .text("K", mode: 0o600),
    ]
    let configuration = try sample.load(
      """
      stateDirectory: ./state
      log: {level: debug, format: json}
      admin: {listen: "[::1]:9000", token: {file: admin}}
      outbox: {synchronous: normal, history: {maximumAge: 2d, maximumCount: 5_000}}
      accounts:
        - idInstance: "1101000001"
          apiUrl: https://1101.api.green-api.com/v3/
          apiTokenInstance: {credential: green}
          wid: 79991234567@c.us
          typeInstance: v3
          startFrom: beginning
          fillGaps: yes
          poll: {interval: 2s, idleInterval: 1m, window: 2h, retention: 3h}
      destinations:
        - name: crm
          url: https://crm.example.com:8443/hook?x=1
          webhookUrlToken: {env: CRM_TOKEN}
          accounts: [1_101_000_001]
          statuses: [delivered, noAccount]
          filter: {sendByApi: true, chatId: [7999*@c.us, "*@g.us"], typeMessage: videoMessage}
          headers: {X-Team: sales, X-Level: 5}
          signingSecret: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, {env: CRM_KEY}]
          timeout: 90s
          maxConcurrency: 4
          rateLimit: 300/m
          ordering: chat
          retry: {schedule: [1s, 500ms], jitter: 0, giveUpAfter: 1h}
          tls: {caFile: ca.pem, clientCertificateFile: /pki/client.pem, clientKeyFile: ~/client.key, verify: on}
          proxy: {env: PROXY}
      """.replacing("{env: CRM_KEY}", with: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"))
    #expect(configuration.stateDirectory == "/etc/relay/state")
    #expect(configuration.log == .init(level: .debug, format: .json))
    #expect(configuration.admin == .init(listen: .address(host: "::1", port: 9000), token: Secret("letmein")))
    #expect(configuration.outbox.synchronous == .normal)
    #expect(configuration.outbox.history == .init(maximumAge: .seconds(172_800), maximumCount: 5000))
    #expect(
      configuration.accounts == [
        .init(
          idInstance: 1_101_000_001, apiURL: "https://1101.api.green-api.com/v3/",
          apiTokenInstance: Secret("token-of-credential"), wid: "79991234567@c.us", typeInstance: .v3,
          poll: PollPolicy(
            interval: .seconds(2), idleInterval: .seconds(60), window: .seconds(7200), retention: .seconds(10_800),
            startFrom: .beginning, fillGaps: true))
      ])
    let destination = try #require(configuration.destinations.first)
    let secrets = try ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]
      .map { try SigningSecret(Secret($0)) }
    #expect(
      destination
        == .init(
          name: "crm", url: "https://crm.example.com:8443/hook?x=1", webhookUrlToken: Secret("crm"),
          accounts: [1_101_000_001], statuses: [.delivered, .noAccount],
          filter: NotificationFilter(
            sendByApi: true, chatIDs: [Glob("7999*@c.us"), Glob("*@g.us")], typeMessages: ["videoMessage"]),
          headers: [.init(name: "X-Team", value: "sales"), .init(name: "X-Level", value: "5")],
          signingSecrets: secrets, timeout: .seconds(90),
          delivery: DeliveryPolicy(
            maxConcurrency: 4, rateLimit: RateLimit(count: 300, period: .seconds(60)), ordering: .chat,
            retry: RetryPolicy(schedule: [.seconds(1), .milliseconds(500)], jitter: 0, giveUpAfter: .seconds(3600))),
          tls: .init(
            caFile: "/etc/relay/ca.pem", clientCertificateFile: "/pki/client.pem", clientKeyFile: "/home/me/client.key"),
          proxy: .server(
            url: "http://proxy.lan:3128", credentials: .init(user: "me", password: Secret("p@ss")))
        ))
    #expect(configuration.warnings.isEmpty)
  }

  @Test("A literal number or word is read as its text, and a mapping without keys as one left out")
  func yamlWords() throws {
    let yaml = Sample.with(
      account: "poll:\n  # interval: 5s\nwid: 0110", destination: "webhookUrlToken: 0012_3\nname: on")
    let configuration = try Sample().load(yaml.replacing("- name: crm\n    url", with: "- url"))
    #expect(configuration.destinations[0].webhookUrlToken == Secret("0012_3"))
    #expect(configuration.destinations[0].name == "on")
    #expect(configuration.accounts[0].wid == "0110")
    #expect(configuration.accounts[0].poll == PollPolicy())
  }

  @Test("User and password move out of the URL into basic authentication")
  func userinfo() throws {
    let yaml = Sample.good.replacing("https://crm", with: "HTTPS://me:p%40ss@crm")
    let destination = try Sample().load(yaml).destinations[0]
    #expect(destination.url == "https://crm.example.com/hook")
    #expect(destination.basicAuthentication == .init(user: "me", password: Secret("p@ss")))
    #expect(destination.basicAuthentication?.authorization == Secret("Basic bWU6cEBzcw=="))
  }

  @Test("url: fromAccount is each account's own address")
  func fromAccount() throws {
    let yaml = Sample.good.replacing("https://crm.example.com/hook", with: "fromAccount")
    let configuration = try Sample().load(yaml)
    #expect(configuration.destinations == [.init(name: "crm", url: nil)])
    #expect(configuration.warnings.isEmpty)
  }

  @Test("With fromAccount a destination is one for each of its accounts")
  func servedDestinations() {
    let accounts: [IDInstance] = [1_101_000_002, 1_101_000_001, 7]
    let configuration = RelayConfiguration(
      stateDirectory: "/s", accounts: accounts.map { .init(idInstance: $0, apiTokenInstance: Secret("t")) },
      destinations: [
        .init(name: "all", url: nil), .init(name: "fixed", url: "http://a"),
        .init(name: "some", url: nil, accounts: [7, 8], statuses: [.read]),
      ])
    let served = configuration.servedDestinations
    #expect(served.map(\.name) == ["all@1101000002", "all@1101000001", "all@7", "fixed", "some@7"])
    #expect(served.map(\.accounts) == [[1_101_000_002], [1_101_000_001], [7], nil, [7]])
    #expect(served[4].statuses == [.read])
  }

  @Test(
    "A proxy is the environment's, none, or the one named, as the HTTP client takes it",
    arguments: [
      ("", nil), ("proxy: none", ""), ("proxy: http://proxy:3128/", "http://proxy:3128"),
      ("proxy: HTTPS://proxy.lan:443", "https://proxy.lan:443"), ("proxy: socks5://[::1]:1080", "socks5://[::1]:1080"),
      ("proxy: 'socks5h://m%40e:a%3Ab/c@proxy:1080'", nil),
      ("proxy: 'socks5h://m%40e:a%3Ab%2F%C3%A9@proxy:1080'", "socks5h://m%40e:a%3Ab%2F%C3%A9@proxy:1080"),
    ] as [(String, String?)])
  func proxy(key: String, expected: String?) throws {
    let yaml = Sample.with(destination: key)
    guard !key.contains("b/c") else {
      // A slash ends the authority, whatever was meant.
      #expect(!Sample().errors(yaml).isEmpty)
      return
    }
    #expect(try Sample().load(yaml).destinations[0].proxy.forClient == expected)
  }

  @Test("An alias repeats a whole value")
  func alias() throws {
    let yaml =
      Sample.with(account: "poll: &slow {interval: 20s, idleInterval: 40s}").replacing(
        "destinations:",
        with: """
            - idInstance: 7
              apiTokenInstance: '*literal*'
              poll: *slow
          destinations:
          """)
    let accounts = try Sample().load(yaml).accounts
    #expect(accounts.map(\.poll.interval) == [.seconds(20), .seconds(20)])
    #expect(accounts[1].apiTokenInstance == Secret("*literal*"))
  }

  @Test("A default that would contradict a given value moves with it")
  func defaultsThatMove() throws {
    let poll = try Sample().load(Sample.with(account: "poll: {interval: 2m, window: 30d}")).accounts[0].poll
    #expect(poll.idleInterval == .seconds(120))
    #expect(poll.retention == .seconds(30 * 86_400))
  }

  @Test(
    "The state directory is the file's, systemd's first, XDG's, or the home's",
    arguments: [
      (["STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "XDG_STATE_HOME": "/x"], "/var/lib/a"),
      (["XDG_STATE_HOME": "/x", "STATE_DIRECTORY": ""], "/x/statusrelay"),
      (["XDG_STATE_HOME": "relative"], "/home/me/.local/state/statusrelay"),
      ([:], "/home/me/.local/state/statusrelay"),
    ])
  func stateDirectory(variables: [String: String], expected: String) throws {
    var sample = Sample()
    sample.variables.merge(variables) { $1 }
    #expect(try sample.load(Sample.good).stateDirectory == expected)
    #expect(try sample.load(Sample.with(top: "stateDirectory: /s")).stateDirectory == "/s")
  }

  @Test("Under systemd the log is for the journal, unless the file says otherwise")
  func journald() throws {
    var sample = Sample()
    // Inherited, and of another stream.
    sample.variables["JOURNAL_STREAM"] = "8:1234"
    #expect(try sample.load(Sample.good).log.format == .text)
    var stream = stat()
    try #require(fstat(STDERR_FILENO, &stream) == 0)
    sample.variables["JOURNAL_STREAM"] = "\(stream.st_dev):\(stream.st_ino)"
    #expect(try sample.load(Sample.good).log.format == .journald)
    #expect(try sample.load(Sample.with(top: "log: {format: text}")).log.format == .text)
  }

  @Test(
    "Where the admin pages listen, and whether that is on loopback",
    arguments: [
      ("none", RelayConfiguration.Admin.Listen.none, true),
      ("127.0.0.5:0", .address(host: "127.0.0.5", port: 0), true),
      ("localhost:80", .address(host: "localhost", port: 80), true),
      ("'[::]:80'", .address(host: "::", port: 80), false), ("0.0.0.0:80", .address(host: "0.0.0.0", port: 80), false),
      ("relay.lan:80", .address(host: "relay.lan", port: 80), false),
    ])
  func listen(text: String, expected: RelayConfiguration.Admin.Listen, loopback: Bool) throws {
    let configuration = try Sample().load(Sample.with(top: "admin: {listen: \(text), token: {env: TOKEN}}"))
    #expect(configuration.admin.listen == expected)
    #expect(configuration.admin.listen.isLoopback == loopback)
  }

  @Test("Durations are read and written alike")
  func durations() {
    for text in ["500ms", "5s", "2m", "24h", "30d", "0s", "90s", "36500d"].filter({ $0 != "24h" }) {
      #expect(DurationText.parse(text).map(DurationText.format) == text.replacing("90s", with: "90s"))
    }
    #expect(DurationText.parse("24h").map(DurationText.format) == "1d")
    for text in ["", "5", "s", "-5s", "1.5h", "5 s", "5S", "1h30m", "36501d", "99999999999999999999d", "٣s", "5w"] {
      #expect(DurationText.parse(text) == nil, "\(text)")
    }
  }

  @Test("A byte order mark and carriage returns are no trouble")
  func windowsFile() throws {
    let yaml = "\u{FEFF}" + Sample.good.replacing("\n", with: "\r\n")
    #expect(try Sample().load(yaml).destinations.count == 1)
  }
}
