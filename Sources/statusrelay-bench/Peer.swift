import ArgumentParser
import CBenchPeer
import Foundation

/// A process that stands in for GREEN-API or for a consumer, and what it has seen.
final class Peer {
  let directory: String
  private let process: ChildProcess
  private let stats: UnsafeMutablePointer<bench_peer_stats>

  /// - Parameters:
  ///   - delay: how long each POST waits for its answer.
  ///   - step: how many records change from one poll's answer to the next, see `bench_peer_options`.
  ///   - hold: how long the last byte of each answer is held back, see `bench_peer_options`.
  init(in directory: String, delay: Duration = .zero, step: Int = 0, hold: Duration = .zero) async throws {
    self.directory = directory
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let path = directory + "/stats"
    guard FileManager.default.createFile(atPath: path, contents: Data(count: MemoryLayout<bench_peer_stats>.size))
    else {
      throw BenchFailure("can't write \(path)")
    }
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    defer { close(descriptor) }
    guard
      let memory = mmap(nil, MemoryLayout<bench_peer_stats>.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      memory != MAP_FAILED
    else { throw BenchFailure("can't map \(path)") }
    stats = memory.assumingMemoryBound(to: bench_peer_stats.self)
    process = try ChildProcess([
      "peer", directory, "--delay", "\(delay.milliseconds)", "--step", "\(step)", "--hold", "\(hold.milliseconds)",
    ])
    try await waitUntil("a peer listens", within: .seconds(10)) { [stats] in bench_peer_port(stats) != 0 }
  }

  deinit {
    munmap(stats, MemoryLayout<bench_peer_stats>.size)
  }

  var url: String { "http://127.0.0.1:\(bench_peer_port(stats))" }
  var gets: Int { Int(bench_peer_gets(stats)) }
  var posts: Int { Int(bench_peer_posts(stats)) }
  /// GETs that were answered with records.
  var polls: Int { Int(bench_peer_polls(stats)) }
  /// When the latest of these was read, and the latest POST; in nanoseconds of `bench_now_ns`.
  var latestPoll: UInt64 { bench_peer_last_poll_ns(stats) }
  var latestPost: UInt64 { bench_peer_last_post_ns(stats) }
  var firstPost: UInt64 { bench_peer_first_post_ns(stats) }

  /// POSTs a second between the first one's first byte and the latest one's last byte.
  var rate: Double {
    let nanoseconds = bench_peer_last_post_ns(stats) - bench_peer_first_post_ns(stats)
    return Double(posts) / (Double(nanoseconds) / 1e9)
  }

  /// CLOCK_MONOTONIC nanoseconds: when the latest answer to a GET had been sent, when the first POST and when the latest one began to
  /// arrive.
  var answeredAt: UInt64 { bench_peer_answered_ns(stats) }
  var latestPostAt: UInt64 { bench_peer_latest_post_ns(stats) }

  /// The first POST, for a floor that sends the like.
  var sample: PostSample {
    get throws {
      let bytes = UnsafeRawBufferPointer(start: bench_peer_sample(stats), count: Int(bench_peer_sample_size(stats)))
      return try PostSample(String(decoding: bytes, as: UTF8.self))
    }
  }

  /// What a GET is answered from now on.
  func answer(settings: String, records: String) throws {
    try put(settings, as: PeerCommand.settingsName)
    try put(records, as: PeerCommand.recordsName)
  }

  private func put(_ text: String, as name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/" + name), options: .atomic)
  }
}

/// The peer's process: C, see `bench_peer.h`.
struct PeerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "peer", shouldDisplay: false)

  static let settingsName = "settings.json"
  static let recordsName = "records.json"

  @Argument var directory: String
  @Option(help: "Milliseconds.") var delay: UInt32 = 0
  @Option(help: "Milliseconds.") var hold: UInt32 = 0
  @Option(help: "Records a poll.") var step: UInt32 = 0

  func run() throws {
    let code = "\(directory)/stats".withCString { stats in
      "\(directory)/\(Self.settingsName)".withCString { settings in
        "\(directory)/\(Self.recordsName)".withCString { records in
          var options = bench_peer_options(
            stats_path: stats, settings_path: settings, records_path: records, delay_ms: delay, hold_ms: hold,
            step: step)
          return bench_peer_serve(&options)
        }
      }
    }
    if code != 0 { throw BenchFailure("the peer can't serve: \(String(cString: strerror(code)))") }
  }
}

extension Duration {
  fileprivate var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}

/// Looks every millisecond: what is waited for tells the time itself.
func waitUntil(_ what: String, within limit: Duration, _ isSo: () -> Bool) async throws {
  let deadline = ContinuousClock.now + limit
  while !isSo() {
    guard ContinuousClock.now < deadline else { throw BenchFailure("waited \(limit) in vain until \(what)") }
    try await Task.sleep(for: .milliseconds(1))
  }
}
