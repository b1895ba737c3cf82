import Curl
import GreenAPI
import Logging
import NIOConcurrencyHelpers
import RelayCore
import RelayStore
import ServiceLifecycle

/// The relay: pollers, dispatcher and outbox joined, as one service.
///
/// ``run()`` ends on graceful shutdown: first the pollers, then the attempts under way (15 s at most), then the results are recorded
/// and the outbox is closed.
public final class Relay: Service {
  let outbox: any Outbox
  let client: CurlClient
  let time: any Timekeeper
  /// The same time, which goes on when the client has been shut down.
  private let endTime: any Timekeeper
  private let log: Logger
  let board: AccountBoard
  private let router = RouterBox(Router(rules: []))
  private let pollers: PollerFleet
  let starts: StartLine
  let dispatcher: Dispatcher
  private let onStart: @Sendable () -> Void
  private let lostLogLines: @Sendable () -> [Logger.Level: Int]
  private let startedAt: UnixTime
  private let configuration: NIOLockedValueBox<RelayConfiguration>
  private let trouble = NIOLockedValueBox<OutboxError?>(nil)
  /// The latest configuration on its way in, or there already.
  private let adoption = NIOLockedValueBox<Task<Void, Never>?>(nil)

  /// How often settled history is looked through for what is too old or too much, and the outbox for what is due.
  private static let upkeepInterval = Duration.seconds(60)
  /// A disk that takes longer for one transaction is said to be in trouble.
  private static let longestAnswer = Duration.seconds(10)
  /// How long pollers may go on recording when the relay is to stop, before the attempts under way are called to an end, too.
  private static let pollRecordingTime = Duration.seconds(5)
  /// How long the whole end may take. When the disk has not answered by then, it is waited for no longer.
  static let longestEnd = pollRecordingTime + Dispatcher.graceTime + Dispatcher.recordingTime + .seconds(2)
  /// When most of what the start alone needs has been done: the accounts' first polls and their settings among it.
  private static let startInterval = Duration.seconds(3)

  /// - Parameters:
  ///   - trustsClock: `false` when the wall clock is known to have gone backwards since the outbox was last written.
  ///   - lostLogLines: how many lines `log` has lost so far, for the metrics; see ``LogWriter/lost``.
  ///   - pollsAtOnce: of the accounts with the same `apiUrl`.
  ///   - onStart: called once, when the destinations stand in the outbox and the pollers are scheduled.
  public init(
    configuration: RelayConfiguration, outbox: any Outbox, time: any Timekeeper, trustsClock: Bool = true, log: Logger,
    lostLogLines: @escaping @Sendable () -> [Logger.Level: Int] = { [:] }, pollsAtOnce: Int = 1024,
    onStart: @escaping @Sendable () -> Void = {}
  ) throws(CurlError) {
    self.outbox = outbox
    self.onStart = onStart
    self.lostLogLines = lostLogLines
    self.log = log
    self.configuration = NIOLockedValueBox(configuration)
    client = try CurlClient()
    endTime = time
    let time = time.sleeping(on: client)
    self.time = time
    startedAt = time.now().unix
    let dispatcher = Dispatcher(outbox: outbox, client: client, time: time, log: log)
    self.dispatcher = dispatcher
    let board = AccountBoard(log: log)
    self.board = board
    let api = GreenAPIClient(client)
    let starts = StartLine(time: time, executor: client.taskExecutor)
    self.starts = starts
    pollers = PollerFleet(
      services: Poller.Services(
        api: api, outbox: outbox, time: time, trustsClock: trustsClock, router: router, take: dispatcher.take,
        noteSettings: { dispatcher.note($0, of: $1) }, board: board,
        polls: QuietPolls(api: api, time: time, board: board, executor: client.taskExecutor),
        gates: PollGates(room: pollsAtOnce),
        starts: starts, executor: client.taskExecutor))
  }

