import Foundation

/// What a poll costs when there are many accounts with little news each, beside libcurl that makes the same requests.
enum AccountsCase: BenchCase {
  static let name = "accounts"
  static let summary =
    "2,000 accounts of 100 unchanged records, each polled once a second (10,000: every five), against libcurl making the requests"

  private static let seconds = 8
  /// More a second are more than one thread receives, libcurl's alone or the relay's; what would be measured is the queue.
  private static let mostPollsASecond = 2_000

  static func run(_ options: BenchOptions) async throws -> [BenchResult] {
    var results: [BenchResult] = []
    for count in options.sizes([2_000, 10, 100, 1_000, 10_000]) {
      let accounts = options.scaled(count)
      let records = PollWorkload.records(100, of: PollWorkload.plainRecord)
      var result = BenchResult(name: "\(name) \(accounts)", unit: "µs of CPU/poll", floorName: "libcurl alone")
      for run in 1...options.runs {
        let figure = try await relay(records, accounts)
        let floor = try await receiver(records, accounts)
        result.add(figure: figure, floor: floor)
        complain(
          "\(result.name) \(run)/\(options.runs): "
            + String(format: "%.1f µs, libcurl alone %.1f µs", figure, floor))
      }
      results.append(result)
    }
    return results
  }

  private static func relay(_ records: String, _ accounts: Int) async throws -> Double {
    try await PollWorkload.inDirectory { directory in
      let source = try await Peer(in: directory + "/source")
      try source.answer(settings: Workload.settings, records: records)
      let relay = try RelayProcess(
        configuration: PollWorkload.configuration(
          stateDirectory: directory + "/state", source: source, destinations: ["sink": source.url],
          interval: interval(of: accounts)),
        in: directory, accounts: accounts)
      // By then those asked first have been asked again and again.
      let ramp = accounts * accounts / 100 / (2 * interval(of: accounts))
      return try await cost(relay.process, source, accounts, after: ramp)
    }
  }

  private static func receiver(_ records: String, _ accounts: Int) async throws -> Double {
    try await PollWorkload.inDirectory { directory in
      let source = try await Peer(in: directory + "/source")
      try source.answer(settings: Workload.settings, records: records)
      return try await cost(
        try ReceiveCommand.start(at: source, accounts: accounts, interval: interval(of: accounts)), source, accounts)
    }
  }

  /// The first polls record what is there; the third of each account finds nothing to do.
  /// - Parameter ramp: polls made until all accounts have been asked once: a relay asks 100 a second for the first time.
  private static func cost(
    _ process: ChildProcess, _ source: Peer, _ accounts: Int, after ramp: Int = 0
  ) async throws -> Double {
    try await waitUntil("the first polls are made", within: .seconds(600)) { source.polls >= ramp + 3 * accounts }
    return try await PollWorkload.cost(of: seconds * min(accounts, mostPollsASecond), by: process, at: source)
  }

  /// Seconds between an account's polls.
  private static func interval(of accounts: Int) -> Int { (accounts + mostPollsASecond - 1) / mostPollsASecond }
}
