import Foundation
import GreenAPI
import GreenAPISimulator
import Logging
import NIOConcurrencyHelpers
import RelayCore
import RelayStore
import ServiceLifecycle
import Testing

@testable import Curl
@testable import Relay

/// Simulator, relay and consumers, joined over real sockets and a real SQLite outbox, in a time that only the test moves.
final class RelayHarness: Sendable {
  static let account: IDInstance = 1_101_000_001
  static let token = Secret("d75b3a66374942c5b3c019c698abc2067e151558acbd451234")

  let simulator: Simulator
  let time: ManualTime
  let consumer: TestConsumer
  /// Of a second destination.
  let otherConsumer: TestConsumer
  let log = LogRecorder()
  /// As the relay was started; ``Relay/reload(_:)`` takes a changed one.
  let configuration: RelayConfiguration
  private let running: NIOLockedValueBox<Running?> = NIOLockedValueBox(nil)

  private struct Running: Sendable {
    var relay: Relay
    var outbox: FailingOutbox
    var group: ServiceGroup
    var task: Task<Void, any Error>
    /// When all accounts have been asked for the first time, or are being.
    var firstPolls: SteadyTime
  }

  private init(simulator: Simulator, time: ManualTime, consumers: [TestConsumer], configuration: RelayConfiguration) {
    self.simulator = simulator
    self.time = time
    consumer = consumers[0]
    otherConsumer = consumers[1]
    self.configuration = configuration
  }

  // MARK: Setting up