  /// - Throws: ``OutboxError`` when the configured destinations can't be entered into the outbox, and when the relay had to end without
  ///   an outbox that did not answer.
  public func run() async throws {
    try await adopt(nil)
    log.log(level: .notice, .started, "polling and delivering")
    onStart()
    let (stops, stop) = AsyncStream<Void>.makeStream()
    let isAbandoned = await withGracefulShutdownHandler {
      await withTaskCancellationHandler {
        await serve(until: stops)
      } onCancel: {
        pollers.stop()
        stop.finish()
      }
    } onGracefulShutdown: { [pollers, log] in
      log.notice("stopping: no new polls, attempts under way may end")
      pollers.stop()
      stop.finish()
    }
    if isAbandoned { throw OutboxError(.failed, "the disk did not answer, so the relay ended without it") }
  }

  /// - Parameter stops: ends when the relay is to stop.
  /// - Returns: whether it ended without the outbox.
  private func serve(until stops: AsyncStream<Void>) async -> Bool {
    let ending = Task { await watchOverEnd(after: stops) }
    await pollAndDeliver()
    await client.shutDown()
    await outbox.close()
    ending.cancel()
    let isAbandoned = await ending.value
    log.log(level: .notice, .stopped, "stopped")
    return isAbandoned
  }

  /// Sees to it that the relay comes to an end though the disk does not answer: what waits for it then is let go.
  /// - Returns: whether it had to be.
  private func watchOverEnd(after stops: AsyncStream<Void>) async -> Bool {
    for await _ in stops {}
    let stoppedAt = endTime.now().steady
    guard (try? await endTime.sleep(until: stoppedAt + Self.pollRecordingTime)) != nil else { return false }
    dispatcher.stop()
    guard (try? await endTime.sleep(until: stoppedAt + Self.longestEnd)) != nil else { return false }
    log.log(
      level: .critical, .outboxFailed,
      "the disk does not answer, and the relay ends without it: what is not recorded is polled and sent again at the next start"
    )
    outbox.abandon()
    return true
  }

  private func pollAndDeliver() async {
    await withTaskGroup { group in
      // Its own task: it ends when it is told to, after the last result is recorded, and not when this task is cancelled.
      let delivering = Task { await dispatcher.run() }
      group.addTask { await self.keepUp() }
      group.addTask { await self.shrink() }
      await pollers.run()
      dispatcher.stop()
      await delivering.value
      group.cancelAll()
    }
  }

  // MARK: Configuration

  /// Takes over a new configuration; accounts and destinations that it leaves as they are go on untouched.
  public func reload(_ new: RelayConfiguration) async throws(OutboxError) {
    try await adopt(new)
    log.notice(
      "configuration taken over",
      metadata: ["accounts": "\(new.accounts.count)", "destinations": "\(new.destinations.count)"])
  }

  /// One after another: of two configurations the later one counts. `nil` is the one that there is.
  private func adopt(_ new: RelayConfiguration?) async throws(OutboxError) {
    let turn = adoption.withLockedValue { latest in
      let turn = Task { [before = latest] () -> OutboxError? in
        await before?.value
        do throws(OutboxError) {
          try await carryOver(new ?? configuration.withLockedValue { $0 })
          if let new { configuration.withLockedValue { $0 = new } }
          return nil
        } catch {
          return error
        }
      }
      latest = Task { _ = await turn.value }
      return turn
    }
    if let error = await turn.value { throw error }
  }

  private func carryOver(_ configuration: RelayConfiguration) async throws(OutboxError) {
    let destinations = configuration.servedDestinations
    let stored = try await outbox.enter(destinations.map(DestinationEntry.init), at: time.now())
    router.replace(with: Router(destinations, stored.mapValues(\.id)))
    for name in stored.values.filter(\.resumedByNewAddress).map(\.name).sorted() {
      log.notice("the destination was gone and has a new address: it goes on", metadata: ["destination": "\(name)"])
    }
    await dispatcher.adopt(destinations, stored: stored, accounts: Set(configuration.accounts.map(\.idInstance)))
    pollers.adopt(configuration.accounts)
    try await warnOfOrphans(configured: Set(stored.keys))
  }

