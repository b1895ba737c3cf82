import CBenchPeer
import Foundation
import GRDB

/// How long a change takes to get through: from the last byte of the answer that holds it to the first byte at the consumer.
enum LatencyCase: BenchCase {
  static let name = "latency"
  static let summary =
    "one change among 10,000 records, from a poll's last byte to the consumer's first, against an fsync'd commit and a bare POST"

  private static let unit = "ms"
  private static let floorName = "fsync'd SQLite commit, then a bare POST"
  /// Polls that hold a change, a run.
  private static let changes = 40

  static func run(_ options: BenchOptions) async throws -> [BenchResult] {
    var middle = BenchResult(name: name, variant: "p50", unit: unit, floorName: floorName, comparison: .difference)
    var late = BenchResult(name: name, variant: "p99", unit: unit, floorName: floorName, comparison: .difference)
    for run in 1...options.runs {
      let (figures, floors) = try await sample(records: options.scaled(10_000), changes: options.scaled(changes))
      middle.add(figure: BenchResult.median(figures), floor: BenchResult.median(floors))
      late.add(figure: BenchResult.percentile(figures, 99), floor: BenchResult.percentile(floors, 99))
      complain("\(name) \(run)/\(options.runs): p50 \(middle.figures.last!) ms, floor \(middle.floors.last!) ms")
    }
    return [middle, late]
  }

  /// Milliseconds: of each change, and of a floor right after each.
  private static func sample(records: Int, changes: Int) async throws -> (figures: [Double], floors: [Double]) {
    let directory = FileManager.default.temporaryDirectory.path + "/statusrelay-bench-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: directory) }
    // A network gives the relay the time to read the others before the last byte comes.
    let source = try await Peer(in: directory + "/source", hold: .milliseconds(20))
    let sink = try await Peer(in: directory + "/sink")
    var answer = ChangingAnswer(Workload.records(records, status: "sent"))
    try source.answer(settings: Workload.settings, records: answer.text)
    let relay = try RelayProcess(
      configuration: Workload.configuration(
        stateDirectory: directory + "/state", source: source, destinations: ["sink": sink.url],
        account: "startFrom: now, poll: {interval: 1s, idleInterval: 1s}"),
      in: directory)
    try await waitUntil("the relay has polled", within: .seconds(60)) { source.gets >= 2 }
    var floor: LatencyFloor?
    var figures: [Double] = []
    var floors: [Double] = []
    // The first one opens the connection; it is no sample.
    for number in 0...changes {
      let seen = sink.posts
      answer.change(number % records)
      try source.answer(settings: Workload.settings, records: answer.text)
      try await waitUntil("a change arrives", within: .seconds(60)) { sink.posts > seen }
      let figure = Double(sink.latestPostAt - source.answeredAt) / 1e6
      let bare = try floor ?? LatencyFloor(sink, directory: directory)
      floor = bare
      let beside = try bare.measure()
      guard number > 0 else { continue }
      figures.append(figure)
      floors.append(beside)
    }
    withExtendedLifetime(relay) {}
    return (figures, floors)
  }
}

/// An answer in which one record at a time goes from `sent` to `read`, which is as long.
private struct ChangingAnswer {
  private(set) var text: String
  private let parts: [Substring]
  private var changed: Set<Int> = []

  init(_ text: String) {
    self.text = text
    parts = text.split(separator: #""statusMessage":"sent""#, omittingEmptySubsequences: false)
  }

  mutating func change(_ index: Int) {
    changed.insert(index)
    var text = ""
    for (number, part) in parts.enumerated() {
      text += part
      guard number < parts.count - 1 else { break }
      text += changed.contains(number) ? #""statusMessage":"read""# : #""statusMessage":"sent""#
    }
    self.text = text
  }
}

/// What no relay that keeps its promise can do without: a commit that has reached the disk, then a POST.
private final class LatencyFloor {
  private let sink: Peer
  private let poster: BarePoster
  private let queue: DatabaseQueue
  private let body: String

  init(_ sink: Peer, directory: String) throws {
    self.sink = sink
    let sample = try sink.sample
    body = sample.body
    poster = try BarePoster(sample, to: sink.url)
    // Its connection is opened beforehand, as the relay's is.
    try poster.post()
    var configuration = Configuration()
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
    queue = try DatabaseQueue(path: directory + "/floor.sqlite", configuration: configuration)
    try queue.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA journal_mode = WAL")
      try db.execute(sql: "CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)")
    }
  }

  /// Milliseconds.
  func measure() throws -> Double {
    let began = bench_now_ns()
    try queue.write { try $0.execute(sql: "INSERT INTO t (body) VALUES (?)", arguments: [body]) }
    try poster.post()
    return Double(sink.latestPostAt - began) / 1e6
  }
}
