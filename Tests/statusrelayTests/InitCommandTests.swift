import Foundation
import Testing

@Suite("init")
struct InitCommandTests {
  private func run(_ directory: String, _ arguments: String...) async throws -> StatusrelayProcess.Result {
    try await StatusrelayProcess(
      arguments, environment: ["GREEN_API_TOKEN_INSTANCE": "a-token"], directory: directory
    ).result()
  }

  private func mode(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
  }

  @Test("It writes a file for its owner's eyes alone that check accepts, and says the next two commands")
  func writes() async throws {
    try await withTemporaryDirectory { directory in
      let result = try await run(
        directory, "init", "--id-instance", "1101000077", "--api-url", "https://1101.api.green-api.com",
        "--webhook-url",
        "https://crm.example.com/hook?a=1&b=2")
      #expect(result.exit == .code(0), "\(result.error)")
      #expect(result.outputLines == ["statusrelay check --online", "statusrelay run"])
      #expect(result.error.contains("is taken from $GREEN_API_TOKEN_INSTANCE, which is set here"))
      #expect(!result.error.contains("set $GREEN_API_TOKEN_INSTANCE"), "it is set already")
      #expect(try mode(directory + "/statusrelay.yaml") == 0o600)
      let check = try await run(directory, "check")
      #expect(check.exit == .code(0), "\(check.error)")
      #expect(check.error.isEmpty)
      #expect(check.output.contains("account 1101000077") && check.output.contains("https://1101.api.green-api.com"))
    }
  }

  @Test("Where the token stands nowhere yet it says to set it")
  func missingToken() async throws {
    try await withTemporaryDirectory { directory in
      let result = try await StatusrelayProcess.run("init", directory: directory)
      #expect(result.exit == .code(0))
      #expect(result.error.contains("set $GREEN_API_TOKEN_INSTANCE to the instance's apiTokenInstance"))
      #expect(!result.error.contains("is taken from"))
    }
  }

  @Test("Without an apiUrl the general one is written, and it says that the instance's own is better")
  func generalHost() async throws {
    try await withTemporaryDirectory { directory in
      let arguments = ["--id-instance", "710700000042", "--webhook-url", "https://crm.example.com/hook", "--force"]
      func written(_ more: String...) async throws -> (text: String, said: String) {
        let result = try await StatusrelayProcess(["init"] + arguments + more, directory: directory).result()
        #expect(result.exit == .code(0), "\(result.error)")
        return (try String(contentsOfFile: directory + "/statusrelay.yaml", encoding: .utf8), result.error)
      }
      let hint = "put the instance's own apiUrl"
      let general = try await written()
      #expect(general.text.contains("apiUrl: https://api.green-api.com\n") && general.said.contains(hint))
      let own = try await written("--api-url", "https://7107.api.greenapi.com")
      #expect(own.text.contains("apiUrl: https://7107.api.greenapi.com\n") && !own.said.contains(hint))
    }
  }

  @Test("An existing file is left as it is, and replaced with --force")
  func existing() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory + "/mine.yaml"
      try "mine".write(to: path)
      let refused = try await run(directory, "init", "--output", path)
      #expect(refused.exit == .code(64))
      #expect(refused.error.contains("exists already") && refused.error.contains("--force"))
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "mine")
      try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
      let forced = try await run(directory, "init", "--output", path, "--force")
      #expect(forced.exit == .code(0), "\(forced.error)")
      #expect(forced.outputLines.first == "statusrelay check --config \(path) --online")
      #expect(try mode(path) == 0o600)
      #expect(try await run(directory, "check", "--config", path).exit == .code(0))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["mine.yaml"])
      let quoted = try await run(directory, "init", "--output", "it's mine.yaml")
      #expect(quoted.outputLines.last == #"statusrelay run --config 'it'\''s mine.yaml'"#)
    }
  }

  @Test("--print shows the text and writes nothing")
  func prints() async throws {
    try await withTemporaryDirectory { directory in
      let result = try await run(directory, "init", "--print", "--id-instance", "1101000077")
      #expect(result.exit == .code(0))
      #expect(result.output.contains("idInstance: 1101000077"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
    }
  }

  @Test(
    "Values that check would refuse are refused before anything is written",
    arguments: [
      ["--id-instance", "abc"], ["--api-url", "api.green-api.com"], ["--webhook-url", "ftp://example.com"],
    ])
  func refused(_ arguments: [String]) async throws {
    try await withTemporaryDirectory { directory in
      let result = try await StatusrelayProcess(["init"] + arguments, directory: directory).result()
      #expect(result.exit == .code(64))
      #expect(result.error.contains("expected"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
    }
  }

  @Test("A place that can't be written is told, with 73")
  func unwritable() async throws {
    try await withTemporaryDirectory { directory in
      let result = try await run(directory, "init", "--output", directory + "/none/statusrelay.yaml")
      #expect(result.exit == .code(73))
      #expect(result.error.contains("No such file or directory"))
    }
  }

  @Test("At a terminal it asks for what is missing, asks again after a slip, and never shows the token")
  func terminal() async throws {
    try await withTemporaryDirectory { directory in
      try await withStatusrelay("init", "--id-instance", "1101000077", directory: directory, input: .terminal) {
        process in
        try await process.text("apiUrl [https://api.green-api.com]: ")
        process.type("\n")
        try await process.text("apiTokenInstance")
        process.type("a-secret-token\n")
        try await process.text("consumer [https://crm.example.com/webhook]: ")
        process.type("example.com\n")
        try await process.text("  url has no http:// or https:// before it")
        process.type("http://127.0.0.1:8080/hook\n")
        let result = try await process.result()
        #expect(result.exit == .code(0))
        #expect(!result.output.contains("a-secret-token"))
        #expect(result.output.contains("statusrelay run"))
      }
      let text = try String(contentsOfFile: directory + "/statusrelay.yaml", encoding: .utf8)
      #expect(text.contains("apiTokenInstance: a-secret-token"))
      #expect(text.contains("url: http://127.0.0.1:8080/hook"))
      let check = try await StatusrelayProcess(["check"], directory: directory).result()
      #expect(check.exit == .code(0), "\(check.error)")
    }
  }
}
