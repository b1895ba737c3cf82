import Foundation

/// Whether a consumer's misbehaviour touches another: the rate of a healthy destination next to a dead one and a slow one, against its rate
/// alone. Recorded, delivered and settled by the real relay, 10,000 notifications from one poll.
enum IsolationCase: BenchCase {
  static let name = "isolation"
  static let summary =
    "a healthy destination beside one that refuses connections and one that takes 20 s an answer, against the same alone"

  static func run(_ options: BenchOptions) async throws -> [BenchResult] {
    var result = BenchResult(name: name, unit: "notifications/s", floorName: "the healthy destination alone")
    let count = options.scaled(10_000)
    for run in 1...options.runs {
      // In turn, so that what the machine does besides hits both alike.
      let others = try await rate(of: count, withOthers: true)
      let alone = try await rate(of: count, withOthers: false)
      result.add(figure: others, floor: alone)
      complain("\(name) \(run)/\(options.runs): \(Int(others)) beside the others, \(Int(alone)) alone")
    }
    return [result]
  }

  private static func rate(of count: Int, withOthers: Bool) async throws -> Double {
    let directory = FileManager.default.temporaryDirectory.path + "/statusrelay-bench-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let source = try await Peer(in: directory + "/source")
    try source.answer(settings: Workload.settings, records: Workload.records(count, status: "sent"))
    let healthy = try await Peer(in: directory + "/healthy")
    let slow = try await Peer(in: directory + "/slow", delay: .seconds(20))
    let closed = try ClosedPort()
    var destinations = ["healthy": healthy.url]
    if withOthers {
      destinations["slow"] = slow.url
      destinations["dead"] = "http://127.0.0.1:\(closed.port)"
    }
    let relay = try RelayProcess(
      configuration: Workload.configuration(
        stateDirectory: directory + "/state", source: source, destinations: destinations),
      in: directory)
    try await waitUntil("the first notification arrives", within: .seconds(60)) { healthy.posts > 0 }
    // Later polls are to find nothing to do.
    try source.answer(settings: Workload.settings, records: "[]")
    try await waitUntil("all \(count) notifications have arrived", within: .seconds(300)) { healthy.posts >= count }
    guard healthy.posts == count else { throw BenchFailure("\(healthy.posts) of \(count) arrived: some twice") }
    if withOthers, slow.posts == 0 { throw BenchFailure("the slow destination was never tried") }
    withExtendedLifetime((relay, closed)) {}
    return healthy.rate
  }
}

/// A port that is taken, and at which nobody listens: connections are refused.
private final class ClosedPort {
  let port: UInt16
  private let descriptor: Int32

  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    self.descriptor = descriptor
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(descriptor, pointer, size) == 0 && getsockname(descriptor, pointer, &size) == 0
      }
    }
    guard isBound else { throw BenchFailure("no port can be taken: \(String(cString: strerror(errno)))") }
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit { close(descriptor) }
}
