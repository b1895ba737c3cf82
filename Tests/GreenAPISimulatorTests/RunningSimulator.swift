import Foundation
import GreenAPI
import GreenAPISimulator
import NIOConcurrencyHelpers

let instance: IDInstance = 1_101_000_001
let token = "d75b3a66374942c5b3c019c698abc2067e151558acbd451234"

/// A clock that stands still until a test moves it.
final class TestClock: Sendable {
  private let time = NIOLockedValueBox(Date(timeIntervalSince1970: 1_710_134_811))

  var now: Date { time.withLockedValue { $0 } }

  func advance(by seconds: TimeInterval) { time.withLockedValue { $0 += seconds } }
}

/// A server on a free port with one instance, and what a test needs to talk to it.
struct RunningSimulator {
  let simulator: Simulator
  let client: HTTPTestClient
  let clock: TestClock

  func get(
    _ method: APIMethod, query: String = "", prefix: String = "", upTo limit: Int = .max
  ) async throws -> HTTPTestClient.Reply {
    try await client.get(path(method, prefix: prefix) + query, upTo: limit)
  }

  func path(_ method: APIMethod, prefix: String = "") -> String {
    "\(prefix)/waInstance\(instance)/\(method.rawValue)/\(token)"
  }

  /// The records of one poll.
  func poll(query: String = "") async throws -> RecordsAnswer {
    try RecordsAnswer(decoding: try await get(.getOutgoingStatuses, query: query).body)
  }
}

/// Runs a server for the length of a test, and waits until it has ended.
func withSimulator(
  requestsPerSecond: Double? = nil, settings: InstanceSettings = InstanceSettings(), script: [Post.Step] = [],
  _ test: (RunningSimulator) async throws -> Void
) async throws {
  let clock = TestClock()
  let configuration = SimulatorServer.Configuration(
    simulator: Simulator.Configuration(requestsPerSecond: requestsPerSecond, script: script))
  let server = SimulatorServer(configuration: configuration) { clock.now }
  try await server.simulator.addInstance(instance, token: Secret(token), settings: settings)
  let running = Task { try await server.run() }
  let result: Result<Void, any Error>
  do {
    let client = HTTPTestClient(port: try await server.boundPort)
    try await test(RunningSimulator(simulator: server.simulator, client: client, clock: clock))
    result = .success(())
  } catch {
    result = .failure(error)
  }
  running.cancel()
  try? await running.value
  try result.get()
}

struct NeverHappened: Error {}

/// Waits for something to become true, no longer than 20 seconds.
func eventually(_ condition: () async throws -> Bool) async throws {
  let deadline = ContinuousClock.now + .seconds(20)
  while try await !condition() {
    guard ContinuousClock.now < deadline else { throw NeverHappened() }
    await Task.yield()
  }
}
