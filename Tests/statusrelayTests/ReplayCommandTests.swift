import Foundation
import RelayCore
import RelayStore
import TestServers
import Testing

/// Sending much again: `retry` by what is asked for and in pages, and `replay`.
@Suite("retry and replay of much")
struct ReplayCommandTests {
  /// A stage whose outbox holds so many notifications, all delivered to `crm`; its consumer is `crm`.
  private func withDelivered(
    _ count: Int, ago: Duration = .seconds(3600), _ body: (RunStage) async throws -> Void
  ) async throws {
    try await RunStage.with { stage in
      try await OutboxTraffic.with(stage.stateDirectory) { traffic in
        try await traffic.settle(try await traffic.record(count, ago: ago), .delivered)
      }
      try stage.configure(
        stage.usualConfiguration.replacing("name: consumer", with: "name: crm") + "\n    maxConcurrency: 8")
      try await body(stage)
    }
  }

  private func run(_ stage: RunStage, _ arguments: String...) async throws -> StatusrelayProcess.Result {
    try await StatusrelayProcess(arguments + ["--config", stage.configurationPath]).result()
  }

  private func withRelay(_ stage: RunStage, _ body: () async throws -> Void) async throws {
    try await withStatusrelay("run", "--config", stage.configurationPath) { relay in
      try await relay.line(containing: "account healthy")
      try await body()
    }
  }

  // MARK: retry