  private func warnOfOrphans(configured: Set<String>) async throws(OutboxError) {
    // Counting what waits for the others would hold up the first attempt.
    for summary in try await outbox.destinationSummaries(excluding: configured) where summary.waiting > 0 {
      log.warning(
        "\(summary.waiting) deliveries wait for a destination that is not configured; they are sent once it is again",
        metadata: ["destination": "\(summary.name)"])
    }
  }

  // MARK: Looking on and acting

  public func status() async throws(OutboxError) -> RelayStatus {
    let live = await dispatcher.statuses
    let trouble = await currentTrouble
    return RelayStatus(
      now: time.now(), startedAt: startedAt, trouble: trouble, accounts: board.all, destinations: live,
      storedAccounts: try await outbox.accountSummaries(), storedDestinations: try await outbox.destinationSummaries())
  }

  /// What keeps the outbox from being written or read.
  private var currentTrouble: OutboxError? {
    get async {
      if let unanswered = outbox.unansweredTime, unanswered > Self.longestAnswer {
        return OutboxError(
          .failed,
          "the disk has not answered for \(unanswered.components.seconds) s; polls and results wait to be recorded")
      }
      return await dispatcher.trouble ?? trouble.withLockedValue { $0 }
    }
  }

  /// Like ``status()``, without what only the outbox knows.
  public func health() async -> RelayHealth {
    let trouble = await currentTrouble
    return RelayHealth(accounts: board.all, destinations: await dispatcher.statuses, trouble: trouble)
  }

  /// What the relay has counted and measured. It never fails: what the outbox can't say is left out.
  public func figures() async -> RelayFigures {
    let live = await dispatcher.statuses
    var trouble = await currentTrouble
    var stored: [DestinationSummary] = []
    do throws(OutboxError) { stored = try await outbox.destinationSummaries() } catch { trouble = trouble ?? error }
    return RelayFigures(
      now: time.now(), trouble: trouble, accounts: board.all, polls: board.measurements, destinations: live,
      stored: Dictionary(uniqueKeysWithValues: stored.map { ($0.id, $0) }), commits: outbox.commits,
      lostLogLines: lostLogLines())
  }

  public func readiness() async -> Readiness {
    do throws(OutboxError) {
      return Readiness(try await status(), accounts: configuration.withLockedValue { $0.accounts.count })
    } catch {
      return Readiness(outboxTrouble: error)
    }
  }

  public var history: any OutboxHistory { outbox }

  /// Makes dead letters due again.
  public func retry(_ selection: DeadLetterSelection) async throws(OutboxError) -> [DeliveryID] {
    let ids = try await outbox.retry(selection, at: time.now())
    if !ids.isEmpty {
      for destination in await dispatcher.statuses { dispatcher.lookAgain(destination.id) }
      log.notice("\(ids.count) dead letters are sent again")
    }
    return ids
  }

  /// Pauses a destination, or resumes it with `nil`; a name such as `crm` also means every `crm@…`.
  /// - Returns: `false` when no destination of this name is configured.
  public func setPause(_ pause: DestinationPause?, ofDestination name: String) async throws(OutboxError) -> Bool {
    let destinations = await dispatcher.served(by: name)
    for destination in destinations {
      try await outbox.setPause(pause, of: destination.id)
      dispatcher.setPause(pause, of: destination.id)
      log.notice(
        pause == nil ? "destination resumed" : "destination paused", metadata: ["destination": "\(destination.name)"])
    }
    return !destinations.isEmpty
  }

  /// Sends notifications of the history to a destination again, those it takes by today's configuration: one page, see
  /// `Outbox.replay`. A name such as `crm` also means every `crm@…`.
  /// - Returns: `nil` when no destination of this name is configured.
  public func replay(
    _ filter: HistoryFilter, destination name: String
  ) async throws(OutboxError) -> ReplayPage? {
    let destinations = await dispatcher.served(by: name)
    guard !destinations.isEmpty else { return nil }
    let now = time.now()
    var pages: [ReplayPage] = []
    for rule in router.current.rules where destinations.contains(where: { $0.id == rule.destination }) {
      pages.append(
        try await outbox.replay(
          filter, at: rule.destination, lane: { rule.takes($0) ? rule.ordering.lane(of: $0) : nil }, now: now))
    }
    for destination in destinations { dispatcher.lookAgain(destination.id) }
    return ReplayPage(
      ofEach: pages, sameNotifications: filter.states.isEmpty && filter.settledSince == nil)
  }

