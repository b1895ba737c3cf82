import Foundation
import Testing

@Suite("The command line's errors")
struct CommandLineTests {
  static let commands = [
    "status", "events", "deliveries", "deliveries show 1", "dead-letters", "retry 1", "destinations list",
    "destinations pause crm", "destinations test crm", "replay --destination crm --all", "events --follow",
  ]

  private func arguments(_ command: String) -> [String] { command.split(separator: " ").map(String.init) }

  @Test(
    "Every command has a help text", arguments: commands + ["run", "check", "poll", "init", "destinations resume crm"])
  func help(_ command: String) async throws {
    let result = try await StatusrelayProcess(arguments(command) + ["--help"]).result()
    #expect(result.exit == .code(0))
    #expect(result.output.hasPrefix("OVERVIEW: "))
    let name = command.split(separator: " ").filter { !$0.hasPrefix("--") && !["1", "crm"].contains($0) }
      .joined(separator: " ")
    #expect(result.output.contains("USAGE: statusrelay \(name) "))
  }

  @Test(
    "A configuration that is missing ends with 78; the commands about the past say how to do without it",
    arguments: commands + ["run", "check", "poll"])
  func noConfiguration(_ command: String) async throws {
    try await withTemporaryDirectory { directory in
      let result = try await StatusrelayProcess(
        arguments(command) + ["--config", "none.yaml"], directory: directory
      ).result()
      #expect(result.exit == .code(78))
      #expect(result.error.contains("none.yaml: the configuration does not exist"))
      #expect(result.output.isEmpty)
      #expect(result.error.contains("--state-directory DIR") == Self.commands.contains(command))
    }
  }

  @Test("A configuration whose secret can't be read, or with any other fault, is no hindrance to looking")
  func unreadableSecret() async throws {
    try await withTestAccount { account in
      _ = try await PreparedOutbox(in: account.stateDirectory)
      try account.configure(token: "{file: /nonexistent/token}")
      for arguments in [["events"], ["events", "--state-directory", "state"]] {
        let listed = try await StatusrelayProcess(arguments, directory: account.directory).result()
        #expect(listed.exit == .code(0), "\(listed.error)")
        #expect(listed.output.contains("M1"))
      }
    }
  }

  @Test(
    "A state directory without an outbox, one that is a file and one with a damaged outbox end with 73",
    arguments: commands)
  func unusableState(_ command: String) async throws {
    try await withTemporaryDirectory { directory in
      try "text".write(to: directory + "/file")
      try FileManager.default.createDirectory(atPath: directory + "/damaged", withIntermediateDirectories: false)
      try String(repeating: "no database ", count: 1000).write(to: directory + "/damaged/outbox.sqlite")
      for (name, text) in [("none", "no relay has run"), ("file", directory), ("damaged", "outbox.sqlite")] {
        let result = try await StatusrelayProcess(
          arguments(command) + ["--state-directory", "\(directory)/\(name)"]
        ).result()
        #expect(result.exit == .code(73), "\(name): \(result)")
        #expect(result.error.contains(text), "\(name): \(result.error)")
        #expect(result.output.isEmpty)
      }
      #expect(!FileManager.default.fileExists(atPath: directory + "/none"), "looking makes nothing")
    }
  }

  @Test(
    "Wrong usage ends with 64 and says what is wrong",
    arguments: [
      ("events --limit 0", "--limit 0"), ("events --frobnicate", "frobnicate"), ("events --account abc", "abc"),
      ("frobnicate", "frobnicate"), ("status --json --quiet", "exclude each other"),
      ("events --state-directory=", "--state-directory"),
      ("destinations pause", "name"), ("deliveries show", "id"), ("events --until 2026-02-30", "2026-02-30"),
    ])
  func usage(_ command: String, _ text: String) async throws {
    let result = try await StatusrelayProcess(arguments(command)).result()
    #expect(result.exit == .code(64), "\(result)")
    #expect(result.error.contains(text), "\(result.error)")
  }

  @Test("Completions are made for every shell, with all the commands", arguments: ["bash", "zsh", "fish"])
  func completions(_ shell: String) async throws {
    let result = try await StatusrelayProcess(["--generate-completion-script", shell]).result()
    #expect(result.exit == .code(0))
    for command in ["dead-letters", "deliveries", "retry", "init"] { #expect(result.output.contains(command)) }
  }
}
