import Foundation
import GreenAPI
import GreenAPISimulator
import NIOConcurrencyHelpers
import RelayStore
import Testing

/// The simulator and an unreliable consumer in this process, and the relay as a process that is killed and started again.
final class KillStage: Sendable {
  static let idInstance: IDInstance = 1_101_000_001
  private static let token = "d75b3a66374942c5b3c019c698abc2067e151558acbd451234"

  let simulator: Simulator
  let consumer: UnreliableConsumer
  private let directory: String
  private let posting: NIOLockedValueBox<SplitMix64>
  private let lives = NIOLockedValueBox<[Life]>([])

  private struct Life {
    let start: Date
    var end = Date.distantFuture
    var moment = "ended"
  }

  private init(simulator: Simulator, consumer: UnreliableConsumer, directory: String, seed: UInt64) {
    self.simulator = simulator
    self.consumer = consumer
    self.directory = directory
    posting = NIOLockedValueBox(SplitMix64(state: seed))
  }

  /// Sets everything up, and leaves nothing behind.
  static func with(seed: UInt64, _ body: (KillStage) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let server = SimulatorServer(configuration: .init(simulator: .init(seed: seed)))
      try await server.simulator.addInstance(idInstance, token: Secret(token))
      let consumer = UnreliableConsumer(seed: seed &+ 1)
      defer { consumer.stop() }
      let stage = KillStage(simulator: server.simulator, consumer: consumer, directory: directory, seed: seed)
      try await withThrowingTaskGroup(of: Void.self) { group in
        defer { group.cancelAll() }
        group.addTask { try await server.run() }
        try stage.configuration(apiURL: try await server.apiURL).write(to: stage.configurationPath)
        try await body(stage)
      }
    }
  }

  private var configurationPath: String { directory + "/statusrelay.yaml" }

  private func configuration(apiURL: String) -> String {
    """
    stateDirectory: \(directory)/state
    admin: {listen: none}
    accounts:
      - idInstance: \(Self.idInstance)
        apiUrl: \(apiURL)
        apiTokenInstance: \(Self.token)
        startFrom: beginning
        poll: {interval: 1s, idleInterval: 1s}
    destinations:
      - name: consumer
        url: \(consumer.url)
        timeout: 5s
        retry: {schedule: [\((["100ms", "200ms", "500ms"] + Array(repeating: "1s", count: 200)).joined(separator: ", "))]}
    """
  }

  private func start() throws -> StatusrelayProcess {
    lives.withLockedValue { $0.append(Life(start: .now)) }
    return try StatusrelayProcess(["run", "--config", configurationPath])
  }

  // MARK: One life

  /// Starts the relay while statuses are posted, and kills it.
  func life(killedAt moment: KillMoment) async throws {
    let relay = try start()
    defer { relay.kill() }
    let poster = Task { try await self.postAlong() }
    defer { poster.cancel() }
    await reach(moment, of: relay)
    consumer.forgetHook()
    relay.kill()
    let end = try await relay.result()
    lives.withLockedValue { lives in
      lives[lives.count - 1].end = .now
      lives[lives.count - 1].moment = moment.name
    }
    try #require(end.exit == .signal(SIGKILL), "the relay ended by itself: \(end)")
  }

  /// No longer than a few seconds: a relay that waits for its consumer may never come to some moments.
  private func reach(_ moment: KillMoment, of relay: StatusrelayProcess) async {
    let deadline = ContinuousClock.now + .seconds(4)
    switch moment {
    case .anyTime(let milliseconds): try? await Task.sleep(for: .milliseconds(milliseconds))
    case .afterPoll(let microseconds):
      await polls(1, by: deadline)
      try? await Task.sleep(for: .microseconds(microseconds))
    case .afterSeveralPolls(let milliseconds):
      await polls(3, by: deadline)
      try? await Task.sleep(for: .milliseconds(milliseconds))
    case .inFlight: await next(.received, by: deadline) { relay.kill() }
    case .afterAcceptance(let microseconds):
      await next(.accepted, by: deadline) {
        usleep(UInt32(microseconds))
        relay.kill()
      }
    }
  }

  private func next(
    _ instant: UnreliableConsumer.Instant, by deadline: ContinuousClock.Instant, _ act: @escaping @Sendable () -> Void
  ) async {
    let (happened, happen) = AsyncStream<Void>.makeStream()
    consumer.onNext(instant) {
      act()
      happen.finish()
    }
    await withTaskGroup { group in
      group.addTask { for await _ in happened {} }
      group.addTask { try? await Task.sleep(until: deadline) }
      await group.next()
      group.cancelAll()
    }
  }

  /// Waits until so many more polls have been answered.
  private func polls(_ count: Int, by deadline: ContinuousClock.Instant) async {
    let goal = await pollTimes().count + count
    while ContinuousClock.now < deadline, await pollTimes().count < goal {
      try? await Task.sleep(for: .milliseconds(2))
    }
  }

  // MARK: Traffic

  /// Posts statuses, one every now and then, that go on by themselves at their own pace: some so fast that polls miss states.
  private func postAlong() async throws {
    while !Task.isCancelled {
      let (post, pause) = posting.withLockedValue { random in
        (Self.post(using: &random), Int.random(in: 20...400, using: &random))
      }
      try await simulator.post(post, on: Self.idInstance)
      try await Task.sleep(for: .milliseconds(pause))
    }
  }

  private static func post(using random: inout SplitMix64) -> Post {
    let longest = [400, 1500, 4000].randomElement(using: &random) ?? 400
    func step(_ status: MessageStatus) -> Post.Step {
      Post.Step(after: .milliseconds(Int.random(in: 50...longest, using: &random)), status)
    }
    let script =
      Int.random(in: 0..<10, using: &random) == 0
      ? [step(.sent), step(.failed)] : [step(.sent), step(.delivered), step(.read)]
    return Post(.text("A status"), script: script, description: "no such number")
  }

  // MARK: The end

  /// One more life, in which everything comes to its end, and a clean stop.
  func finish() async throws {
    consumer.becomeReliable()
    let relay = try start()
    defer { relay.kill() }
    let deadline = ContinuousClock.now + .seconds(40)
    while try await !isQuiet() {
      try #require(ContinuousClock.now < deadline, "not everything arrived: \(relay.printed(on: .error).suffix(4000))")
      try await Task.sleep(for: .milliseconds(20))
    }
    relay.send(SIGTERM)
    let end = try await relay.result()
    #expect(end.exit == .code(0))
  }

  /// Whether the last state of every message has been accepted.
  private func isQuiet() async throws -> Bool {
    let accepted = Set(consumer.arrivals.filter(\.isAccepted).map { [$0.idMessage, $0.status] })
    return try await simulator.messages(of: Self.idInstance).allSatisfy {
      $0.status.isFinal && accepted.contains([$0.idMessage, $0.status.rawValue])
    }
  }

  /// The outbox holds exactly what arrived, all of it delivered.
  func expectSettledHistory(of verdict: KillVerdict) async throws {
    let outbox = try await SQLiteOutbox.openReadOnly(directory: directory + "/state")
    let deliveries: [DeliveryRow]
    do {
      deliveries = try await outbox.deliveries(HistoryFilter(limit: 100_000))
    } catch {
      await outbox.close()
      throw error
    }
    await outbox.close()
    #expect(deliveries.count == verdict.distinct)
    #expect(deliveries.allSatisfy { $0.state == .delivered })
    #expect(Set(deliveries.map(\.webhookID)).count == deliveries.count)
  }

  // MARK: What was seen

  func pollTimes() async -> [Date] {
    await simulator.requests.first { $0.method == APIMethod.getOutgoingStatuses.rawValue }?.recent ?? []
  }

  /// A request that comes while no process lives, or sooner than one can have started, is a dead one's.
  func pollsByLife(_ times: [Date]) -> [[Date]] {
    lives.withLockedValue { lives in
      lives.map { life in times.filter { $0 > life.start + 0.02 && $0 < life.end } }
    }
  }

  var summary: String {
    lives.withLockedValue { lives in
      let moments = Dictionary(grouping: lives, by: \.moment).mapValues(\.count).sorted { $0.key < $1.key }
      return "\(lives.count) lives: " + moments.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }
  }
}