  /// Everything runs for the length of `body`, and nothing is left of it then.
  ///
  /// One account, which announces from the beginning, and one destination, unless `configure` says otherwise.
  /// - Parameter prepare: what the simulator is to hold before the relay starts.
  static func run(
    settings: InstanceSettings = InstanceSettings(), accounts: [IDInstance] = [account], destinations: Int = 1,
    configure: (inout RelayConfiguration) -> Void = { _ in },
    prepare: (Simulator) async throws -> Void = { _ in }, _ body: (RelayHarness) async throws -> Void
  ) async throws {
    let directory = FileManager.default.temporaryDirectory.path + "/relay-" + UUID().uuidString
    let time = ManualTime()
    let server = SimulatorServer { time.trueDate }
    for account in accounts {
      try await server.simulator.addInstance(account, token: token, settings: settings)
    }
    try await prepare(server.simulator)
    let serving = Task { try await server.run() }
    let consumers = [TestConsumer(), TestConsumer()]
    var configuration = RelayConfiguration(
      stateDirectory: directory,
      accounts: [IDInstance](accounts).map {
        RelayConfiguration.Account(idInstance: $0, apiTokenInstance: token, poll: PollPolicy(startFrom: .beginning))
      },
      destinations: zip(["crm", "archive"], consumers).prefix(destinations).map {
        RelayConfiguration.Destination(name: $0, url: $1.url)
      })
    let apiURL = try await server.apiURL
    for index in configuration.accounts.indices { configuration.accounts[index].apiURL = apiURL }
    configure(&configuration)
    let harness = RelayHarness(
      simulator: server.simulator, time: time, consumers: consumers, configuration: configuration)
    let result: Result<Void, any Error>
    do {
      try await harness.start()
      try await body(harness)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    harness.outbox.fail([])
    for consumer in consumers { consumer.stop() }
    await harness.stop()
    serving.cancel()
    try? await serving.value
    try? FileManager.default.removeItem(atPath: directory)
    do { try result.get() } catch {
      Issue.record("the relay's log:\n\(harness.log.lines.joined())")
      throw error
    }
  }

  /// Starts the relay on the state directory; also after ``stop()``, with another configuration if need be.
  func start(
    _ changed: RelayConfiguration? = nil, trustsClock: Bool = true, pollsAtOnce: Int = 1024,
    _ prepare: (FailingOutbox) -> Void = { _ in }
  ) async throws {
    let outbox = FailingOutbox(
      try await SQLiteOutbox.open(.init(directory: configuration.stateDirectory, synchronous: .normal)))
    prepare(outbox)
    let configuration = changed ?? configuration
    let firstPolls = time.now().steady + StartQueue.opening + firstPolls(of: configuration.accounts.count)
    let relay = try Relay(
      configuration: configuration, outbox: outbox, time: time, trustsClock: trustsClock, log: log.logger,
      pollsAtOnce: pollsAtOnce)
    let group = ServiceGroup(services: [relay], logger: Logger(label: "group") { _ in SwiftLogNoOpLogHandler() })
    let task = Task { try await group.run() }
    running.withLockedValue {
      $0 = Running(relay: relay, outbox: outbox, group: group, task: task, firstPolls: firstPolls)
    }
  }

  /// From the first of so many accounts' first polls to the last.
  private func firstPolls(of accounts: Int) -> Duration { StartQueue.slot * max(0, accounts - 1) }

  /// A graceful shutdown; time passes as it needs.
  func stop() async {
    await beginToStop()
    let hasEnded = NIOLockedValueBox(false)
    let clock = Task {
      while !hasEnded.withLockedValue({ $0 }) {
        time.advance(by: .milliseconds(500))
        try? await Task.sleep(for: .milliseconds(5))
      }
    }
    await ended()
    hasEnded.withLockedValue { $0 = true }
    await clock.value
  }

  func beginToStop() async { await running.withLockedValue { $0 }?.group.triggerGracefulShutdown() }

  /// Waits until the relay has ended.
  func ended() async { try? await running.withLockedValue { $0 }?.task.value }

  // MARK: The relay

  var relay: Relay { running.withLockedValue { $0! }.relay }
  var outbox: FailingOutbox { running.withLockedValue { $0! }.outbox }

  func account(_ id: IDInstance = account) async throws -> RelayStatus.Account {
    try #require(try await relay.status().accounts.first { $0.idInstance == id.rawValue })
  }

  func destination(_ name: String = "crm") async throws -> RelayStatus.Destination {
    try #require(try await relay.status().destinations.first { $0.name == name })
  }

  /// Oldest first.
  func deliveries(at destination: String = "crm") async throws -> [DeliveryRow] {
    var filter = HistoryFilter(limit: 10_000)
    filter.destinations = [destination]
    return try await outbox.deliveries(filter).reversed()
  }

  /// Waits until a destination's deliveries are so.
  @discardableResult
  func deliveries(
    at destination: String = "crm", become what: String, _ areSo: ([DeliveryRow]) -> Bool
  ) async throws -> [DeliveryRow] {
    try await eventually(what) {
      let rows = try await deliveries(at: destination)
      return areSo(rows) ? rows : nil
    }
  }

  /// Waits until so many deliveries of a destination are recorded as delivered.
  func delivered(_ count: Int, at destination: String = "crm") async throws {
    try await deliveries(at: destination, become: "\(count) delivered") { rows in
      rows.count { $0.state == .delivered } >= count
    }
  }

  /// The attempts of a destination's first delivery.
  func attempts(at destination: String = "crm") async throws -> [AttemptReport] {
    guard let delivery = try await deliveries(at: destination).first else { return [] }
    return try await outbox.attempts(of: delivery.id).map(\.report)
  }

  // MARK: The passing of time

  /// Lets the next poll of an account come, and waits until it has come to its end.
  @discardableResult
  func poll(_ id: IDInstance = account) async throws -> RelayStatus.Account {
    let before = try await eventually("\(id) between two polls, or before its first") { () -> RelayStatus.Account? in
      guard let account = try await polled(id) else { return nil }
      return account.nextPollInSeconds.map { $0 > 0 } ?? (account.state == "starting") ? account : nil
    }
    // A millisecond more than it takes: the wait is told in rounded seconds.
    let wait = before.nextPollInSeconds.map { Duration.seconds($0) + .milliseconds(1) }
    if wait == nil { try await everyoneWaits() }
    time.advance(by: wait ?? waitForFirstPolls)
    return try await eventually("the end of a poll of \(id)") { () -> RelayStatus.Account? in
      guard let account = try await polled(id), let wait = account.nextPollInSeconds, wait > 0 else { return nil }
      return account.polls ?? 0 > before.polls ?? 0 ? account : nil
    }
  }

  private func polled(_ id: IDInstance) async throws -> RelayStatus.Account? {
    try await relay.status().accounts.first { $0.idInstance == id.rawValue }
  }

  /// Waits until all accounts that are to be asked for the first time wait for that.
  private func everyoneWaits() async throws {
    try await eventually("the accounts that start wait for their first poll") {
      relay.board.all.count { $0.health.state == .starting && $0.nextPoll == nil } == relay.starts.waiting
    }
  }

  /// Of an account that waits for its first poll, as the status doesn't tell: after the start, or a second after its former poller's.
  private var waitForFirstPolls: Duration {
    let wait = running.withLockedValue { $0!.firstPolls } - time.now().steady
    return wait > .zero ? wait : StartQueue.opening + firstPolls(of: configuration.accounts.count)
  }

  /// Lets the next attempt of a delivery that failed come.
  func passUntilRetry(at destination: String = "crm") async throws {
    let rows = try await deliveries(at: destination, become: "a delivery that waits for its retry") { rows in
      rows.contains { $0.state == .retrying && $0.dueAt.map { $0 > time.now().steady } == true }
    }
    guard let due = rows.compactMap(\.dueAt).filter({ $0 > time.now().steady }).min() else { return }
    time.advance(to: due)
  }

  // MARK: What the simulator does

  /// Posts a status that stays as it is until it is advanced.
  @discardableResult
  func post(_ idMessage: String, _ status: MessageStatus = .sent, on id: IDInstance = account) async throws -> String {
    try await simulator.post(
      Post(.text("A status"), idMessage: idMessage, status: status, script: []), on: id)
  }

  func advance(_ idMessage: String, to status: MessageStatus, on id: IDInstance = account) async throws {
    try await simulator.advance(idMessage, on: id, to: status)
  }

  func spoil(_ effects: Fault.Effect..., times: Int? = 1) async throws {
    try await simulator.setFaults(
      effects.map { Fault($0, methods: [.getOutgoingStatuses], times: times) }, on: Self.account)
  }
}
