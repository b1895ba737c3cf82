import Foundation
import GreenAPI
import GreenAPISimulator
import Logging
import Relay
import RelayCore
import RelayStore

/// Simulator, consumer and relay, joined on free ports of 127.0.0.1 for one play.
struct DemoStage {
  let directory: String
  let isEndless: Bool

  private static let idInstance: IDInstance = 1_101_000_001
  private static let token = Secret("demo-token")
  private static let consumerToken = Secret("demo-consumer")

  /// Plays until all is told, or until its task is cancelled; all that it started has ended when it returns.
  func play() async throws -> DemoEnding {
    let mailbox = DemoMailbox()
    let secret = Secret("whsec_" + Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString())
    let signing = try SigningSecret(secret)
    let desk = ConsumerDesk(Consumer.Policy(token: Self.consumerToken, secret: signing)) {
      mailbox.put(.receipt($0))
    }
    let simulator = SimulatorServer()
    try await simulator.simulator.addInstance(Self.idInstance, token: Self.token)
    return try await withThrowingTaskGroup(of: Void.self) { servers in
      defer { servers.cancelAll() }
      let (ports, port) = AsyncStream<Int>.makeStream()
      servers.addTask { try await simulator.run() }
      servers.addTask {
        defer { port.finish() }
        try await ConsumerServer(address: ListenAddress(host: "127.0.0.1", port: 0), desk: desk) { port.yield($0) }
          .run()
      }
      let apiURL = try await simulator.apiURL
      guard let consumerPort = await ports.first(where: { _ in true }) else {
        try await servers.waitForAll()
        throw CancellationError()
      }
      let outbox = try await SQLiteOutbox.open(SQLiteOutbox.Configuration(directory: directory, synchronous: .normal))
      let time = SystemTime()
      let relay = try Relay(
        configuration: configuration(apiURL: apiURL, consumerPort: consumerPort, signing: signing), outbox: outbox,
        time: time, log: Logger(label: "statusrelay.demo") { _ in DemoLogHandler(mailbox: mailbox) })
      var director = DemoDirector(
        simulator: simulator.simulator, idInstance: Self.idInstance, consumer: desk, history: outbox,
        time: { time.now() }, mailbox: mailbox, display: display, script: DemoScript(isEndless: isEndless))
      return try await direct(&director, relay)
    }
  }

  /// Lets the relay run for as long as the play does, and the servers longer than both.
  private func direct(_ director: inout DemoDirector, _ relay: Relay) async throws -> DemoEnding {
    // Its own task: it is to end in its own time after the play, and what it throws ends the play.
    let running = Task { try await relay.run() }
    var cause = DemoEnding.Cause.done
    do {
      try await director.run()
      if Task.isCancelled { cause = .interrupted }
    } catch is StandardOutput.Closed {
      cause = .unread
    } catch {
      running.cancel()
      try? director.end(with: "")
      // The relay's own failure tells more than that its outbox could not be read any more.
      try await running.value
      throw error
    }
    let ending = DemoEnding(cause, isEndless: isEndless, elapsed: director.elapsed, board: director.board)
    running.cancel()
    try? director.end(with: ending.summary)
    try await running.value
    return ending
  }

  private var display: any DemoDisplay {
    let environment = ProcessInfo.processInfo.environment
    guard TerminalDisplay.isPossible(environment: environment) else { return PlainDisplay() }
    return TerminalDisplay(
      hint: isEndless ? "ends with Ctrl-C" : "ends by itself after some 15 s", environment: environment)
  }

  /// Polls as often as GREEN-API allows, and retries fast enough to be watched.
  private func configuration(apiURL: String, consumerPort: Int, signing: SigningSecret) -> RelayConfiguration {
    let account = RelayConfiguration.Account(
      idInstance: Self.idInstance, apiURL: apiURL, apiTokenInstance: Self.token,
      poll: PollPolicy(
        interval: .seconds(1), idleInterval: .seconds(1), window: .seconds(300), retention: .seconds(600),
        startFrom: .beginning))
    let retry = RetryPolicy(
      schedule: [.milliseconds(800), .milliseconds(1200)] + Array(repeating: .seconds(2), count: 50))
    let destination = RelayConfiguration.Destination(
      name: "consumer", url: "http://127.0.0.1:\(consumerPort)/green-api", webhookUrlToken: Self.consumerToken,
      signingSecrets: [signing], timeout: .seconds(5), delivery: DeliveryPolicy(retry: retry))
    return RelayConfiguration(
      stateDirectory: directory, admin: RelayConfiguration.Admin(listen: .none), accounts: [account],
      destinations: [destination])
  }
}