  /// Sends one notification that is marked as a test to each destination that the name means, beside queue, pause and circuit; nothing
  /// is recorded of it.
  /// - Returns: what was sent and answered; empty when no destination of this name is configured.
  public func test(destination name: String) async -> [TestExchange] {
    let destinations = await dispatcher.served(by: name)
    let tests = DestinationTest(
      client: client, time: time, accounts: configuration.withLockedValue { $0.accounts.map(\.idInstance) },
      identities: Dictionary(
        uniqueKeysWithValues: board.all.compactMap { account in account.identity.map { (account.idInstance, $0) } }))
    return await withTaskGroup { group in
      for destination in destinations { group.addTask { await tests.exchange(with: destination) } }
      var exchanges: [TestExchange] = []
      for await exchange in group { exchanges.append(exchange) }
      return exchanges.sorted { $0.destination < $1.destination }
    }
  }

  // MARK: Upkeep

  /// Gives back, once, the memory that only the start needed.
  private func shrink() async {
    guard (try? await time.sleep(until: time.now().steady + Self.startInterval)) != nil else { return }
    ProgramCode.letGo()
  }

  /// Prunes the history, and has the outbox looked through again: what the dispatcher should have been told of but was not (a commit
  /// that succeeded though the disk reported an error, say) is found here.
  private func keepUp() async {
    while (try? await time.sleep(until: time.now().steady + Self.upkeepInterval)) != nil {
      for destination in await dispatcher.statuses { dispatcher.lookAgain(destination.id) }
      let history = configuration.withLockedValue { $0.outbox.history }
      do throws(OutboxError) {
        var pruned = 0
        while !Task.isCancelled {
          let count = try await outbox.prune(
            olderThan: time.now().unix + (.zero - history.maximumAge), keepingAtMost: history.maximumCount)
          if count == 0 { break }
          pruned += count
        }
        if pruned > 0 { log.debug("\(pruned) notifications left the history") }
        trouble.withLockedValue { $0 = nil }
      } catch {
        let isNews = trouble.withLockedValue { trouble in
          defer { trouble = error }
          return trouble == nil
        }
        if isNews { log.error("the history can't be pruned: \(error)") }
      }
    }
  }
}

extension Router {
  fileprivate init(_ destinations: [RelayConfiguration.Destination], _ ids: [String: DestinationID]) {
    self.init(
      rules: destinations.compactMap { destination in
        ids[destination.name].map { id in
          Rule(
            destination: id, accounts: destination.accounts, statuses: destination.statuses,
            filter: destination.filter, ordering: destination.delivery.ordering)
        }
      })
  }
}

extension DestinationEntry {
  fileprivate init(_ destination: RelayConfiguration.Destination) {
    self.init(
      name: destination.name, ordering: destination.delivery.ordering,
      addressDigest: WebhookAddress(destination)?.digest)
  }
}

extension ReplayPage {
  /// Of one filter at several destinations. Without a word about deliveries they have all looked at the same notifications, and each
  /// was passed over by all but those that take it.
  fileprivate init(ofEach pages: [ReplayPage], sameNotifications: Bool) {
    let replayed = pages.reduce(0) { $0 + $1.replayed }
    let passedOver =
      sameNotifications
      ? (pages.map { $0.replayed + $0.passedOver }.max() ?? 0) - replayed : pages.reduce(0) { $0 + $1.passedOver }
    // The earliest end: what another has sent again beyond it waits by now, and is left alone.
    self.init(replayed: replayed, passedOver: max(0, passedOver), last: pages.compactMap(\.last).min())
  }
}
