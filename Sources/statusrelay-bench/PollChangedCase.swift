import CBenchPeer
import Foundation

/// What a poll costs that shows one record in a hundred changed: received, scanned, compared, recorded, and its notifications delivered.
/// Beside Foundation's decoder over the same bytes, which is where a relay would begin that was written without further thought.
enum PollChangedCase: BenchCase {
  static let name = "poll-changed"
  static let summary =
    "polls of which each shows 1 % of the records changed, with all that follows from that, against JSONDecoder reading them"

  static func run(_ options: BenchOptions) async throws -> [BenchResult] {
    var results: [BenchResult] = []
    // Those that are asked about, then how the cost grows.
    let sizes = [
      (10_000, PollWorkload.plainRecord), (10_000, PollWorkload.recordWithThumbnail), (100, PollWorkload.plainRecord),
      (1_000, PollWorkload.plainRecord), (100_000, PollWorkload.plainRecord),
    ]
    for (count, size) in options.sizes(sizes) {
      results.append(try await measure(options.scaled(count), of: size, runs: options.runs))
    }
    return results
  }

  private static func measure(_ count: Int, of size: Int, runs: Int) async throws -> BenchResult {
    let records = PollWorkload.records(count, of: size)
    let megabytes = records.utf8.count < 10_000_000 ? "" : " \(records.utf8.count / 1_000_000) MB"
    var result = BenchResult(
      name: "\(name) \(count)\(megabytes)", unit: "records/s of CPU", floorName: "JSONDecoder alone")
    for run in 1...runs {
      let ours = try await relay(records, count)
      let floor = try decoder(Data(records.utf8), count)
      result.add(figure: Double(count) / ours.processor, floor: Double(count) / floor)
      let texts = [ours.processor, ours.wall, floor].map { String(format: "%.2f ms", $0 * 1000) }
      complain(
        "\(result.name) \(run)/\(runs): \(texts[0]) of CPU a poll (\(texts[1]) from the request to the last POST), "
          + "JSONDecoder \(texts[2])")
    }
    return result
  }

  /// Seconds of a poll: of processors, and from its request to its last notification's arrival.
  private static func relay(_ records: String, _ count: Int) async throws -> (processor: Double, wall: Double) {
    try await PollWorkload.inDirectory { directory in
      let step = max(1, count / 100)
      let source = try await Peer(in: directory + "/source", step: step)
      try source.answer(settings: Workload.settings, records: records)
      let sink = try await Peer(in: directory + "/sink")
      let relay = try RelayProcess(
        configuration: PollWorkload.configuration(
          stateDirectory: directory + "/state", source: source, destinations: ["sink": sink.url]),
        in: directory)
      // The first poll announces nothing, each of the others a step.
      func poll(_ number: Int) async throws -> Double {
        try await waitUntil("poll \(number) is delivered", within: .seconds(120)) { sink.posts >= (number - 1) * step }
        return Double(sink.latestPost - source.latestPoll) / 1e9
      }
      let warmUp = 3
      let measured = 6
      _ = try await poll(warmUp)
      // The results of the attempts are recorded, and the next poll has not begun.
      try await Task.sleep(for: .milliseconds(300))
      let start = try relay.process.processorTime
      var walls: [Double] = []
      for number in warmUp + 1...warmUp + measured { walls.append(try await poll(number)) }
      try await Task.sleep(for: .milliseconds(300))
      let used = try relay.process.processorTime - start
      guard source.polls == warmUp + measured else { throw BenchFailure("\(source.polls) polls were made") }
      return (used / .seconds(measured), BenchResult.median(walls))
    }
  }

  /// Seconds of processor time that reading an answer takes, the best of some: the first ones warm up.
  private static func decoder(_ body: Data, _ count: Int) throws -> Double {
    var best = Double.infinity
    for _ in 1...5 {
      let start = threadTime
      let decoded = try JSONDecoder().decode([DecodedRecord].self, from: body)
      let end = threadTime
      guard decoded.count == count else { throw BenchFailure("JSONDecoder has read \(decoded.count) records") }
      best = min(best, Double(end - start) / 1e9)
    }
    return best
  }

  /// Nanoseconds of processor time.
  private static var threadTime: Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}

/// The fields that the relay needs, read in the plainest way.
private struct DecodedRecord: Decodable {
  var idMessage: String
  var statusMessage: String
  var timestamp: Int64
  var chatId: String
  var sendByApi: Bool
  var typeMessage: String
  var description: String?
}
