import Foundation
import GreenAPI
import GreenAPISimulator
import Testing

@Suite("Commands beside a running relay")
struct RunningRelayTests {
  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("status shows a healthy relay and exits with 0; once it has ended it says so and exits with 69")
  func status() async throws {
    try await withTestAccount { account in
      try await account.withRelay { relay in
        try await relay.line(containing: "account healthy")
        let text = try await account.run("status")
        #expect(text.exit == .code(0), "\(text)")
        #expect(text.output.contains("is running") && text.output.contains("All is well"))
        #expect(text.output.contains("1101000001") && text.output.contains("crm"))
        let json = try object(try await account.run("status", "--json").output)
        #expect(json["isRunning"] as? Bool == true)
        #expect((json["accounts"] as? [[String: Any]])?.first?["state"] as? String == "healthy")
        let quiet = try await account.run("status", "--quiet")
        #expect(quiet.exit == .code(0))
        #expect(quiet.output.isEmpty && quiet.error.isEmpty)
        relay.send(SIGTERM)
        #expect(try await relay.result().exit == .code(0))
      }
      let stopped = try await account.run("status")
      #expect(stopped.exit == .code(69))
      #expect(stopped.output.contains("not running"))
      #expect(stopped.output.contains("1101000001") && stopped.output.contains("crm"))
      let json = try await account.run("status", "--json")
      #expect(json.exit == .code(69))
      #expect(try object(json.output)["isRunning"] as? Bool == false)
      let quiet = try await account.run("status", "--quiet")
      #expect(quiet.exit == .code(69))
      #expect(quiet.output.isEmpty && quiet.error.isEmpty)
    }
  }

  @Test("A relay killed with its socket left behind counts as not running")
  func staleSocket() async throws {
    try await withTestAccount { account in
      try await account.withRelay { relay in
        relay.kill()
        _ = try await relay.result()
      }
      #expect(FileManager.default.fileExists(atPath: account.stateDirectory + "/control.sock"))
      let status = try await account.run("status")
      #expect(status.exit == .code(69))
      #expect(status.output.contains("not running"))
    }
  }

  @Test("status tells what is wrong with an account and what to do about it")
  func trouble() async throws {
    try await withTestAccount { account in
      try account.configure(token: "wrong-token")
      try await account.withRelay { relay in
        try await relay.line(containing: "account needs attention")
        let status = try await account.run("status")
        #expect(status.exit == .code(69))
        #expect(status.output.contains("! account 1101000001 needs attention: HTTP 401"))
        #expect(
          status.output.contains(
            "Put the instance's current apiTokenInstance into the configuration; if the instance is deleted"))
        #expect(!status.output.contains("wrong-token"))
      }
    }
  }

  @Test("Pausing a destination takes effect at once, shows in status, and an unknown name is told with the known ones")
  func pause() async throws {
    try await withTestAccount { account in
      try await account.withRelay { relay in
        try await relay.line(containing: "account healthy")
        let paused = try await account.run("destinations", "pause", "crm")
        #expect(paused.exit == .code(0), "\(paused.error)")
        #expect(paused.output == "crm is paused: its deliveries wait.\n")
        let status = try await account.run("status")
        #expect(status.exit == .code(69))
        #expect(status.output.contains("paused by an operator"))
        #expect(status.output.contains("statusrelay destinations resume crm"))
        #expect(try await account.run("destinations", "resume", "crm").output == "crm is resumed.\n")
        #expect(try await account.run("status").exit == .code(0))
        for name in ["cmr", "../status", "ü"] {
          let unknown = try await account.run("destinations", "pause", name)
          #expect(unknown.exit == .code(64))
          #expect(unknown.error.contains("there is crm"), "\(unknown.error)")
        }
      }
    }
  }

  @Test("retry goes through the relay, which tries the dead letter again at once")
  func retry() async throws {
    try await withTestAccount { account in
      let outbox = try await PreparedOutbox(in: account.stateDirectory)
      try account.configure()
      let configuration = try String(contentsOfFile: account.directory + "/statusrelay.yaml", encoding: .utf8)
      try (configuration + "\n  - name: audit\n    url: \(account.apiURL)/audit\n")
        .write(to: account.directory + "/statusrelay.yaml")
      try await account.withRelay { relay in
        let status = try await account.run("status")
        #expect(status.output.contains("! destination audit has 1 dead letter: statusrelay dead-letters"))
        let unknown = try await account.run("retry", "--destination", "adit")
        #expect(unknown.exit == .code(64))
        #expect(unknown.error.contains("there are audit, crm"))
        let result = try await account.run("retry", "2", "1")
        #expect(result.output == "1 dead letter sent again.\n")
        #expect(result.exit == .code(64))
        #expect(result.error.contains("1 is no dead letter: it is delivered"))
        try await relay.line { $0.contains("destination=audit") && $0.contains("404") }
        // The result is on disk a little later than the line is in the log.
        var shown = ""
        let deadline = ContinuousClock.now + StatusrelayProcess.deadline
        while !shown.contains("HTTP 404: the consumer rejects it"), ContinuousClock.now < deadline {
          shown = try await account.run("deliveries", "show", "2").output
        }
        #expect(shown.contains("HTTP 404: the consumer rejects it"), "\(shown)")
      }
      let letters = try await account.run("dead-letters", "--state-directory", outbox.directory)
      #expect(letters.output.isEmpty)
    }
  }
}
