import Foundation
import GreenAPI
import GreenAPISimulator
import TestServers
import Testing

@Suite("check")
struct CheckCommandTests {
  @Test("A good file is summed up with its defaults, and no secret is shown")
  func summary() async throws {
    try await withTestAccount { account in
      let result = try await account.run("check")
      #expect(result.exit == .code(0), "\(result.error)")
      #expect(result.output.contains("account 1101000001") && result.output.contains("destination crm"))
      #expect(!result.output.contains(TestAccount.token))
      #expect(result.error.isEmpty)
    }
  }

  @Test("Warnings go to stderr, and don't make a file bad")
  func warnings() async throws {
    try await withTestAccount { account in
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o644], ofItemAtPath: account.directory + "/statusrelay.yaml")
      let result = try await account.run("check")
      #expect(result.exit == .code(0))
      #expect(result.error.contains("warning: ") && result.error.contains("chmod 600"))
    }
  }

  @Test("A bad file ends with 78 and every fault where it stands")
  func bad() async throws {
    try await withTestAccount { account in
      try account.configure(account: "startFrm: now\n    fillGaps: maybe", webhookURL: "ftp://example.com")
      let result = try await account.run("check", "--online")
      #expect(result.exit == .code(78))
      #expect(result.error.contains("statusrelay.yaml:9:"))
      #expect(result.error.split(separator: "\n").count >= 2)
      #expect(result.output.isEmpty)
    }
  }

  @Test("Online, a good account and a destination that answers anything at all are well")
  func online() async throws {
    try await withTestAccount { account in
      let result = try await account.run("check", "--online")
      #expect(result.exit == .code(0), "\(result)")
      #expect(result.output.contains("ok    account 1101000001: getSettings answered: wid 79991234567@c.us"))
      #expect(result.output.contains("ok    account 1101000001: getOutgoingStatuses answered"))
      #expect(result.output.contains("ok    destination crm: answered HTTP 404 to a GET"))
      let posted = await account.simulator.requests.filter { $0.method == APIMethod.sendTextStatus.rawValue }
      #expect(posted.isEmpty)
    }
  }

  @Test(
    "Online, settings that keep statuses from changing, and a configured wid that is another's, are failures with advice"
  )
  func settings() async throws {
    let off = AccountSettings(wid: "79991234567@c.us", typeInstance: .whatsapp, outgoingWebhook: false)
    try await withTestAccount(settings: InstanceSettings(account: off)) { account in
      try account.configure(account: "wid: 70000000000@c.us")
      let result = try await account.run("check", "--online")
      #expect(result.exit == .code(69))
      #expect(result.output.contains("FAIL  account 1101000001: outgoingWebhook is off"))
      #expect(result.output.contains("Set outgoingWebhook to yes"))
      #expect(result.output.contains("Put wid: 79991234567@c.us into the configuration"))
    }
  }

  @Test("Online, a wrong token, no beta access and a consumer out of reach are failures with advice, each told")
  func failures() async throws {
    try await withTestAccount(settings: InstanceSettings(betaAccess: false)) { account in
      // Nothing listens there: binding it needs a privilege, and nobody does.
      try account.configure(webhookURL: "http://127.0.0.1:1/hook")
      let denied = try await account.run("check", "--online")
      #expect(denied.exit == .code(69))
      #expect(denied.output.contains("FAIL  account 1101000001: getOutgoingStatuses: HTTP 403"))
      #expect(denied.output.contains("ask GREEN-API's support"))
      #expect(denied.output.contains("FAIL  destination crm: connect"))
      #expect(denied.output.contains("whether the consumer runs"))
      let tornado = ScriptedServer { connection in
        connection.serve { _ in
          connection.send("HTTP/1.1 404 Not Found\r\nServer: TornadoServer/6.5\r\nContent-Length: 0\r\n\r\n")
        }
      }
      defer { tornado.stop() }
      try account.configure(webhookURL: tornado.url + "/webhook")
      let path = try await account.run("check", "--online")
      #expect(path.output.contains("answered HTTP 404 to a GET, so it can be reached"))
      #expect(path.output.contains("serves the path / only"), "\(path.output)")
      try account.configure(token: "wrong-token")
      let wrong = try await account.run("check", "--online")
      #expect(wrong.exit == .code(69))
      #expect(wrong.output.contains("FAIL  account 1101000001: getSettings: HTTP 401"))
      #expect(!(wrong.output + wrong.error).contains("wrong-token"))
    }
  }

  @Test("Online, each error of GREEN-API's is told in the relay's own words, and one that leaves it open is explained")
  func errors() async throws {
    let cases: [(Fault, InstanceSettings.State, [String])] = [
      (
        Fault(.error(.startingOrNotAuthorized)), .notAuthorized,
        ["HTTP 400: the instance is not authorized", "Link the phone"]
      ),
      (
        Fault(.error(.startingOrNotAuthorized), methods: [.getOutgoingStatuses]), .null,
        ["HTTP 400: the instance is starting", "still being created"]
      ),
      (
        Fault(.error(.startingOrNotAuthorized), methods: [.getOutgoingStatuses]), .sleepMode,
        ["HTTP 400: the instance sleeps", "Switch the phone on"]
      ),
      (
        Fault(.error(.expired, as: .disguised)), .authorized,
        ["HTTP 200: the instance's tariff has run out", "Renew the instance"]
      ),
      (
        Fault(.error(.quotaExceeded, as: .json), methods: [.getOutgoingStatuses]), .authorized,
        ["HTTP 466: a quota of the tariff is used up"]
      ),
      (
        Fault(.status(200, body: "<html>Log in</html>"), methods: [.getOutgoingStatuses]), .authorized,
        ["the body is HTML or XML: <html>Log in</html>"]
      ),
    ]
    for (fault, state, texts) in cases {
      try await withTestAccount(settings: InstanceSettings(stateInstance: state)) { account in
        var fault = fault
        if fault.methods == nil { fault.methods = [.getSettings, .getOutgoingStatuses] }
        try await account.simulator.setFaults([fault], on: 1_101_000_001)
        let result = try await account.run("check", "--online")
        #expect(result.exit == .code(69))
        for text in texts { #expect(result.output.contains(text), "\(result.output)") }
        let poll = try await account.run("poll")
        #expect(poll.exit == .code(69))
        for text in texts { #expect(poll.error.contains(text), "\(poll.error)") }
      }
    }
  }
}
