import Curl
import Foundation
import GreenAPI
import Logging
import Relay
import RelayCore
import RelayStore
import Testing

@testable import RelayAdmin
@testable import statusrelay

/// What a visitor of the admin API meets, and what its page says about it.
@Suite("The admin API")
struct AdminAPITests {
  private static let token = "a-token-for-visitors"

  /// A relay whose one destination is paused, on a prepared outbox, listening on TCP.
  private func withPreparedRelay(
    token: String? = nil, _ body: (TestAccount, AdminVisitor) async throws -> Void
  ) async throws {
    try await withTestAccount { account in
      _ = try await PreparedOutbox(in: account.stateDirectory)
      _ = try await account.run("destinations", "pause", "crm", "--state-directory", account.stateDirectory)
      try account.configure(admin: "{listen: 127.0.0.1:0\(token.map { ", token: \($0)" } ?? "")}")
      try await account.withRelay { relay in
        try await body(account, try await account.visitor(of: relay, token: token))
      }
    }
  }

  // MARK: Who may come in

  @Test("With a token only those who show it are let in, but everyone may ask for the health")
  func token() async throws {
    try await withPreparedRelay(token: Self.token) { account, visitor in
      #expect(try await visitor.get("/v1/status").status == 200)
      // It needs no other proof.
      #expect(
        try await visitor.get("/v1/status", [("Origin", "https://ops.example.com"), ("Host", "relay.example.com")])
          .status == 200)
      var stranger = visitor
      for token in [nil, "", "wrong", Self.token + "x", String(Self.token.dropLast())] {
        stranger.token = token
        for path in ["/v1/status", "/v1/events", "/v1/deliveries/1", "/metrics", "/readyz"] {
          let refused = try await stranger.get(path)
          #expect(refused.status == 401)
          #expect(refused.message == "the admin token is missing or wrong")
        }
        #expect(try await stranger.post("/v1/destinations/crm/resume").status == 401)
      }
      stranger.token = nil
      #expect(try await stranger.get("/healthz").body == "ok\n")
      #expect(try await stranger.get("/v1/status", [("Authorization", "Basic \(Self.token)")]).status == 401)
      #expect(
        try await account.localVisitor.get("/v1/status").status == 200, "the socket is for its user, without a token")
    }
  }

  @Test("Without a token, what a web page in a browser on this machine could send is refused")
  func pages() async throws {
    try await withPreparedRelay { _, visitor in
      for host in ["127.0.0.1:8466", "localhost", "LOCALHOST:1", "[::1]:8466", "192.0.2.1"] {
        #expect(try await visitor.get("/v1/status", [("Host", host)]).status == 200, "\(host)")
      }
      for headers in [
        [("Origin", "https://evil.example.com")], [("Origin", "null")], [("Host", "evil.example.com")],
        [("Host", "localhost.evil.example.com:8466")], [("Host", "127.0.0.1.evil.example.com")],
      ] {
        let refused = try await visitor.get("/v1/status", headers)
        #expect(refused.status == 403, "\(headers)")
        #expect(refused.message?.contains("admin.token") == true)
        #expect(try await visitor.post("/v1/destinations/crm/resume", headers).status == 403, "\(headers)")
      }
    }
  }

  @Test(
    "A Host is of this machine when it is an IP address or localhost",
    arguments: [
      ("127.0.0.1", true), ("127.0.0.1:8466", true), ("[::1]", true), ("[fe80::1]:80", true), ("localhost:8466", true),
      ("", false), ("a", false), ("127.0.0.1.nip.io", false), ("localhost.", false), ("127.0.0.1@evil", false),
      ("[::1].evil", false), ("2130706433", false), ("127.1", false), ("localhost:80:80", false),
    ])
  func hosts(_ host: String, _ isHere: Bool) {
    #expect(AdminAccess.isOfThisMachine(host) == isHere)
  }

  // MARK: What is wrong with a request

  @Test("A request that is wrong is told so in words, and does nothing")
  func wrongRequests() async throws {
    try await withPreparedRelay { _, visitor in
      for (target, words) in [
        ("events?limit=0", "expected 1 to 1000"), ("events?limit=1001", "expected 1 to 1000"),
        ("events?limit=x", "'x'"), ("events?limit=1&limit=2", "more than once"), ("events?nonsense=1", "'nonsense'"),
        ("events?account=abc", "expected a number of 1 to 18 digits"), ("deliveries?state=dead", "deadLetter"),
        ("deliveries?since=2026-11-21", "with its zone"), ("deliveries?since=2026-11-21T08:00:00", "with its zone"),
        ("deliveries?until=2026-02-30T00:00:00Z", "2026-02-30"), ("deliveries?before=-x", "expected an id"),
        ("deliveries?id=" + (1...1001).map(String.init).joined(separator: "&id="), "1001 times: at most 1000"),
        ("deliveries?message=%ff", "UTF-8"), ("deliveries/x", "expected a number"), ("deliveries?limit", "''"),
        ("events?all=true", "'all'"),
      ] {
        let answer = try await visitor.get("/v1/" + target)
        #expect(answer.status == 400, "\(target.prefix(60))")
        #expect(answer.message?.contains(words) == true, "\(target.prefix(60)): \(answer.body)")
      }
      for (target, words) in [
        ("retry", "all=true"), ("retry?limit=5", "all=true"), ("retry?all=yes", "expected true"),
        ("retry?state=delivered", "state has no meaning here"), ("retry?id=2&destination=audit", "id stands alone"),
        ("replay?all=true", "destination=NAME"), ("replay?destination=crm", "all=true"),
        ("replay?destination=crm&destination=audit&all=true", "destination=NAME"),
        ("replay?destination=crm&id=1", "id has no meaning here"), ("retry?all=true&nonsense=1", "nonsense"),
      ] {
        let answer = try await visitor.post("/v1/" + target)
        #expect(answer.status == 400, "\(target)")
        #expect(answer.message?.contains(words) == true, "\(target): \(answer.body)")
      }
      #expect(try await visitor.get("/v1/deliveries?state=deadLetter").body.contains(#""id":2"#), "nothing was done")
    }
  }

  @Test("What is not there is answered with 404 and words")
  func missing() async throws {
    try await withPreparedRelay { _, visitor in
      for (method, target, words) in [
        (HTTPRequest.Method.get, "/v1/nothing", "there is no GET /v1/nothing"), (.get, "/", "there is no GET /"),
        (.post, "/v1/status", "there is no POST /v1/status"), (.get, "/v1/deliveries/99", "there is no delivery 99"),
        (.post, "/v1/retry?destination=nobody", "no destination nobody"),
        (.post, "/v1/replay?destination=nobody&all=true", "no destination nobody"),
        (.post, "/v1/destinations/nobody/pause", "no destination nobody"),
        (.post, "/v1/destinations/a%2Fb/test", "no destination a/b"),
      ] {
        let answer = try await visitor.ask(method, target)
        #expect(answer.status == 404, "\(target)")
        #expect(answer.message?.contains(words) == true, "\(target): \(answer.body)")
      }
    }
  }

  // MARK: What it answers

  @Test("Rows, counts and a delivery are answered as the commands print them; ids restrict, and after turns the order")
  func answers() async throws {
    try await withPreparedRelay { account, visitor in
      func ids(_ target: String) async throws -> [Int] {
        let answer = try await visitor.get("/v1/" + target)
        #expect(answer.status == 200, "\(target): \(answer.body)")
        let rows = try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [[String: Any]]
        return try #require(rows).compactMap { $0["id"] as? Int }
      }
      for (target, expected) in [
        ("events", [3, 2, 1]), ("events?after=0", [1, 2, 3]), ("events?after=1&limit=1", [2]),
        ("events?before=3", [2, 1]),
        ("events?id=1&id=3", [3, 1]), ("events?destination=audit", [1]), ("events?message=M2", [2]),
        ("events?account=1101000001&account=1101000002&status=read&status=sent", [2, 1]),
        ("deliveries?state=waiting&state=retrying", [4, 3]), ("deliveries?id=99", []),
        ("deliveries?settledSince=2001-01-01T00:00:00Z", [2, 1]), ("deliveries?settledSince=2999-01-01T00:00:00Z", []),
        ("deliveries?since=2001-01-01T00:00:00+01:00&until=2002-01-01T00:00:00Z", []),
        ("deliveries?id=" + (1...1000).map(String.init).joined(separator: "&id="), [4, 3, 2, 1]),
      ] {
        #expect(try await ids(target) == expected, "\(target.prefix(80))")
      }
      let event = try await visitor.get("/v1/events?id=2").body.split(separator: "\n")[1]
      #expect(try await account.run("events", "--message", "M2", "--json").output == "\(event)\n")
      let delivery = try await visitor.get("/v1/deliveries/2").body
      #expect(try await account.run("deliveries", "show", "2", "--json").output == delivery)
      let count = try JSONDecoder.admin.decode(
        HistoryCount.self, from: Data(try await visitor.get("/v1/deliveries/count?destination=crm&limit=1").body.utf8))
      #expect(count.count == 3)
      let hours = try #require(count.newest).timeIntervalSince(try #require(count.oldest)) / 3600
      #expect((2.9...3.1).contains(hours))
      #expect(try await visitor.get("/v1/events/count?message=M9").body == "{\"count\":0}\n")
    }
  }

  /// A relay that polls, on a prepared outbox whose one destination is paused.
  private func withPollingRelay(
    _ body: (TestAccount, StatusrelayProcess) async throws -> Void
  ) async throws {
    try await withTestAccount { account in
      _ = try await PreparedOutbox(in: account.stateDirectory)
      _ = try await account.run("destinations", "pause", "crm", "--state-directory", account.stateDirectory)
      try account.configure(admin: "{listen: 127.0.0.1:0, token: \(Self.token)}")
      try await account.withRelay { relay in
        try await relay.line(containing: "account healthy")
        try await body(account, relay)
      }
    }
  }

  @Test("Metrics are Prometheus's text, over TCP and at the socket")
  func metrics() async throws {
    try await withPollingRelay { account, relay in
      for visitor in [try await account.visitor(of: relay, token: Self.token), account.localVisitor] {
        let answer = try await visitor.get("/metrics")
        #expect(answer.status == 200)
        #expect(answer.contentType == "text/plain; version=0.0.4; charset=utf-8")
        #expect(answer.body.hasPrefix("# HELP statusrelay_build_info "))
        #expect(answer.body.contains("\nstatusrelay_build_info{version=\"\(Version.number)\"} 1\n"))
        #expect(answer.body.contains("\nstatusrelay_deliveries_waiting{destination=\"crm\"} 2\n"))
        #expect(answer.body.contains("\nstatusrelay_destination_state{destination=\"crm\",state=\"paused\"} 1\n"))
        #expect(!answer.body.contains("audit"), "it is not configured")
        #expect(answer.body.contains("\nprocess_open_fds "))
      }
    }
  }

  @Test("It is ready once it polls, though a destination is paused, and not when its only account can't be polled")
  func readiness() async throws {
    func readiness(_ answer: AdminVisitor.Answer) throws -> Readiness {
      try JSONDecoder.admin.decode(Readiness.self, from: Data(answer.body.utf8))
    }
    try await withPollingRelay { account, _ in
      let answer = try await account.localVisitor.get("/readyz")
      #expect(answer.status == 200)
      let ready = try readiness(answer)
      #expect(ready.ready)
      #expect(ready.reasons.map(\.destination) == ["crm"])
      #expect(ready.reasons.first?.advice?.contains("statusrelay destinations resume crm") == true)
    }
    try await withTestAccount { account in
      try account.configure(token: "wrong-token")
      try await account.withRelay { relay in
        try await relay.line(containing: "account needs attention")
        let answer = try await account.localVisitor.get("/readyz")
        #expect(answer.status == 503)
        let unready = try readiness(answer)
        #expect(!unready.ready)
        #expect(unready.reasons.map(\.what) == [.polling, .account])
        #expect(unready.reasons.last?.account == TestAccount.idInstance.rawValue)
        #expect(!answer.body.contains("wrong-token"))
        #expect(try await account.localVisitor.get("/healthz").status == 200)
      }
    }
  }

  @Test("A filter written as a query is read as the same filter")
  func filterQueries() throws {
    var filter = HistoryFilter(limit: 7)
    filter.accounts = [1, 1_101_000_001]
    filter.destinations = ["crm@1101000001", "a&b=c d+e"]
    filter.idMessage = "ä/%&="
    filter.statuses = [.read, .failed]
    filter.states = [.deadLetter, .waiting]
    filter.since = UnixTime(milliseconds: 1_795_248_000_250)
    filter.until = UnixTime(milliseconds: 1_795_248_000_000)
    filter.settledSince = UnixTime(milliseconds: 999)
    filter.before = 9
    filter.after = -1
    filter.ids = [3, 1]
    #expect(try FilterQuery(FilterQuery(filter).items).filter == filter)
    #expect(try FilterQuery([]).filter == HistoryFilter(limit: 50))
    #expect(FilterQuery(filter).items.map(\.name).contains("settledSince"))
  }

  // MARK: Its page

  private static let page = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Sources/RelayAdmin/RelayAdmin.docc/AdminAPI.md")

  /// The page's requests, each with its text.
  private func sections() throws -> [(request: String, text: String)] {
    let text = try String(contentsOf: Self.page, encoding: .utf8)
    return text.split(separator: "\n### ").dropFirst().compactMap { section in
      let (title, rest) = (section.prefix { $0 != "\n" }, section.drop { $0 != "\n" })
      return title.contains(" /") ? (String(title), String(rest)) : nil
    }
  }

  @Test("The page describes the requests that there are, each with an example, and every parameter")
  func pageIsComplete() async throws {
    try await withTemporaryDirectory { directory in
      let outbox = try await SQLiteOutbox.open(.init(directory: directory))
      let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      let relay = try Relay(
        configuration: RelayConfiguration(stateDirectory: directory, accounts: [], destinations: []), outbox: outbox,
        time: SystemTime(), log: log)
      let router = AdminRouter(
        relay: relay, time: SystemTime(), access: .everyone, reload: { .failed(reason: "not here") })
      let routes = router.router.routes.map {
        "\($0.method.rawValue) \($0.path.description.replacing(#/:(\w+)|\$\{(\w+)\}/#) { "{\($0.output.1 ?? $0.output.2 ?? "")}" })"
      }
      await outbox.close()
      let sections = try sections()
      #expect(sections.map(\.request).sorted() == routes.sorted())
      for (request, text) in sections where request != "GET /healthz" {
        let path = request.split(separator: " ")[1].replacing("{name}", with: "crm").replacing("{id}", with: "3")
        #expect(text.contains("curl") && text.contains("http://localhost" + path), "\(request) has no example")
      }
    }
    let text = try String(contentsOf: Self.page, encoding: .utf8)
    for parameter in FilterQuery.Parameter.allCases { #expect(text.contains("`\(parameter.rawValue)`")) }
    for fault in RecordFault.allCases { #expect(text.contains("| `\(fault.rawValue)` |")) }
  }

  @Test("The page's examples are what the commands can read")
  func examples() throws {
    func example(_ request: String) throws -> Data {
      let text = try #require(try sections().first { $0.request == request }?.text)
      let block = try #require(text.split(separator: "```json\n").dropFirst().first)
      return Data(block.prefix { $0 != "`" }.utf8)
    }
    let status = try JSONDecoder.admin.decode(RelayStatus.self, from: example("GET /v1/status"))
    #expect(status.destinations.first?.circuit == "closed")
    let readiness = try JSONDecoder.admin.decode(Readiness.self, from: example("GET /readyz"))
    #expect(readiness.ready && readiness.reasons.map(\.what) == [.destination])
    let events = try JSONElements.of(arrayIn: Array(example("GET /v1/events")))
    #expect(try events.map { try HistoryEvent(json: $0).chatId } == ["79991234567@c.us"])
    let deliveries = try JSONElements.of(arrayIn: Array(example("GET /v1/deliveries")))
    #expect(try deliveries.map { try HistoryDelivery(json: $0).state } == ["retrying"])
    #expect(try HistoryDelivery(json: example("GET /v1/deliveries/{id}")).attemptList?.count == 1)
    for count in ["GET /v1/events/count", "GET /v1/deliveries/count"] {
      _ = try JSONDecoder.admin.decode(HistoryCount.self, from: example(count))
    }
    #expect(try JSONDecoder.admin.decode(RetryAnswer.self, from: example("POST /v1/retry")).retried == [2, 7])
    #expect(try JSONDecoder.admin.decode(ReplayAnswer.self, from: example("POST /v1/replay")).last == 2)
    let test = try JSONDecoder.admin.decode(
      [TestExchange].self, from: example("POST /v1/destinations/{name}/test"))
    #expect(test.first?.isAccepted == true)
  }
}
