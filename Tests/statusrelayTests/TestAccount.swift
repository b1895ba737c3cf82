import Foundation
import GreenAPI
import GreenAPISimulator

/// A simulated GREEN-API in this process with one account, and the configuration of a relay for it.
struct TestAccount {
  static let idInstance: IDInstance = 1_101_000_001
  static let token = "d75b3a66374942c5b3c019c698abc2067e151558acbd451234"

  let simulator: Simulator
  let apiURL: String
  /// Empty but for `statusrelay.yaml`; the state directory is `state` in it.
  let directory: String

  var stateDirectory: String { directory + "/state" }

  /// Writes the configuration. The destination is the simulator itself, which answers 404 to whatever is no method.
  /// - Parameter destinations: lines below the destination `crm`, such as a policy of it or a further one.
  func configure(
    token: String = Self.token, account: String = "", webhookURL: String? = nil, admin: String = "{listen: none}",
    destinations: String = ""
  ) throws {
    try """
    stateDirectory: state
    log: {level: debug}
    admin: \(admin)
    accounts:
      - idInstance: \(Self.idInstance)
        apiUrl: \(apiURL)
        apiTokenInstance: \(token)
        poll: {interval: 1s, idleInterval: 1s}
        \(account)
    destinations:
      - name: crm
        url: \(webhookURL ?? apiURL + "/consumer")
    \(destinations)
    """.write(to: directory + "/statusrelay.yaml")
  }

  /// A status post that stays as it is until it is advanced.
  func post(_ idMessage: String, _ status: MessageStatus) async throws {
    try await simulator.post(
      Post(.text("hello"), idMessage: idMessage, status: status, script: []), on: Self.idInstance)
  }

  /// A relay that runs with this configuration and can be reached at its socket.
  func withRelay<T>(_ body: (StatusrelayProcess) async throws -> T) async throws -> T {
    try await withStatusrelay("run", directory: directory) { relay in
      try await relay.line(containing: "the admin API listens")
      return try await body(relay)
    }
  }

  func run(_ arguments: String...) async throws -> StatusrelayProcess.Result {
    try await StatusrelayProcess(arguments, directory: directory).result()
  }
}

/// Runs a simulated GREEN-API for the length of a test.
func withTestAccount(
  settings: InstanceSettings = InstanceSettings(), _ body: (TestAccount) async throws -> Void
) async throws {
  let server = SimulatorServer(
    configuration: SimulatorServer.Configuration(simulator: Simulator.Configuration(requestsPerSecond: nil, script: []))
  )
  try await server.simulator.addInstance(TestAccount.idInstance, token: Secret(TestAccount.token), settings: settings)
  let running = Task { try await server.run() }
  let result: Result<Void, any Error>
  do {
    let apiURL = try await server.apiURL
    try await withTemporaryDirectory { directory in
      let account = TestAccount(simulator: server.simulator, apiURL: apiURL, directory: directory)
      try account.configure()
      try await body(account)
    }
    result = .success(())
  } catch {
    result = .failure(error)
  }
  running.cancel()
  try? await running.value
  try result.get()
}
