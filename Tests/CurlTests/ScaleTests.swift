import Foundation
import NIOConcurrencyHelpers
import TestServers
import Testing

@testable import Curl

/// These count the process's descriptors or need most of them, so they run in a process of their own.
@Suite(.timeLimit(.minutes(3)), .serialized) struct ScaleTests {
  @Test("5,000 transfers run at once and all end")
  func fiveThousandAtOnce() async throws {
    await #expect(processExitsWith: .success) {
      let count = 5_000
      // Both ends of each connection are in this process.
      try #require(raiseDescriptorLimit() > 2 * count + 100)
      let held = Recorder<Void>()
      let server = MassServer { if $0 == count { held.record(()) } }
      let client = try CurlClient()
      let completions = Recorder<Completion>()
      let sink = CompletionSink { completions.record($0) }
      let timeouts = Timeouts(connect: .seconds(60), total: .seconds(100), stalled: .seconds(90))
      client.start(
        (0..<UInt64(count)).map {
          Transfer(tag: $0, request: .direct(server.url + "h", post: [1, 2, 3], timeouts: timeouts))
        }, sink: sink)
      _ = await held.wait(for: 1)
      #expect(client.statistics.runningTransfers == count)
      #expect(client.statistics.openConnections == count)
      server.release()
      let all = await completions.wait(for: count)
      #expect(all.count == count && Set(all.map(\.tag)).count == count)
      #expect(all.allSatisfy { (try? $0.result.get())?.status == 200 })
      await client.shutDown()
      server.stop()
    }
  }

  @Test("100,000 transfers, failed and cancelled ones among them, leave no handle and no descriptor behind")
  func noLeak() async throws {
    await #expect(processExitsWith: .success) {
      raiseDescriptorLimit()
      // What the runtime and the libraries open once and keep is no leak.
      try await runManyTransfers(1_000)
      let before = openDescriptors()
      try await runManyTransfers(100_000)
      let after = openDescriptors()
      #expect(after == before, "descriptors before: \(before), after: \(after)")
    }
  }
}

/// A mix of whole, closed, reset, garbled, refused, invalid, timed out and cancelled transfers, some 400 at a time.
private func runManyTransfers(_ total: Int) async throws {
  let server = MassServer()
  let client = try CurlClient()
  let shared = try HeaderList([("Content-Type", "application/json")])
  let (listener, deadPort) = ScriptedServer.listenOnLoopback()
  close(listener)
  let driver = LeakDriver(total: total, client: client) { tag in
    let path =
      switch tag % 200 {
      case 3, 103: "c"
      case 7: "r"
      case 11: "g"
      case 13, 15, 19: "h"
      default: "o"
      }
    var request = HTTPRequest.direct(
      tag % 200 == 23 ? "http://127.0.0.1:\(deadPort)/" : tag % 200 == 29 ? "nonsense" : server.url + path,
      post: [UInt8](repeating: 0x61, count: 300),
      // Of the held ones two are cancelled, the third meets its timeout.
      timeouts: Timeouts(total: tag % 200 == 19 ? .milliseconds(20) : .seconds(100), stalled: .seconds(50)))
    request.sharedHeaders = shared
    request.headers = [("webhook-id", "\(tag)")]
    return request
  } cancels: {
    [13, 15, 51].contains($0 % 200)
  }
  await driver.run()
  let tallies = driver.tallies
  let statistics = client.statistics
  #expect(tallies.values.reduce(0, +) == total, "\(tallies)")
  // 51 is cancelled too, but may have been answered before.
  #expect(tallies["cancelled", default: 0] >= total / 100, "\(tallies)")
  #expect(tallies["timeout"] == total / 200, "\(tallies)")
  #expect(tallies["connect"] == total / 200, "\(tallies)")
  #expect(tallies["invalidRequest"] == total / 200, "\(tallies)")
  #expect(tallies["malformedAnswer"] == total / 200, "\(tallies)")
  #expect(statistics.runningTransfers == 0 && statistics.handles <= 1024, "\(statistics)")
  await client.shutDown()
  #expect(client.statistics.handles == 0 && client.statistics.openConnections == 0)
  server.stop()
}

/// Keeps a number of transfers under way until all have ended, and counts how.
private final class LeakDriver: Sendable {
  private struct State {
    var next = 0
    var tallies: [String: Int] = [:]
    var ended = 0
  }

  private static let atOnce = 400
  private let total: Int
  private let client: CurlClient
  private let request: @Sendable (Int) -> HTTPRequest
  private let cancels: @Sendable (Int) -> Bool
  private let state = NIOLockedValueBox(State())
  private let done = Recorder<Void>()
  private let sink = NIOLockedValueBox<CompletionSink?>(nil)

  var tallies: [String: Int] { state.withLockedValue { $0.tallies } }

  init(
    total: Int, client: CurlClient, request: @escaping @Sendable (Int) -> HTTPRequest,
    cancels: @escaping @Sendable (Int) -> Bool
  ) {
    self.total = total
    self.client = client
    self.request = request
    self.cancels = cancels
  }

  func run() async {
    let sink = CompletionSink { [self] completions in take(completions) }
    self.sink.withLockedValue { $0 = sink }
    start(Self.atOnce)
    _ = await done.wait(for: 1)
    self.sink.withLockedValue { $0 = nil }
  }

  private func take(_ completions: [Completion]) {
    let isDone = state.withLockedValue { state in
      for completion in completions {
        switch completion.result {
        case .success(let response): state.tallies["\(response.status)", default: 0] += 1
        case .failure(let error): state.tallies[error.kind.rawValue, default: 0] += 1
        }
      }
      state.ended += completions.count
      return state.ended == total
    }
    if isDone { done.record(()) } else { start(completions.count) }
  }

  private func start(_ count: Int) {
    guard let sink = sink.withLockedValue({ $0 }) else { return }
    let tags = state.withLockedValue { state in
      let first = state.next
      state.next = min(first + count, total)
      return first..<state.next
    }
    client.start(tags.map { Transfer(tag: UInt64($0), request: request($0)) }, sink: sink)
    client.cancel(tags.filter(cancels).map(UInt64.init), sink: sink)
  }
}

/// Raises the soft limit of open descriptors to the hard one and returns it.
@discardableResult
private func raiseDescriptorLimit() -> Int {
  var limit = rlimit()
  getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  limit.rlim_cur = limit.rlim_max
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  return Int(limit.rlim_cur)
}

private func openDescriptors() -> [String] {
  ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).sorted()
}
