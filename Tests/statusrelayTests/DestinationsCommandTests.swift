import Foundation
import GreenAPISimulator
import TestServers
import Testing

@Suite("destinations beside a running relay")
struct DestinationsCommandTests {
  private func run(_ stage: RunStage, _ arguments: String...) async throws -> StatusrelayProcess.Result {
    try await StatusrelayProcess(arguments + ["--config", stage.configurationPath]).result()
  }

  private func withRelay(
    _ more: String = "", _ body: (RunStage) async throws -> Void
  ) async throws {
    try await RunStage.with { stage in
      try stage.configure(stage.usualConfiguration + "\n" + more)
      try await withStatusrelay("run", "--config", stage.configurationPath) { relay in
        try await relay.line(containing: "account healthy")
        try await body(stage)
      }
    }
  }

  @Test("It lists them with state, what waits and the address, without its secrets, running or not")
  func list() async throws {
    try await withRelay("  - name: other\n    url: http://127.0.0.1:9/hook?key=s3cret") { stage in
      _ = try await run(stage, "destinations", "pause", "other")
      for arguments in [["destinations"], ["destinations", "list"]] {
        let result = try await StatusrelayProcess(arguments + ["--config", stage.configurationPath]).result()
        #expect(result.exit == .code(0))
        let lines = result.outputLines.map { $0.split(separator: " ").map(String.init) }
        #expect(lines.map(\.first) == ["DESTINATION", "consumer", "other"])
        #expect(lines[1].dropFirst().prefix(2) == ["delivering", "0"] && lines[1].last?.hasSuffix("/webhook") == true)
        #expect(lines[2].dropFirst().prefix(2) == ["paused", "0"])
        #expect(!result.output.contains("s3cret"))
      }
      let json = try await run(stage, "destinations", "--json")
      #expect(json.outputLines.count == 2)
      #expect(json.outputLines[1].contains(#""name":"other""#) && json.outputLines[1].contains(#""state":"paused""#))
    }
    try await withPreparedOutbox { outbox in
      let result = try await StatusrelayProcess.run("destinations", "--state-directory", outbox.directory)
      #expect(result.exit == .code(0))
      #expect(result.error.contains("No relay is running"))
      #expect(result.outputLines.count == 3)
    }
  }

  @Test("A test that is accepted shows the whole exchange without secrets, and ends with 0")
  func accepted() async throws {
    try await withRelay("    webhookUrlToken: t0ken-of-the-consumer") { stage in
      stage.answer { $0.answer(headers: ["X-Served-By: a-consumer"], body: Array("{\"taken\": true}".utf8)) }
      let result = try await run(stage, "destinations", "test", "consumer")
      #expect(result.exit == .code(0), "\(result)")
      for line in [
        "> POST http://127.0.0.1:", "> statusrelay-test: true", "> Authorization: Bearer ***", "> webhook-id: msg_",
        "    \"typeWebhook\": \"outgoingMessageStatus\",", "    \"idMessage\": \"statusrelay-test-", "< HTTP/1.1 200",
        "< X-Served-By: a-consumer", "    \"taken\": true", "* took ", "* A delivery would count as delivered.",
      ] { #expect(result.output.contains(line), "\(line)\n\(result.output)") }
      #expect(!result.output.contains("t0ken"))
      let request = try #require(stage.requests.first)
      #expect(request.header("Authorization") == "Bearer t0ken-of-the-consumer")
      let json = try await run(stage, "destinations", "test", "consumer", "--json")
      #expect(json.exit == .code(0))
      #expect(json.output.contains(#""httpStatus":200"#) && !json.output.contains("t0ken"))
      #expect(stage.requests.count == 2)
      #expect(try await run(stage, "deliveries", "--json").output.isEmpty, "nothing is recorded")
    }
  }

  @Test("A test that is refused, or finds nobody, says why and what would follow, and ends with 69")
  func refused() async throws {
    try await withRelay("  - name: nobody\n    url: http://127.0.0.1:9/hook") { stage in
      stage.answer { $0.answer("503 Service Unavailable", body: Array("out of \u{1B}[31morder".utf8)) }
      _ = try await run(stage, "destinations", "pause", "consumer")
      let refused = try await run(stage, "destinations", "test", "consumer")
      #expect(refused.exit == .code(69))
      for line in [
        "< HTTP/1.1 503", "  out of \u{FFFD}[31morder", "* the consumer answered HTTP 503",
        "tried again by the schedule",
      ] {
        #expect(refused.output.contains(line), "\(line)\n\(refused.output)")
      }
      let silent = try await run(stage, "destinations", "test", "nobody")
      #expect(silent.exit == .code(69))
      #expect(silent.output.contains("no connection to the consumer") && !silent.output.contains("< HTTP"))
      let unknown = try await run(stage, "destinations", "test", "no body/ä")
      #expect(unknown.exit == .code(64))
      #expect(unknown.error.contains("there are consumer, nobody"), "\(unknown.error)")
    }
    try await withPreparedOutbox { outbox in
      let stopped = try await StatusrelayProcess.run(
        "destinations", "test", "crm", "--state-directory", outbox.directory)
      #expect(stopped.exit == .code(69))
      #expect(stopped.error.contains("No relay is running") && stopped.error.contains("statusrelay run"))
    }
  }

  @Test("The plain name of a destination that is one for each account means all of them")
  func family() async throws {
    try await withTestAccount { account in
      try account.configure(destinations: "  - name: own\n    url: fromAccount")
      try await account.withRelay { relay in
        try await relay.line(containing: "account healthy")
        let status = try await account.run("status")
        #expect(status.output.contains("own@1101000001"), "\(status.output)")
        #expect(status.output.contains("! destination own@1101000001 has no address"))
        let test = try await account.run("destinations", "test", "own")
        #expect(test.exit == .code(69))
        #expect(test.output.hasPrefix("* own@1101000001") && !test.output.contains("> POST"), "\(test.output)")
        for name in ["own", "own@1101000001"] {
          let paused = try await account.run("destinations", "pause", name)
          #expect(paused.exit == .code(0), "\(paused.error)")
          #expect(try await account.run("destinations", "--json").output.contains(#""state":"paused""#))
          #expect(try await account.run("destinations", "resume", name).exit == .code(0))
        }
        let listed = try await account.run("deliveries", "--destination", "own")
        #expect(!listed.error.contains("is known"), "\(listed.error)")
        let replayed = try await account.run("replay", "--destination", "own", "--all")
        #expect(replayed.output == "0 notifications to be sent to own again.\n", "\(replayed)")
      }
      let paused = try await account.run("destinations", "pause", "own")
      #expect(paused.output.contains("No relay is running"), "\(paused)")
      #expect(try await account.run("destinations", "--json").output.contains(#""state":"paused""#))
    }
  }
}
