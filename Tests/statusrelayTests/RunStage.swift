import Foundation
import GreenAPI
import GreenAPISimulator
import NIOConcurrencyHelpers
import TestServers
import Testing

/// The simulator and a consumer in this process, and a configuration file for a relay between them.
final class RunStage: Sendable {
  private static let idInstance: IDInstance = 1_101_000_001

  let simulator: Simulator
  let directory: String
  let usualConfiguration: String
  private let desk: Desk

  private final class Desk: Sendable {
    let requests = NIOLockedValueBox<[TestServers.ReceivedRequest]>([])
    let answer = NIOLockedValueBox<@Sendable (ServerConnection) -> Void>({ $0.answer() })
  }

  private init(simulator: Simulator, directory: String, usualConfiguration: String, desk: Desk) {
    self.simulator = simulator
    self.directory = directory
    self.usualConfiguration = usualConfiguration
    self.desk = desk
  }

  /// Sets everything up, and leaves nothing behind.
  static func with(_ body: (RunStage) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let server = SimulatorServer()
      try await server.simulator.addInstance(idInstance, token: Secret("d75b3a66374942c5b3c019c698abc206"))
      let desk = Desk()
      let consumer = ScriptedServer { connection in
        connection.serve { request in
          desk.requests.withLockedValue { $0.append(request) }
          desk.answer.withLockedValue { $0 }(connection)
        }
      }
      defer { consumer.stop() }
      try await withThrowingTaskGroup(of: Void.self) { group in
        defer { group.cancelAll() }
        group.addTask { try await server.run() }
        let stage = RunStage(
          simulator: server.simulator, directory: directory,
          usualConfiguration: """
            stateDirectory: \(directory)/state
            admin: {listen: none}
            accounts:
              - idInstance: \(idInstance)
                apiUrl: \(try await server.apiURL)
                apiTokenInstance: d75b3a66374942c5b3c019c698abc206
                startFrom: beginning
                poll: {interval: 1s, idleInterval: 1s}
            destinations:
              - name: consumer
                url: \(consumer.url)/webhook
            """, desk: desk)
        try stage.configure(stage.usualConfiguration)
        try await body(stage)
      }
    }
  }

  var configurationPath: String { directory + "/statusrelay.yaml" }
  var stateDirectory: String { directory + "/state" }

  func configure(_ yaml: String) throws { try yaml.write(to: configurationPath) }

  func post(_ idMessage: String) async throws {
    try await simulator.post(
      Post(.text("A status"), idMessage: idMessage, status: .sent, script: []), on: Self.idInstance)
  }

  /// Waits until so many polls in all have come.
  func polled(_ count: Int) async throws {
    let deadline = ContinuousClock.now + .seconds(40)
    while await simulator.requests.first(where: { $0.method == APIMethod.getOutgoingStatuses.rawValue })?.count ?? 0
      < count
    {
      try #require(ContinuousClock.now < deadline, "poll \(count) never came")
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  // MARK: The consumer

  /// How requests are answered from now on; else with 200.
  func answer(_ body: @escaping @Sendable (ServerConnection) -> Void) { desk.answer.withLockedValue { $0 = body } }

  var requests: [TestServers.ReceivedRequest] { desk.requests.withLockedValue { $0 } }

  /// The `idMessage status` of every request, in the order they came.
  var arrivals: [String] {
    requests.map { request in
      let body = (try? JSONSerialization.jsonObject(with: Data(request.body))) as? [String: Any]
      return "\(body?["idMessage"] ?? "?") \(body?["status"] ?? "?")"
    }
  }

  /// Waits for so many requests in all.
  func arrived(_ count: Int) async throws {
    let deadline = ContinuousClock.now + .seconds(40)
    while requests.count < count {
      try #require(ContinuousClock.now < deadline, "request \(count) never came")
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}
