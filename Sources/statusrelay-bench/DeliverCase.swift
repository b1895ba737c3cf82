import CBenchPeer
import Foundation
import RelayStore

/// One poll's notifications delivered to one destination and settled, counted from the first one's first byte at the sink to the last
/// result on disk. How long they took to be recorded beforehand is told beside it.
enum DeliverCase: BenchCase {
  static let name = "deliver"
  static let summary =
    "50,000 notifications from one poll, recorded and settled on disk, one destination, 32 at once, against a bare libcurl loop"

  static func run(_ options: BenchOptions) async throws -> [BenchResult] {
    var results: [BenchResult] = []
    for count in options.sizes([50_000, 1_000, 10_000, 100_000]) {
      let stage = DeliveryStage(notifications: options.scaled(count))
      let shown = options.scaled(count).formatted(.number.locale(Locale(identifier: "en")))
      var result = BenchResult(
        name: name, variant: count == 50_000 ? "" : "\(shown) notifications", unit: "deliveries/s",
        floorName: "bare libcurl loop")
      try await stage.measure(into: &result, runs: options.runs)
      results.append(result)
    }
    return results
  }
}

/// The same over many destinations, whose lanes hold several notifications each: one is promoted when the one before is settled on disk.
enum DeliverManyCase: BenchCase {
  static let name = "deliver-many"
  static let summary =
    "the same over 50 destinations, ordering by message, 3 notifications a message, against a bare libcurl loop"

  static func run(_ options: BenchOptions) async throws -> [BenchResult] {
    var result = BenchResult(name: name, unit: "deliveries/s", floorName: "bare libcurl loop")
    let destinations = 50
    let messages = max(2, options.scaled(50_000) / destinations / 3)
    let stage = DeliveryStage(notifications: messages, gapsFilled: true, destinations: destinations)
    try await stage.measure(into: &result, runs: options.runs)
    return [result]
  }
}

/// A source, a relay and a sink, and what passing everything through takes.
private struct DeliveryStage {
  /// Messages in the poll's answer.
  var notifications: Int
  /// Each message then has three notifications: sent, delivered, read.
  var gapsFilled = false
  var destinations = 1

  private static let attemptsAtOnce = 32

  private var deliveries: Int { notifications * (gapsFilled ? 3 : 1) * destinations }

  func measure(into result: inout BenchResult, runs: Int) async throws {
    for run in 1...runs {
      let (figure, floor) = try await pair()
      result.add(figure: figure.rate, floor: floor)
      complain(
        "\(result.name) \(deliveries) \(run)/\(runs): \(Int(figure.rate))/s, the bare loop \(Int(floor))/s; "
          + String(format: "%.1f µs of CPU a delivery, recorded in %.3f s", figure.processor * 1e6, figure.recording))
    }
  }

  private struct Figure {
    /// Deliveries a second, from the first one's first byte at the sink until all are settled on disk.
    var rate: Double
    /// Seconds of the relay's processor time for each delivery, meanwhile.
    var processor: Double
    /// Seconds from the answer's last byte to the first delivery's first.
    var recording: Double
  }

  /// The relay's, and the bare loop's deliveries a second to the same sink right afterwards.
  private func pair() async throws -> (figure: Figure, floor: Double) {
    let directory = FileManager.default.temporaryDirectory.path + "/statusrelay-bench-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let source = try await Peer(in: directory + "/source")
    try source.answer(
      settings: Workload.settings, records: Workload.records(notifications, status: gapsFilled ? "read" : "sent"))
    let sink = try await Peer(in: directory + "/sink")
    let urls = (0..<destinations).map { "\(sink.url)/\($0)" }
    let figure = try await relayFigure(from: source, to: sink, urls: urls, in: directory)
    let nanoseconds = try sink.sample.post(
      deliveries, to: urls, concurrency: min(Self.attemptsAtOnce * destinations, 1024))
    return (figure, Double(deliveries) / (Double(nanoseconds) / 1e9))
  }

  private func relayFigure(
    from source: Peer, to sink: Peer, urls: [String], in directory: String
  ) async throws -> Figure {
    let state = directory + "/state"
    let destinations = Dictionary(uniqueKeysWithValues: urls.enumerated().map { ("d\($0.offset)", $0.element) })
    let relay = try RelayProcess(
      configuration: Workload.configuration(
        stateDirectory: state, source: source, destinations: destinations,
        account: "startFrom: beginning, fillGaps: \(gapsFilled)"),
      in: directory)
    try await waitUntil("the first notification arrives", within: .seconds(120)) { sink.posts > 0 }
    let answeredAt = source.answeredAt
    let processorTime = try relay.process.processorTime
    // Later polls are to find nothing to do.
    try source.answer(settings: Workload.settings, records: "[]")
    try await waitUntil("all \(deliveries) have arrived", within: .seconds(600)) { sink.posts >= deliveries }
    let reader = try await SQLiteOutbox.openReadOnly(directory: state)
    while try await reader.destinationSummaries().contains(where: { $0.waiting > 0 }) {
      try await Task.sleep(for: .milliseconds(1))
    }
    let settledAt = bench_now_ns()
    let used = try relay.process.processorTime - processorTime
    await reader.close()
    guard sink.posts == deliveries else { throw BenchFailure("\(sink.posts) of \(deliveries) arrived: some twice") }
    return Figure(
      rate: Double(deliveries) / (Double(settledAt - sink.firstPost) / 1e9),
      processor: used / .seconds(1) / Double(deliveries),
      recording: Double(sink.firstPost - answeredAt) / 1e9)
  }
}
