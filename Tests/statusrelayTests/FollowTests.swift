import Foundation
import GreenAPI
import Testing

/// `--follow` of the built binary, beside a relay.
@Suite("--follow")
struct FollowTests {
  private func id(_ line: String) -> Int? {
    ((try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any])?["id"] as? Int
  }

  @Test(
    "events --follow shows what is there and each new event as it comes, and ends with 0 on a signal",
    arguments: [SIGINT, SIGTERM])
  func events(_ signal: Int32) async throws {
    try await withTestAccount { account in
      try account.configure(account: "startFrom: beginning")
      try await account.post("A", .sent)
      try await account.withRelay { relay in
        try await relay.line(containing: "message=A")
        try await withStatusrelay("events", "--follow", directory: account.directory) { follow in
          try await follow.line(of: .output, containing: " A ")
          try await account.post("B", .sent)
          let line = try await follow.line(of: .output, containing: " B ")
          #expect(line.contains("sent"))
          follow.send(signal)
          let end = try await follow.result()
          #expect(end.exit == .code(0))
          #expect(end.error.isEmpty)
          #expect(end.outputLines.count == 3 && end.outputLines[0].contains("RECORDED"))
        }
      }
    }
  }

  @Test("deliveries --follow --json shows a delivery's changes, an object a line, at once")
  func deliveries() async throws {
    try await RunStage.with { stage in
      let gate = DispatchSemaphore(value: 0)
      defer { for _ in 0..<10 { gate.signal() } }
      stage.answer { connection in
        gate.wait()
        connection.answer("503 Service Unavailable")
      }
      try stage.configure(stage.usualConfiguration + "\n    retry: {schedule: [1s], jitter: 0}")
      try await stage.post("A")
      let directory = ["--state-directory", stage.stateDirectory]
      try await withStatusrelay("run", "--config", stage.configurationPath) { relay in
        try await stage.arrived(1)
        let letters = try StatusrelayProcess(["dead-letters", "--follow", "--json"] + directory)
        let follow = try StatusrelayProcess(["deliveries", "-f", "--json"] + directory)
        for state in ["waiting", "retrying", "deadLetter"] {
          try await follow.line(of: .output) { $0.hasSuffix("}") && $0.contains("\"state\":\"\(state)\"") }
          gate.signal()
        }
        try await letters.line(of: .output) { id($0) == 1 }
        for process in [follow, letters] {
          process.send(SIGTERM)
          #expect(try await process.result().exit == .code(0))
        }
        #expect(try await follow.result().outputLines.allSatisfy { id($0) == 1 })
        #expect(try await letters.result().outputLines.count == 1)
        relay.kill()
      }
    }
  }

  @Test("A restart of the relay is said once each way, and what came meanwhile is shown")
  func restart() async throws {
    try await withTestAccount { account in
      try account.configure(account: "startFrom: beginning")
      try await withStatusrelay("run", directory: account.directory) { relay in
        try await relay.line(containing: "account healthy")
        try await withStatusrelay("events", "--follow", "--json", directory: account.directory) { follow in
          try await account.post("A", .sent)
          try await follow.line(of: .output, containing: "\"A\"")
          relay.send(SIGTERM)
          _ = try await relay.result()
          try await follow.line(containing: "does not answer any more")
          try await account.post("B", .sent)
          _ = try await account.withRelay { _ in
            try await follow.line(containing: "The relay answers.")
            try await follow.line(of: .output, containing: "\"B\"")
          }
          follow.send(SIGINT)
          let end = try await follow.result()
          #expect(end.exit == .code(0))
          #expect(end.outputLines.count == 2)
          #expect(end.error.split(separator: "\n").count == 2, "\(end.error)")
        }
      }
    }
  }

  @Test("Begun beside a stopped relay it says so, and goes on when one runs")
  func stopped() async throws {
    try await withTestAccount { account in
      try account.configure(account: "startFrom: beginning")
      _ = try await PreparedOutbox(in: account.stateDirectory)
      try await withStatusrelay("events", "--follow", "--limit", "2", directory: account.directory) { follow in
        try await follow.line(containing: "No relay is running")
        try await follow.line(of: .output, containing: " M3 ")
        try await account.post("A", .sent)
        _ = try await account.withRelay { _ in
          try await follow.line(of: .output, containing: " A ")
        }
        #expect(!follow.printed(on: .output).contains(" M1 "))
      }
    }
  }

  @Test("A reader that has gone ends it quietly, though nothing more comes")
  func closedPipe() async throws {
    try await withPreparedOutbox { outbox in
      let shell = Process()
      shell.executableURL = URL(filePath: "/bin/sh")
      shell.arguments = [
        "-c",
        "{ timeout 60 '\(StatusrelayProcess.executable)' events --follow --json --state-directory '\(outbox.directory)'; echo \"exit $?\" >&2; } | head -n 1",
      ]
      let (output, error) = (Pipe(), Pipe())
      shell.standardOutput = output
      shell.standardError = error
      try shell.run()
      let said = String(decoding: try error.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
      let printed = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
      shell.waitUntilExit()
      #expect(
        said.split(separator: "\n").map(String.init) == [
          "No relay is running. What comes is shown once one does.", "exit 0",
        ])
      #expect(id(printed) == 1)
    }
  }

  @Test("--follow can't be asked for what is past")
  func usage() async throws {
    for (arguments, text) in [
      (["--before", "5"], "--before"), (["--until", "1h"], "--until"), (["--limit", "1001"], "at most 1000"),
    ] {
      let result = try await StatusrelayProcess(
        ["events", "--follow", "--state-directory", "/nonexistent"] + arguments
      )
      .result()
      #expect(result.exit == .code(64))
      #expect(result.error.contains(text), "\(result.error)")
    }
  }
}
