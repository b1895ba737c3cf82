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
  private let outbox: any Outbox
  private let client: CurlClient
  private let time: any Timekeeper
  private let log: Logger
  private let statuses = AccountBoard()
  private let router = RouterBox(Router(rules: []))
  private let pollers: PollerFleet
  private let dispatcher: Dispatcher
  private let startedAt: UnixTime
  private let configuration: NIOLockedValueBox<RelayConfiguration>
  private let trouble = NIOLockedValueBox<OutboxError?>(nil)

  /// How often settled history is looked through for what is too old or too much, and the outbox for what is due.
  private static let upkeepInterval = Duration.seconds(60)

  /// - Parameter trustsClock: `false` when the wall clock is known to have gone backwards since the outbox was last written.
  public init(
    configuration: RelayConfiguration, outbox: any Outbox, time: any Timekeeper, trustsClock: Bool = true, log: Logger
  ) throws(CurlError) {
    self.outbox = outbox
    self.time = time
    self.log = log
    self.configuration = NIOLockedValueBox(configuration)
    client = try CurlClient()
    startedAt = time.now().unix
    let dispatcher = Dispatcher(outbox: outbox, client: client, time: time, log: log)
    self.dispatcher = dispatcher
    pollers = PollerFleet(
      services: Poller.Services(
        api: GreenAPIClient(client), outbox: outbox, time: time, trustsClock: trustsClock, router: router,
        take: dispatcher.take, statuses: statuses, log: log))
  }

  /// - Throws: ``OutboxError`` when the configured destinations can't be entered into the outbox.
  public func run() async throws {
    try await adopt(configuration.withLockedValue { $0 })
    await withGracefulShutdownHandler {
      await withTaskCancellationHandler {
        await serve()
      } onCancel: {
        pollers.stop()
      }
    } onGracefulShutdown: { [pollers, log] in
      log.notice("stopping: no new polls, attempts under way may end")
      pollers.stop()
    }
  }

  private func serve() async {
    await withTaskGroup { group in
      // Its own task: it ends when it is told to, after the last result is recorded, and not when this task is cancelled.
      let delivering = Task { await dispatcher.run() }
      group.addTask { await self.keepUp() }
      await pollers.run()
      dispatcher.stop()
      await delivering.value
      group.cancelAll()
    }
    await client.shutDown()
    await outbox.close()
    log.notice("stopped")
  }

  // MARK: Configuration

  /// Takes over a new configuration; accounts and destinations that it leaves as they are go on untouched.
  public func reload(_ new: RelayConfiguration) async throws(OutboxError) {
    try await adopt(new)
    configuration.withLockedValue { $0 = new }
    log.notice(
      "configuration taken over",
      metadata: ["accounts": "\(new.accounts.count)", "destinations": "\(new.destinations.count)"])
  }

  private func adopt(_ configuration: RelayConfiguration) async throws(OutboxError) {
    let stored = try await outbox.enter(
      configuration.destinations.map { .init(name: $0.name, ordering: $0.delivery.ordering) }, at: time.now())
    router.replace(
      with: Router(
        rules: configuration.destinations.compactMap { destination in
          stored[destination.name].map { stored in
            Router.Rule(
              destination: stored.id, accounts: destination.accounts, statuses: destination.statuses,
              ordering: destination.delivery.ordering)
          }
        }))
    dispatcher.adopt(configuration.destinations, stored: stored)
    pollers.adopt(configuration.accounts)
    try await warnOfOrphans(configured: Set(stored.keys))
  }

  private func warnOfOrphans(configured: Set<String>) async throws(OutboxError) {
    for summary in try await outbox.destinationSummaries()
    where !configured.contains(summary.name) && summary.waiting > 0 {
      log.warning(
        "\(summary.waiting) deliveries wait for a destination that is not configured; they are sent once it is again",
        metadata: ["destination": "\(summary.name)"])
    }
  }

  // MARK: Looking on and acting

  public func status() async throws(OutboxError) -> RelayStatus {
    let live = await dispatcher.statuses
    let trouble = await dispatcher.trouble ?? trouble.withLockedValue { $0 }
    return RelayStatus(
      now: time.now(), startedAt: startedAt, trouble: trouble, accounts: statuses.all, destinations: live,
      storedAccounts: try await outbox.accountSummaries(), storedDestinations: try await outbox.destinationSummaries())
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

  /// Pauses a destination, or resumes it with `nil`.
  /// - Returns: `false` when no destination of this name is configured.
  public func setPause(_ pause: DestinationPause?, ofDestination name: String) async throws(OutboxError) -> Bool {
    guard let id = await dispatcher.statuses.first(where: { $0.name == name })?.id else { return false }
    try await outbox.setPause(pause, of: id)
    dispatcher.setPause(pause, of: id)
    log.notice(pause == nil ? "destination resumed" : "destination paused", metadata: ["destination": "\(name)"])
    return true
  }

  // MARK: Upkeep

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
