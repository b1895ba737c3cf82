import Foundation
import Testing

@testable import statusrelay

/// The commands with `--admin`.
@Suite("Commands for a relay at an address")
struct AdminAddressTests {
  private static let token = "a-t0ken-for-visitors"

  @Test("Every command works the same by address, by the socket and, to look only, on the outbox of a stopped relay")
  func everyWay() async throws {
    try await withTestAccount { account in
      _ = try await PreparedOutbox(in: account.stateDirectory)
      _ = try await account.run("destinations", "pause", "crm", "--state-directory", account.stateDirectory)
      try account.configure(admin: "{listen: 127.0.0.1:0, token: \(Self.token)}")
      let reading = [
        ["events"], ["events", "--limit", "1"], ["events", "--since", "2h", "--json"], ["deliveries", "--limit", "3"],
        ["deliveries", "--json", "--state", "deadLetter"], ["dead-letters"], ["deliveries", "show", "2"],
        ["deliveries", "show", "99"], ["events", "--destination", "cmr", "--account", "7"],
        ["retry", "--all", "--dry-run"],
      ]
      func results(_ more: [String], _ environment: [String: String] = [:]) async throws -> [String] {
        var results: [String] = []
        for arguments in reading {
          let process = try StatusrelayProcess(arguments + more, environment: environment, directory: account.directory)
          let result = try await process.result()
          // Times pass.
          let text = "\(result.exit)\n\(result.output)\n\(result.error)".replacing(
            #/\b(now|(\d+ (ms|s|min|h|d) ?)+ago|in (\d+ (s|min|h) ?)+)/#, with: "TIME"
          ).replacing(#/  +/#, with: "  ")
          results.append(text)
        }
        return results
      }
      let stopped = try await results(["--state-directory", account.stateDirectory])
      try await account.withRelay { relay in
        let visitor = try await account.visitor(of: relay)
        let byAddress = try await results(["--admin", visitor.url], ["STATUSRELAY_ADMIN_TOKEN": Self.token])
        let bySocket = try await results([])
        for (index, arguments) in reading.enumerated() {
          #expect(bySocket[index] == stopped[index], "\(arguments)")
          #expect(byAddress[index] == stopped[index], "\(arguments)")
        }
        func act(_ arguments: String...) async throws -> StatusrelayProcess.Result {
          try await StatusrelayProcess(arguments + ["--admin", visitor.url + "/", "--admin-token", Self.token]).result()
        }
        #expect(try await act("retry", "2", "1").error.contains("1 is no dead letter: it is delivered"))
        #expect(try await act("dead-letters").output.isEmpty)
        #expect(try await act("destinations", "resume", "crm").output == "crm is resumed.\n")
        #expect(try await act("destinations").output.contains("delivering"))
        #expect(try await act("destinations", "test", "crm").exit == .code(69))
        #expect(try await act("replay", "--destination", "crm", "--message", "M1").output.hasPrefix("1 notification "))
        #expect(try await act("status", "--json").output.contains("\"isRunning\":true"))
      }
    }
  }

  @Test("A token that is missing or wrong is told with the way to give it, and never shown")
  func tokens() async throws {
    try await withTestAccount { account in
      try account.configure(admin: "{listen: 127.0.0.1:0, token: \(Self.token)}")
      try await account.withRelay { relay in
        let url = try await account.visitor(of: relay).url
        for arguments in [[], ["--admin-token", "wr0ng"]] {
          let refused = try await StatusrelayProcess(["events", "--admin", url] + arguments).result()
          #expect(refused.exit == .code(69))
          #expect(refused.error.contains("STATUSRELAY_ADMIN_TOKEN"))
          #expect(!refused.error.contains("wr0ng"))
        }
      }
    }
  }

  @Test("With --admin nothing else stands in when nobody answers there")
  func nobody() async throws {
    try await withPreparedOutbox { outbox in
      for command in [
        ["events"], ["status"], ["retry", "--all"], ["destinations", "pause", "crm"], ["events", "--follow"],
      ] {
        let result = try await StatusrelayProcess(command + ["--admin", "127.0.0.1:9"], directory: outbox.directory)
          .result()
        #expect(result.exit == .code(69), "\(command)")
        #expect(result.error.contains("nothing answers at http://127.0.0.1:9"), "\(result.error)")
        #expect(result.output.isEmpty)
      }
    }
  }

  @Test("An answer that is no relay's is told as that")
  func noRelay() async throws {
    try await withTestAccount { account in
      let status = try await account.run("status", "--admin", account.apiURL)
      #expect(status.exit == .code(69), "\(status)")
      #expect(status.error.contains("HTTP 404"), "\(status)")
    }
  }

  @Test(
    "An address that is none, or not alone, is wrong usage, and what may be a secret in it is not shown",
    arguments: [
      (["--admin", "ftp://relay"], "neither http nor https"), (["--admin", "http://u:s3cret@relay"], "holds a user"),
      (["--admin", "http://relay/?token=s3cret"], "ends after the host"), (["--admin", "http://"], "expected a URL"),
      (["--admin", "http://re lay"], "expected a URL"), (["--admin-token", "s3cret"], "--admin URL, which is missing"),
      (["--admin", "http://relay", "--config", "x.yaml"], "leave out"),
      (["--admin", "http://relay", "--state-directory", "x"], "leave out"),
      (["--admin", "http://relay", "--admin-token", "s3cret\n"], "what a header can't"),
      (["--admin", "http://relay", "--admin-token", ""], "The admin token is empty"),
    ])
  func addresses(_ arguments: [String], _ text: String) async throws {
    let result = try await StatusrelayProcess(["events"] + arguments).result()
    #expect(result.exit == .code(64), "\(result)")
    #expect(result.error.contains(text), "\(result.error)")
    #expect(!(result.output + result.error).contains("s3cret"))
  }

  @Test("A host alone is http, and loopback is known as such")
  func urls() {
    #expect(RelayAddress.url("relay:8466/") == "http://relay:8466")
    #expect(RelayAddress.url("https://relay/statusrelay/") == "https://relay/statusrelay")
    for url in ["http://127.0.0.1:1", "http://localhost", "http://[::1]:8466/x"] {
      #expect(RelayAddress.isLoopback(url))
    }
    for url in ["http://relay", "http://192.0.2.1", "http://localhost.example.com"] {
      #expect(!RelayAddress.isLoopback(url))
    }
  }
}