  private func withDeadLetters(
    _ count: Int, _ body: (_ directory: String) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory in
      try await OutboxTraffic.with(directory) { traffic in
        let letters = try await traffic.record(count, ago: .seconds(3 * 3600))
        try await traffic.settle(letters, .deadLetter(.tooOld))
        try await traffic.settle(try await traffic.record(2, .read, of: 1_101_000_002), .deadLetter(.tooOld))
      }
      try await body(directory)
    }
  }

  private func deadLetters(_ directory: String) async throws -> [Int64] {
    let reader = try await SQLiteOutbox.openReadOnly(directory: directory)
    var filter = HistoryFilter(limit: 10_000)
    filter.states = [.deadLetter]
    let ids = try await reader.deliveries(filter).map(\.id.rawValue)
    await reader.close()
    return ids.sorted()
  }

  @Test(
    "retry takes just the dead letters that are asked for",
    arguments: [
      (["--destination", "crm", "--since", "2h"], [1, 2, 3]), (["--until", "2h"], [4, 5]),
      (["--account", "1101000002"], [1, 2, 3]), (["--status", "sent"], [4, 5]), (["--message", "T2"], [1, 3, 4, 5]),
      (["--all", "--after", "3"], [1, 2, 3]), (["--destination", "crm"], []),
      (["--since", "1m", "--status", "sent"], [1, 2, 3, 4, 5]),
    ] as [([String], [Int64])])
  func filters(_ arguments: [String], _ left: [Int64]) async throws {
    try await withDeadLetters(3) { directory in
      let dry = try await StatusrelayProcess(["retry", "--dry-run", "--state-directory", directory] + arguments)
        .result()
      #expect(dry.exit == .code(0), "\(dry.error)")
      let count = 5 - left.count
      #expect(dry.output.hasPrefix(count == 1 ? "1 dead letter would" : "\(count) dead letters would"))
      #expect(dry.output.contains("recorded from") == (count > 0))
      #expect(try await deadLetters(directory) == [1, 2, 3, 4, 5], "a dry run does nothing")
      let result = try await StatusrelayProcess(["retry", "--state-directory", directory] + arguments).result()
      #expect(result.exit == .code(0), "\(result.error)")
      #expect(try await deadLetters(directory) == left)
    }
  }

  @Test("Thousands of dead letters are retried in pages, with a bar on the terminal that leaves no trace")
  func pages() async throws {
    try await withDeadLetters(2500) { directory in
      let result = try await StatusrelayProcess(
        ["retry", "--all", "--state-directory", directory], environment: ["TERM": "xterm"], input: .terminal
      ).result()
      #expect(result.exit == .code(0))
      #expect(result.output.contains("]   0%  0 of 2502"), "\(result.output)")
      #expect(result.output.contains("\r\u{1B}[K2502 dead letters marked to be sent again."))
      #expect(try await deadLetters(directory).isEmpty)
    }
  }

  @Test("Without a terminal there is no bar, and on a dumb one neither")
  func noBar() async throws {
    try await withDeadLetters(1) { directory in
      let result = try await StatusrelayProcess.run("retry", "--message", "T1", "--state-directory", directory)
      #expect(result.error.isEmpty)
      #expect(result.outputLines.count == 1)
      let dumb = try await StatusrelayProcess.run(
        "retry", "--all", "--state-directory", directory, environment: ["TERM": "dumb"], input: .terminal)
      #expect(!dumb.output.contains("%") && !dumb.output.contains("\u{1B}"))
    }
  }

  @Test("Ids and what restricts, and --after with ids, exclude each other")
  func usage() async throws {
    for (arguments, text) in [
      (["1", "--since", "2h"], "Too much at once"), (["--all", "--account", "1"], "Too much at once"),
      (["1", "--after", "1"], "--after"),
    ] {
      let result = try await StatusrelayProcess(["retry", "--state-directory", "/nonexistent"] + arguments).result()
      #expect(result.exit == .code(64))
      #expect(result.error.contains(text), "\(result.error)")
    }
  }

  // MARK: replay

  @Test("replay sends what was delivered again, in order and under the same webhook-id, and only what is asked for")
  func replay() async throws {
    try await withDelivered(30) { stage in
      try await OutboxTraffic.with(stage.stateDirectory) { _ in }
      try await withRelay(stage) {
        let dry = try await run(stage, "replay", "--destination", "crm", "--since", "2h", "--dry-run")
        #expect(dry.exit == .code(0), "\(dry.error)")
        #expect(dry.output.hasPrefix("30 notifications would be looked through for crm, recorded from "))
        let none = try await run(stage, "replay", "--destination", "crm", "--since", "10m")
        #expect(none.output == "0 notifications to be sent to crm again.\n")
        #expect(stage.requests.isEmpty)
        let one = try await run(stage, "replay", "--destination", "crm", "--message", "T7")
        #expect(one.output == "1 notification to be sent to crm again.\n", "\(one)")
        try await stage.arrived(1)
        #expect(stage.arrivals == ["T7 sent"])
        let sent = PreparedOutbox.notification("T7", .sent)
        #expect(stage.requests[0].header("webhook-id") == sent.webhookID)
        #expect(stage.requests[0].body == sent.body)
        let all = try await run(stage, "replay", "--destination", "crm", "--all", "--after", "20")
        #expect(all.output == "10 notifications to be sent to crm again.\n", "\(all)")
        try await stage.arrived(11)
        #expect(Set(stage.arrivals.dropFirst()) == Set((21...30).map { "T\($0) sent" }))
      }
    }
  }

  @Test("What the destination does not take, and what waits for it anyway, is passed over and counted")
  func passedOver() async throws {
    try await withDelivered(5) { stage in
      let configuration = try String(contentsOfFile: stage.configurationPath, encoding: .utf8)
      try stage.configure(configuration + "\n    statuses: [read]")
      try await withRelay(stage) {
        let result = try await run(stage, "replay", "--destination", "crm", "--all")
        #expect(result.output == "0 notifications to be sent to crm again; 5 passed over.\n")
      }
    }
  }

  @Test("A replay needs bounds or --all, a name that is served, and a running relay")
  func refusals() async throws {
    try await withDelivered(1) { stage in
      let unbounded = try await run(stage, "replay", "--destination", "crm")
      #expect(unbounded.exit == .code(64))
      #expect(unbounded.error.contains("--since TIME") && unbounded.error.contains("--all"))
      #expect(try await run(stage, "replay", "--all").exit == .code(64))
      #expect(try await run(stage, "replay", "--destination", "crm", "--all", "--since", "1h").exit == .code(64))
      let stopped = try await run(stage, "replay", "--destination", "crm", "--all")
      #expect(stopped.exit == .code(69))
      #expect(stopped.error.contains("No relay is running") && stopped.error.contains("statusrelay run"))
      let dry = try await run(stage, "replay", "--destination", "crm", "--all", "--dry-run")
      #expect(dry.output.hasPrefix("1 notification would be looked through"))
      try await withRelay(stage) {
        let unknown = try await run(stage, "replay", "--destination", "cmr", "--all")
        #expect(unknown.exit == .code(64))
        #expect(unknown.error.contains("there is crm"), "\(unknown.error)")
      }
    }
  }

  @Test("More than 10,000 are asked about on a terminal; --yes doesn't ask; a signal stops it, and --after goes on")
  func many() async throws {
    try await withDelivered(12_000) { stage in
      let configuration = try String(contentsOfFile: stage.configurationPath, encoding: .utf8)
      try stage.configure(configuration)
      try await withRelay(stage) {
        _ = try await run(stage, "destinations", "pause", "crm")
        let arguments = ["replay", "--destination", "crm", "--all", "--config", stage.configurationPath]
        func start(_ more: String...) throws -> StatusrelayProcess {
          try StatusrelayProcess(arguments + more, environment: ["TERM": "xterm"], input: .terminal)
        }
        let asked = try start()
        try await asked.text("This sends up to 12000 notifications to crm again. Go on? [y/N]: ")
        asked.type("n\n")
        #expect(try await asked.result().exit == .code(130))
        let stopped = try start()
        try await stopped.text("Go on? [y/N]: ")
        stopped.type("y\n")
        try await stopped.text(" of 12000")
        stopped.send(SIGINT)
        let end = try await stopped.result()
        #expect(end.exit == .code(130), "\(end.output)")
        let goOn = #/--after (\d+) --until (\S+Z)/#
        let (_, cursor, until) = try #require(end.output.firstMatch(of: goOn)?.output)
        let first = try #require(end.output.firstMatch(of: #/(\d+) notifications to be sent to crm again/#)?.output.1)
        #expect(cursor == first, "everything up to there is sent again")
        let rest = try await start("--yes", "--after", "\(cursor)", "--until", "\(until)").result()
        #expect(rest.exit == .code(0), "\(rest.output)")
        #expect(rest.output.contains("\(12_000 - (Int(first) ?? 0)) notifications to be sent to crm again."))
        #expect(!rest.output.contains("[y/N]"))
        let status = try await run(stage, "destinations", "--json").output
        #expect(status.contains("\"waiting\":12000"), "\(status)")
      }
    }
  }
}
