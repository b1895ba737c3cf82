import GreenAPI
import GreenAPISimulator
import Testing

/// `check --online` for a destination with `url: fromAccount`.
@Suite("check --online of accounts' own addresses")
struct CheckAddressTests {
  private func settings(_ url: String?) -> InstanceSettings {
    InstanceSettings(
      account: AccountSettings(
        wid: "79991234567@c.us", typeInstance: .whatsapp, outgoingWebhook: true, webhookURL: url,
        webhookURLToken: Secret("h00kSecret")))
  }

  @Test("The account's webhookUrl is tried, without its token, beside the other destinations, in the file's order")
  func tried() async throws {
    try await withTestAccount { account in
      let own = settings(account.apiURL + "/own?key=h00kSecret")
      try await account.simulator.changeSettings(of: TestAccount.idInstance) { $0 = own }
      try account.configure(
        webhookURL: "fromAccount", destinations: "  - {name: archive, url: '\(account.apiURL)/archive'}")
      let result = try await account.run("check", "--online")
      #expect(result.exit == .code(0), "\(result)")
      #expect(result.output.contains("  url: fromAccount\n"))
      let lines = result.output.split(separator: "\n").filter { $0.contains("destination ") && $0.contains("GET") }
      #expect(
        lines == [
          "ok    destination crm@1101000001: answered HTTP 404 to a GET, so it can be reached",
          "ok    destination archive: answered HTTP 404 to a GET, so it can be reached",
        ])
      #expect(!(result.output + result.error).contains("h00kSecret"))
    }
  }

  @Test("An account without a webhookUrl, or with one that can't be used, is said to have none, and what to do")
  func missing() async throws {
    try await withTestAccount(settings: settings(nil)) { account in
      try account.configure(webhookURL: "fromAccount")
      let none = try await account.run("check", "--online")
      #expect(none.exit == .code(69))
      #expect(none.output.contains("FAIL  destination crm@1101000001: the account has no webhookUrl\n"))
      #expect(none.output.contains("      Set webhookUrl in the instance's settings at GREEN-API"))
      let unusable = settings("ftp://me:h00kSecret@example.com/?key=h00kSecret")
      try await account.simulator.changeSettings(of: TestAccount.idInstance) { $0 = unusable }
      let wrong = try await account.run("check", "--online")
      #expect(wrong.exit == .code(69))
      #expect(wrong.output.contains("FAIL  destination crm@1101000001: the account's webhookUrl can't be used: it is "))
      #expect(!(wrong.output + wrong.error).contains("h00kSecret"))
    }
  }

  @Test("With settings that aren't answered the address is said to be unknown")
  func unanswered() async throws {
    try await withTestAccount { account in
      try account.configure(token: "wrong-token", webhookURL: "fromAccount")
      let result = try await account.run("check", "--online")
      #expect(result.exit == .code(69))
      #expect(
        result.output.contains("FAIL  destination crm@1101000001: the account's webhookUrl is not known yet\n"))
    }
  }

  @Test("A destination is tried through its proxy")
  func proxy() async throws {
    try await withTestAccount { account in
      // A proxy that answers whatever it is asked for: the simulator.
      try account.configure(
        webhookURL: "http://consumer.invalid/hook", destinations: "    proxy: \(account.apiURL)")
      let result = try await account.run("check", "--online")
      #expect(result.output.contains("ok    destination crm: answered HTTP 404 to a GET"), "\(result)")
    }
  }
}
