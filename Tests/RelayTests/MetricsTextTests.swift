import Foundation
import Relay
import RelayCore
import RelayStore
import Testing

@testable import RelayAdmin

/// The text format, and what is written down about the metrics.
@Suite struct MetricsTextTests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private static func text(_ metric: Metric) async throws -> String {
    try await withRelay { relay in
      MetricsText([metric], of: .init(relay: await relay.figures(), process: nil, version: "1")).text
    }
  }

  private static func withRelay<T>(_ body: (Relay) async throws -> T) async throws -> T {
    let directory = FileManager.default.temporaryDirectory.path + "/metrics-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let outbox = try await SQLiteOutbox.open(.init(directory: directory, synchronous: .normal))
    let relay = try Relay(
      configuration: RelayConfiguration(stateDirectory: directory, accounts: [], destinations: []), outbox: outbox,
      time: ManualTime(), log: LogRecorder().logger, lostLogLines: { [.debug: 12, .error: 1] })
    let result = try await body(relay)
    await outbox.close()
    return result
  }

  @Test("Lost log lines are counted by level, also those that lost none")
  func lostLogLines() async throws {
    let metric = try #require(Metric.all.first { $0.name == "statusrelay_log_lines_lost_total" })
    let text = try await Self.text(metric)
    #expect(text.contains("{level=\"debug\"} 12\n") && text.contains("{level=\"error\"} 1\n"))
    #expect(text.contains("{level=\"info\"} 0\n"))
  }

  // MARK: The format

  @Test("Label values and help are escaped: backslash, line feed, and in labels the quotation mark")
  func escaping() async throws {
    let text = try await Self.text(
      .gauge("a_metric", labels: ["x", "y"], "Says \"hi\"\n\\.") { _ in [.init("q\"b\\n\nü\r\n", "", number: 1)] })
    #expect(
      text == """
        # HELP a_metric Says "hi"\\n\\\\.
        # TYPE a_metric gauge
        a_metric{x="q\\"b\\\\n\\nü\r\\n",y=""} 1

        """)
  }

  @Test("A histogram's buckets each hold the ones before, the last without a bound")
  func histogram() async throws {
    var histogram = Histogram(bounds: [0.005, 1, 1024])
    for value in [0.005, 0.5, 1, 2000] { histogram.note(value) }
    let filled = histogram
    #expect(
      try await Self.text(.histogram("h_seconds", labels: ["d"], "H.") { _ in [.init("x", histogram: filled)] }) == """
        # HELP h_seconds H.
        # TYPE h_seconds histogram
        h_seconds_bucket{d="x",le="0.005"} 1
        h_seconds_bucket{d="x",le="1"} 3
        h_seconds_bucket{d="x",le="1024"} 3
        h_seconds_bucket{d="x",le="+Inf"} 4
        h_seconds_sum{d="x"} 2001.505
        h_seconds_count{d="x"} 4

        """)
  }

  @Test(
    "Numbers are written so that every reader of the format reads them back",
    arguments: [
      (0, "0"), (1, "1"), (-3, "-3"), (0.1, "0.1"), (1_795_247_889.25, "1795247889.25"), (67_108_864, "67108864"),
      (1e300, "1e+300"), (1e-7, "1e-07"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
      (0x1p64, "1.8446744073709552e+19"),
    ] as [(Double, String)])
  func numbers(_ number: Double, _ text: String) { #expect(MetricsText.written(number) == text) }

  // MARK: The process

  @Test("The process's figures are those of the kernel, whatever the program is called")
  func process() {
    let stat = "42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 15 16 17 18 4000 8192000 300 19"
    #expect(
      ProcessFigures(
        stat: stat, bootTime: 1000, ticksPerSecond: 100, pageSize: 4096, openDescriptors: 7, mostDescriptors: 64)
        == ProcessFigures(
          cpuSeconds: 2, startTime: 1040, virtualBytes: 8_192_000, residentBytes: 1_228_800, openDescriptors: 7,
          mostDescriptors: 64))
    #expect(ProcessFigures.bootTime(in: "cpu 1 2\nbtime 1795247889\nprocesses 5\n") == 1_795_247_889)
    for stat in ["", "42 (a", "42 (a) S 1 2"] {
      #expect(
        ProcessFigures(
          stat: stat, bootTime: 0, ticksPerSecond: 1, pageSize: 1, openDescriptors: 0, mostDescriptors: 0) == nil)
    }
  }

  #if os(Linux)
    @Test("Of this process there are figures that can be true")
    func thisProcess() throws {
      let figures = try #require(ProcessFigures.current)
      #expect(figures.cpuSeconds > 0)
      #expect(figures.residentBytes > 1 << 20 && figures.virtualBytes > figures.residentBytes)
      #expect(figures.openDescriptors > 2 && Double(figures.openDescriptors) < figures.mostDescriptors)
      #expect(abs(figures.startTime - Date().timeIntervalSince1970) < 86400)
    }
  #endif

  // MARK: What is written down

  @Test("Names, labels and help keep to Prometheus's rules")
  func rules() {
    let names = Metric.all.map(\.name)
    #expect(Set(names).count == names.count)
    for metric in Metric.all {
      #expect(metric.name.wholeMatch(of: /(statusrelay|process)_[a-z_]+/) != nil)
      #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter), "\(metric.name)")
      #expect(metric.help.hasSuffix(".") && !metric.help.contains("\n"), "\(metric.name)")
      for label in metric.labels where label != "version" {
        let known = ["account", "destination", "outcome", "kind", "status", "state", "level"]
        #expect(known.contains(label), "\(metric.name)")
      }
    }
  }

  /// After a change of the metrics `STATUSRELAY_WRITE_METRICS=1 swift test --filter MetricsTextTests` writes the table anew.
  @Test("The admin API's page lists the metrics that there are")
  func page() throws {
    let file = Self.root.appending(path: "Sources/RelayAdmin/RelayAdmin.docc/AdminAPI.md")
    var text = try String(contentsOf: file, encoding: .utf8)
    let begin = try #require(text.range(of: "<!-- metrics -->\n"))
    let end = try #require(text.range(of: "<!-- /metrics -->\n"))
    let rows = Metric.all.map { metric in
      let labels = metric.labels.map { "`\($0)`" }.joined(separator: ", ")
      return "| `\(metric.name)` | \(metric.kind.rawValue) | \(labels) | \(metric.help) |\n"
    }
    let table = "\n| name | type | labels | meaning |\n|---|---|---|---|\n" + rows.joined() + "\n"
    if ProcessInfo.processInfo.environment["STATUSRELAY_WRITE_METRICS"] != nil {
      text.replaceSubrange(begin.upperBound..<end.lowerBound, with: table)
      try text.write(to: file, atomically: true, encoding: .utf8)
    } else {
      #expect(
        text[begin.upperBound..<end.lowerBound] == table,
        "run: STATUSRELAY_WRITE_METRICS=1 swift test --filter MetricsTextTests")
    }
  }

  @Test("The admin API's page lists every reason that an account's state can have")
  func reasons() throws {
    let file = Self.root.appending(path: "Sources/RelayAdmin/RelayAdmin.docc/AdminAPI.md")
    let text = try String(contentsOf: file, encoding: .utf8)
    let begin = try #require(text.range(of: "<!-- reasons -->\n"))
    let end = try #require(text.range(of: "<!-- /reasons -->\n"))
    let listed = text[begin.upperBound..<end.lowerBound].split(separator: "\n").flatMap { line in
      (line.split(separator: "|").first ?? "").matches(of: /`(\w+)`/).map { String($0.output.1) }
    }
    let known = PollFailure.reasons + SettingsWarning.reasons + [AccountState.Trouble.noUsableRecords]
    #expect(listed.sorted() == known.sorted())
  }

  @Test(
    "Alert rules, their tests and the dashboard use metrics that there are",
    arguments: ["statusrelay.rules.yaml", "statusrelay.rules.test.yaml", "grafana-dashboard.json"])
  func monitoring(_ name: String) throws {
    let text = try String(contentsOf: Self.root.appending(path: "Deploy/monitoring/\(name)"), encoding: .utf8)
    let series = Metric.all.flatMap { metric in
      metric.kind == .histogram ? ["_bucket", "_sum", "_count"].map { metric.name + $0 } : [metric.name]
    }
    let used = Set(text.matches(of: /\b(statusrelay|process)_[a-z_]*[a-z]/).map { String($0.output.0) })
    #expect(used.count > 5)
    #expect(used.subtracting(series).isEmpty)
  }

  // MARK: promtool

  private static let promtool = ["/usr/bin/promtool", "/usr/local/bin/promtool"]
    .first(where: FileManager.default.isExecutableFile)

  private static func promtool(_ arguments: String..., input: Data = Data()) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: try #require(promtool))
    process.arguments = arguments
    process.currentDirectoryURL = root.appending(path: "Deploy/monitoring")
    let (inlet, outlet) = (FileManager.default.temporaryDirectory.appending(path: UUID().uuidString), Pipe())
    try input.write(to: inlet)
    defer { try? FileManager.default.removeItem(at: inlet) }
    process.standardInput = try FileHandle(forReadingFrom: inlet)
    process.standardOutput = outlet
    process.standardError = outlet
    try process.run()
    let output = outlet.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  @Test(
    "promtool has nothing to say about the metrics of a relay at work",
    .enabled(if: promtool != nil, "promtool is not installed: install the Debian package prometheus"))
  func check() async throws {
    try await RelayHarness.run(destinations: 2) { harness in
      harness.consumer.behaveNext(.answer("500 No"))
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1, at: "archive")
      try await harness.deliveries(become: "retried") { $0.first?.state == .retrying }
      let source = Metric.Source(relay: await harness.relay.figures(), process: .current, version: Version.number)
      let text = MetricsText(of: source).text
      for metric in Metric.all { #expect(text.contains("\n\(metric.name)"), "\(metric.name) has no series") }
      let (status, output) = try Self.promtool("check", "metrics", input: Data(text.utf8))
      #expect(status == 0 && output.isEmpty, "\(output)")
    }
  }

  @Test(
    "The alert rules do what their tests say, and the example configuration is one",
    .enabled(if: promtool != nil, "promtool is not installed: install the Debian package prometheus"))
  func alerts() throws {
    for arguments in [("test", "rules", "statusrelay.rules.test.yaml"), ("check", "config", "prometheus.yaml")] {
      let (status, output) = try Self.promtool(arguments.0, arguments.1, arguments.2)
      #expect(status == 0, "\(output)")
    }
  }

  @Test(
    "Every query of the dashboard is one",
    .enabled(if: promtool != nil, "promtool is not installed: install the Debian package prometheus"))
  func queries() throws {
    let data = try Data(contentsOf: Self.root.appending(path: "Deploy/monitoring/grafana-dashboard.json"))
    let dashboard = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let panels = try #require(dashboard["panels"] as? [[String: Any]])
    let targets = panels.flatMap { $0["targets"] as? [[String: Any]] ?? [] }
    let queries = targets.compactMap { $0["expr"] as? String }
    #expect(queries.count == targets.count && queries.count > 20)
    // JSON is YAML, and promtool checks queries that stand in rules.
    let rules = queries.enumerated().map { number, query in
      ["record": "query:number_\(number)", "expr": query.replacing("$__rate_interval", with: "5m")]
    }
    let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString + ".yaml")
    defer { try? FileManager.default.removeItem(at: file) }
    let group: [String: Any] = ["name": "dashboard", "rules": rules]
    try JSONSerialization.data(withJSONObject: ["groups": [group]], options: .withoutEscapingSlashes).write(to: file)
    let (status, output) = try Self.promtool("check", "rules", file.path)
    #expect(status == 0, "\(output)")
  }

  @Test("Every alert rule has a test in which it fires, and says what to do")
  func everyAlert() throws {
    func text(_ name: String) throws -> String {
      try String(contentsOf: Self.root.appending(path: "Deploy/monitoring/\(name)"), encoding: .utf8)
    }
    let rules = try text("statusrelay.rules.yaml").split(separator: "- alert: ").dropFirst()
    let tests = try text("statusrelay.rules.test.yaml")
    #expect(rules.count > 10)
    for rule in rules {
      let name = rule.prefix { $0 != "\n" }
      #expect(tests.contains("alertname: \(name)\n        exp_alerts:\n          - exp_labels:"), "\(name) never fires")
      #expect(tests.contains("alertname: \(name)\n        exp_alerts: []"), "\(name) is never silent")
      for part in ["summary: ", "description: ", "severity: "] {
        #expect(rule.contains(part), "\(name) has no \(part)")
      }
    }
  }
}
