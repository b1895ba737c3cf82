import Curl
import Foundation
import Testing

/// Instances made since July 2026 have numbers of 12 digits, on hosts such as `7107.api.greenapi.com`.
@Suite("An idInstance of 12 digits")
struct LongIDInstanceTests {
  private static let id = "710700000042"

  @Test("goes through init, check, simulate, run, listen and events as any other")
  func endToEnd() async throws {
    try await withTemporaryDirectory { directory in
      try await withStatusrelay(
        "simulate", "--listen", "127.0.0.1:0", "--id-instance", Self.id, "--token", "t"
      ) { simulator in
        let apiURL = try await Self.lastWord(of: simulator.line(containing: "apiUrl:"))
        try await withStatusrelay("listen", "--listen", "127.0.0.1:0") { consumer in
          let url = try await Self.lastWord(of: consumer.line(containing: "listening on http://"))
          let draft = try await StatusrelayProcess(
            ["init", "--id-instance", Self.id, "--api-url", apiURL, "--webhook-url", url],
            environment: ["GREEN_API_TOKEN_INSTANCE": "t"], directory: directory
          ).result()
          #expect(draft.exit == .code(0), "\(draft.error)")
          let path = directory + "/statusrelay.yaml"
          var yaml = try String(contentsOfFile: path, encoding: .utf8)
          #expect(yaml.contains("idInstance: \(Self.id)"))
          let line = "  - idInstance: \(Self.id)\n"
          yaml = yaml.replacing(line, with: line + "    startFrom: beginning\n")
          try ("stateDirectory: \(directory)/state\nadmin: {listen: none}\n" + yaml).write(to: path)
          try await Self.check(path)

          try await withStatusrelay("run", "--config", path, environment: ["GREEN_API_TOKEN_INSTANCE": "t"]) { relay in
            try await Self.post(apiURL)
            let line = try await consumer.line(of: .output, containing: Self.id)
            #expect(line.contains("first"), "\(line)")
            let events = try await Self.statusrelay("events", "--config", path, "--account", Self.id, "--json")
            #expect(events.exit == .code(0), "\(events.error)")
            #expect(events.output.contains(#""idInstance":\#(Self.id)"#), "\(events.output)")
            relay.send(SIGTERM)
            #expect(try await relay.result().exit == .code(0))
          }
        }
      }
    }
  }

  @Test("and its apiUrl without a hyphen are accepted without a warning")
  func hostWithoutHyphen() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory + "/statusrelay.yaml"
      try """
      stateDirectory: \(directory)/state
      accounts:
        - {idInstance: \(Self.id), apiUrl: https://7107.api.greenapi.com, apiTokenInstance: {env: GREEN_API_TOKEN_INSTANCE}}
      destinations:
        - {name: crm, url: "https://crm.example.com/webhook", accounts: [\(Self.id)]}
      """.write(to: path)
      try await Self.check(path)
    }
  }

  private static func check(_ path: String) async throws {
    let check = try await statusrelay("check", "--config", path)
    #expect(check.exit == .code(0), "\(check.error)")
    #expect(!(check.output + check.error).contains("warning"), "\(check.output)\(check.error)")
  }

  private static func statusrelay(_ arguments: String...) async throws -> StatusrelayProcess.Result {
    try await StatusrelayProcess(arguments, environment: ["GREEN_API_TOKEN_INSTANCE": "t"]).result()
  }

  private static func post(_ apiURL: String) async throws {
    let client = try CurlClient()
    let response = try await client.execute(
      HTTPRequest(
        method: .post, url: RequestURL("\(apiURL)/control/instances/\(id)/messages"),
        body: Array(#"{"text":"Hi","status":"sent"}"#.utf8), proxy: ""))
    await client.shutDown()
    #expect((200..<300).contains(response.status))
  }

  private static func lastWord(of line: String) -> String { line.split(separator: " ").last.map(String.init) ?? "" }
}
