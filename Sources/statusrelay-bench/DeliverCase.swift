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
    let stage = DeliveryStage(notifications: options.scaled(50_000))
    var result = BenchResult(name: name, unit: "deliveries/s", floorName: "bare libcurl loop")
    try await stage.measure(into: &result, runs: options.runs)
    var results = [result]
    for count in options.sizes([1_000, 10_000, 100_000, 1_000_000]) {
      results.append(try await WaitingStage(waiting: options.scaled(count)).measure(runs: options.runs))
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

/// A relay that starts with much to deliver. When it is more than some seconds' worth, the first part of it is measured: how much more
/// waits behind it is to make no difference.
private struct WaitingStage {
  var waiting: Int

  private static let mostMeasured = 50_000
  private static let attemptsAtOnce = 32

  func measure(runs: Int) async throws -> BenchResult {
    let shown = waiting.formatted(.number.locale(Locale(identifier: "en")))
    var result = BenchResult(
      name: DeliverCase.name, variant: "\(shown) waiting", unit: "deliveries/s", floorName: "bare libcurl loop")
    try await PollWorkload.inDirectory { directory in
      try await FilledOutbox.make(in: directory + "/waiting", messages: waiting, delivering: true)
      for run in 1...runs {
        let copy = directory + "/\(run)"
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: directory + "/waiting", toPath: copy + "/state")
        let (figure, floor) = try await pair(in: copy)
        try FileManager.default.removeItem(atPath: copy)
        result.add(figure: figure, floor: floor)
        complain("\(result.name), \(result.variant) \(run)/\(runs): \(Int(figure))/s, the bare loop \(Int(floor))/s")
      }
    }
    return result
  }

  private func pair(in directory: String) async throws -> (figure: Double, floor: Double) {
    let source = try await Peer(in: directory + "/source")
    try source.answer(settings: Workload.settings, records: "[]")
    let sink = try await Peer(in: directory + "/sink")
    let relay = try RelayProcess(
      configuration: PollWorkload.configuration(
        stateDirectory: directory + "/state", source: source, destinations: [FilledOutbox.destination: sink.url]),
      in: directory)
    let measured = min(waiting, Self.mostMeasured)
    try await waitUntil("\(measured) have arrived", within: .seconds(600)) { sink.posts >= measured }
    var (count, end) = (sink.posts, sink.latestPost)
    if measured == waiting {
      end = try await settledAt(in: directory + "/state")
      count = sink.posts
      guard count == waiting else { throw BenchFailure("\(count) of \(waiting) arrived: some twice") }
    }
    let rate = Double(count) / (Double(end - sink.firstPost) / 1e9)
    // It would go on delivering beside the bare loop.
    relay.process.end()
    let nanoseconds = try sink.sample.post(measured, to: [sink.url], concurrency: Self.attemptsAtOnce)
    return (rate, Double(measured) / (Double(nanoseconds) / 1e9))
  }
}

/// When nothing waits any more, on disk.
private func settledAt(in state: String) async throws -> UInt64 {
  let reader = try await SQLiteOutbox.openReadOnly(directory: state)
  while try await reader.destinationSummaries().contains(where: { $0.waiting > 0 }) {
    try await Task.sleep(for: .milliseconds(1))
  }
  let settledAt = bench_now_ns()
  await reader.close()
  return settledAt
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
    let settledAt = try await settledAt(in: state)
    let used = try relay.process.processorTime - processorTime
    guard sink.posts == deliveries else { throw BenchFailure("\(sink.posts) of \(deliveries) arrived: some twice") }
    return Figure(
      rate: Double(deliveries) / (Double(settledAt - sink.firstPost) / 1e9),
      processor: used / .seconds(1) / Double(deliveries),
      recording: Double(sink.firstPost - answeredAt) / 1e9)
  }
}
