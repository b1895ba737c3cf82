import CBenchPeer
import Foundation

/// How much memory a relay takes: for a message that it tracks, when it has nothing to do, and when it starts with much to deliver; and
/// how soon it then begins. Beside the limits that were set for it, as libcurl has no say here.
enum MemoryCase: BenchCase {
  static let name = "memory"
  static let summary = "memory of a tracked message, of an idle relay, and of a start with 1,000,000 waiting deliveries"

  static func run(_ options: BenchOptions) async throws -> [BenchResult] {
    let count = options.scaled(1_000_000)
    var tracked = BenchResult(name: "\(name) \(count) tracked", unit: "bytes/message", floorName: "the limit")
    var idle = BenchResult(name: "\(name) idle", unit: "MB", floorName: "the limit")
    var waiting = BenchResult(name: "\(name) \(count) waiting", unit: "MB at most", floorName: "the limit")
    var start = BenchResult(name: "start with \(count) waiting", unit: "s to the first attempt", floorName: "the limit")
    try await PollWorkload.inDirectory { directory in
      complain("\(name): filling two outboxes with \(count) messages and deliveries")
      try await FilledOutbox.make(in: directory + "/empty", messages: 0, delivering: false)
      try await FilledOutbox.make(in: directory + "/tracked", messages: count, delivering: false)
      try await FilledOutbox.make(in: directory + "/waiting", messages: count, delivering: true)
      for run in 1...options.runs {
        let empty = try await pollingRelay(on: directory + "/empty")
        let full = try await pollingRelay(on: directory + "/tracked")
        // Of a copy: some seconds of delivering leave fewer for the next run.
        let copy = directory + "/waiting-\(run)"
        try FileManager.default.copyItem(atPath: directory + "/waiting", toPath: copy)
        let (peak, seconds) = try await deliveringRelay(on: copy)
        try FileManager.default.removeItem(atPath: copy)
        tracked.add(figure: Double(full - empty) / Double(count), floor: 110)
        idle.add(figure: Double(empty) / 1e6, floor: 25)
        waiting.add(figure: Double(peak) / 1e6, floor: 100)
        start.add(figure: seconds, floor: 1)
        complain(
          "\(name) \(run)/\(options.runs): \((full - empty) / count) bytes a message, \(empty / 1_000_000) MB idle, "
            + "\(peak / 1_000_000) MB and \(String(format: "%.3f", seconds)) s to the first attempt with \(count) waiting"
        )
      }
    }
    return [tracked, idle, waiting, start]
  }

  private static let destination = FilledOutbox.destination

  /// Bytes in use after some polls with an empty answer.
  private static func pollingRelay(on stateDirectory: String) async throws -> Int {
    let source = try await Peer(in: stateDirectory + "-source")
    try source.answer(settings: Workload.settings, records: "[]")
    let relay = try RelayProcess(
      configuration: PollWorkload.configuration(
        stateDirectory: stateDirectory, source: source, destinations: [destination: source.url]),
      in: stateDirectory + "-relay")
    try await waitUntil("some polls are made", within: .seconds(120)) { source.polls >= 6 }
    return try relay.process.memory.resident
  }

  /// The most bytes in use in the first seconds of delivering, and how long after the start of the process the first request came.
  private static func deliveringRelay(on stateDirectory: String) async throws -> (peak: Int, seconds: Double) {
    let source = try await Peer(in: stateDirectory + "-source")
    try source.answer(settings: Workload.settings, records: "[]")
    let sink = try await Peer(in: stateDirectory + "-sink")
    let start = bench_now_ns()
    let relay = try RelayProcess(
      configuration: PollWorkload.configuration(
        stateDirectory: stateDirectory, source: source, destinations: [destination: sink.url]),
      in: stateDirectory + "-relay")
    try await waitUntil("the first attempt is made", within: .seconds(120)) { sink.posts > 0 }
    try await Task.sleep(for: .seconds(2))
    return (try relay.process.memory.peak, Double(sink.firstPost - start) / 1e9)
  }
}
