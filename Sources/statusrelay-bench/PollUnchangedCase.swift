import Foundation

/// What a poll costs whose answer is the one before: most polls are such. Beside libcurl that receives the same and looks at nothing.
enum PollUnchangedCase: BenchCase {
  static let name = "poll-unchanged"
  static let summary =
    "processor time of a poll of 10,000 records of which none has changed, against libcurl receiving them"

  /// Polls that are measured, after the first few.
  private static let polls = 8
  private static let warmUp = 3

  static func run(_ options: BenchOptions) async throws -> [BenchResult] {
    var results: [BenchResult] = []
    for size in options.sizes([PollWorkload.plainRecord, PollWorkload.recordWithThumbnail]) {
      let count = options.scaled(10_000)
      let records = PollWorkload.records(count, of: size)
      var result = BenchResult(
        name: "\(name) \(records.utf8.count / 1_000_000) MB", unit: "µs of CPU/poll", floorName: "libcurl alone")
      for run in 1...options.runs {
        let figure = try await relay(records)
        let floor = try await receiver(records)
        result.add(figure: figure, floor: floor)
        complain("\(result.name) \(run)/\(options.runs): \(Int(figure)) µs, libcurl alone \(Int(floor)) µs")
      }
      results.append(result)
    }
    return results
  }

  private static func relay(_ records: String) async throws -> Double {
    try await PollWorkload.inDirectory { directory in
      let source = try await Peer(in: directory + "/source")
      try source.answer(settings: Workload.settings, records: records)
      let relay = try RelayProcess(
        configuration: PollWorkload.configuration(
          stateDirectory: directory + "/state", source: source, destinations: ["sink": source.url]),
        in: directory)
      return try await cost(relay.process, source)
    }
  }

  private static func receiver(_ records: String) async throws -> Double {
    try await PollWorkload.inDirectory { directory in
      let source = try await Peer(in: directory + "/source")
      try source.answer(settings: Workload.settings, records: records)
      return try await cost(try ReceiveCommand.start(at: source), source)
    }
  }

  private static func cost(_ process: ChildProcess, _ source: Peer) async throws -> Double {
    try await waitUntil("the first polls are made", within: .seconds(120)) { source.polls >= warmUp }
    return try await PollWorkload.cost(of: polls, by: process, at: source, pause: .milliseconds(600))
  }
}
