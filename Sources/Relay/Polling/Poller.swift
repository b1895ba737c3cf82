import Curl
import GreenAPI
import Logging
import NIOConcurrencyHelpers
import RelayCore
import RelayStore

/// The task of one account, for as long as it lives: records what its polls bring, hands the new deliveries on and reads its settings.
///
/// When, how far back and what a change is are decided by `PollPacer` and `Snapshot`; the polls themselves are made by `QuietPoller`. A
/// poll counts as done when the outbox has recorded it; until then the snapshot stays as it was.
struct Poller: Sendable {
  let account: RelayConfiguration.Account
  let services: Services
  /// No request before then: the account's poller before this one may have asked just now.
  var notBefore: SteadyTime?

  /// What all pollers share.
  struct Services: Sendable {
    var api: GreenAPIClient
    var outbox: any Outbox
    var time: any Timekeeper
    /// Whether the time since the last poll before the start can be told.
    var trustsClock: Bool
    var router: RouterBox
    /// Gets the deliveries that may start.
    var take: @Sendable ([Delivery]) -> Void
    /// Gets what an account's settings say, each time they are read.
    var noteSettings: @Sendable (AccountSettings, IDInstance) -> Void
    var board: AccountBoard
    var polls: QuietPolls
    var gates: PollGates
    /// Where accounts wait for their first poll.
    var starts: StartLine
    /// Where pollers act, but for answers that bring much new.
    var executor: any TaskExecutor
  }

  private var time: any Timekeeper { services.time }

  /// Ends when the task is cancelled.
  func run() async {
    let monitor = services.board.begin(account.idInstance, at: time.now())
    guard let polls = await polls(monitor) else { return }
    defer { polls.retire() }
    await act(on: polls)
  }

  /// - Returns: `nil` when the task is cancelled.
  private func polls(_ monitor: AccountMonitor) async -> QuietPoller? {
    guard let stored = await stored(monitor) else { return nil }
    let identity = AccountIdentity(of: account, remembered: stored.identity)
    monitor.update { status in
      status.identity = identity
      status.trackedMessages = stored.snapshot.count
    }
    let isUnderWay = stored.snapshot.mayHaveMessagesUnderWay(policy: account.poll)
    guard await services.starts.turn(to: account.apiURL, isUnderWay: isUnderWay, notBefore: notBefore) else {
      return nil
    }
    let pacer = PollPacer(
      policy: account.poll, latestPoll: stored.progress.latestPoll, trustsClock: services.trustsClock,
      hasMessagesUnderWay: isUnderWay, startingAt: time.now().steady)
    monitor.update { $0.nextPoll = pacer.nextPoll }
    return services.polls.poller(
      of: PolledAccount(account, snapshot: stored.snapshot, pacer: pacer, identity: identity), monitor,
      services.gates.gate(to: account.apiURL))
  }

  private func stored(_ monitor: AccountMonitor) async -> StoredAccount? {
    while true {
      do {
        return try await services.outbox.account(account.idInstance)
      } catch {
        monitor.report(.pollFailed(.outbox(error.description)), at: time.now())
        do { try await time.sleep(until: time.now().steady + .seconds(10)) } catch { return nil }
      }
    }
  }

  private func act(on polls: QuietPoller) async {
    var step = QuietPoller.Step.rest
    while true {
      let occasion = await polls.occasion(after: step)
      step = .rest
      do throws(GreenAPIClient.Problem) {
        switch occasion {
        case .calledOff: return
        case .identityWanted:
          try await learnIdentity(polls)
          step = .ask
        case .settingsDue: try? await readSettings(polls)
        case .stateWanted(let problem): throw problem
        case .news(let received, let changes): try await takeIn(received, changes, polls)
        }
      } catch {
        let problem = await explained(error, polls)
        if Task.isCancelled { polls.abandon() } else { polls.fail(problem) }
      }
    }
  }

  /// At most one request for each poll, and polls are a second apart.
  private func explained(_ problem: GreenAPIClient.Problem, _ polls: QuietPoller) async -> GreenAPIClient.Problem {
    guard problem.isAmbiguous, !Task.isCancelled else { return problem }
    let type = polls.update { $0.identity?.typeInstance }
    return await services.api.explained(problem, of: account.endpoint(typeInstance: type), now: time.now().unix)
  }

  // MARK: News

  /// - Parameter changes: what the answer changes, if that has been found out.
  private func takeIn(
    _ received: PolledAccount.ReceivedAnswer, _ changes: PollChanges?, _ polls: QuietPoller
  ) async throws(GreenAPIClient.Problem) {
    if let changes { return try await takeOver(changes, from: received, polls) }
    try await withTaskExecutorPreference(globalConcurrentExecutor) { () throws(GreenAPIClient.Problem) in
      let now = time.now()
      try await takeOver(polls.update { $0.changes(from: received, at: now) }, from: received, polls)
    }
  }

  private func takeOver(
    _ changes: PollChanges, from received: PolledAccount.ReceivedAnswer, _ polls: QuietPoller
  ) async throws(GreenAPIClient.Problem) {
    let now = time.now()
    if changes.needsRecording {
      try await record(changes, received.identity, at: now, polls.monitor.log)
      noteLag(changes, answeredAt: received.date ?? now.unix, receivedAt: now.steady, polls.monitor)
    }
    polls.takeOver(received, changes)
  }

  private func record(
    _ changes: PollChanges, _ identity: AccountIdentity, at now: Moment, _ log: Logger
  ) async throws(GreenAPIClient.Problem) {
    let router = services.router.current
    let notifications = changes.announcements.map { announcement in
      let notification = Notification(announcement, of: account.idInstance, identity: identity)
      return PollRecording.Routed(notification: notification, routes: router.routes(for: notification))
    }
    let recording = PollRecording(
      idInstance: account.idInstance, progress: changes.progress, tracked: changes.tracked,
      forgotten: changes.forgotten, notifications: notifications, recordedAt: now)
    do {
      services.take(try await services.outbox.record(recording))
    } catch {
      throw GreenAPIClient.Problem(failure: .outbox(error.description))
    }
    tell(of: notifications, log)
  }

  /// One line for a poll that brought something; what it was is `debug`, as the history has it.
  private func tell(of notifications: [PollRecording.Routed], _ log: Logger) {
    guard !notifications.isEmpty else { return }
    log.info("statuses recorded", metadata: ["count": "\(notifications.count)"])
    guard log.logLevel <= .debug else { return }
    for notification in notifications.lazy.map(\.notification) {
      log.debug(
        "status recorded",
        metadata: [
          "message": "\(notification.idMessage)", "status": "\(notification.status)",
          "notification": "\(notification.webhookID)",
        ])
    }
  }

  /// From the event to its recording, both by GREEN-API's clock.
  private func noteLag(
    _ changes: PollChanges, answeredAt: UnixTime, receivedAt: SteadyTime, _ monitor: AccountMonitor
  ) {
    guard let latest = changes.announcements.map(\.timestamp).max() else { return }
    let lag = max(.zero, answeredAt + (time.now().steady - receivedAt) - UnixTime(seconds: latest))
    monitor.update { $0.lag = lag }
  }

  // MARK: Settings

  /// Without an identity this is what a poll begins with.
  private func learnIdentity(_ polls: QuietPoller) async throws(GreenAPIClient.Problem) {
    try await readSettings(polls)
    if polls.update({ $0.identity }) == nil {
      throw GreenAPIClient.Problem(failure: .identityUnknown("getSettings does not say wid"))
    }
  }

  private func readSettings(_ polls: QuietPoller) async throws(GreenAPIClient.Problem) {
    let now = time.now()
    let known = polls.update { polled in
      polled.beginSettings(at: now.steady)
      return polled.identity
    }
    let settings = try await services.api.settings(
      of: account.endpoint(typeInstance: known?.typeInstance), now: now.unix)
    let stuck = polls.update { polled in
      polled.endSettings(settings, begunAt: now.steady)
      return polled.stuck
    }
    services.noteSettings(settings, account.idInstance)
    let read = AccountIdentity(of: account, settings: settings, remembered: known)
    if let read, read != known {
      do {
        try await services.outbox.remember(read, of: account.idInstance)
      } catch {
        throw GreenAPIClient.Problem(failure: .outbox(error.description))
      }
      polls.update { $0.identity = read }
    }
    let warnings = SettingsWarning.all(
      in: settings, configuredWid: account.wid, configuredTypeInstance: account.typeInstance)
    polls.monitor.report(.settingsRead(warnings), at: time.now()) {
      $0.identity = read ?? known
      $0.stuck = stuck
    }
  }
}

extension AccountStatus.Counts {
  mutating func add(_ changes: PollChanges, faults: [RecordFault: Int]) {
    records += changes.counts
    for announcement in changes.announcements { notifications.note(announcement.status) }
    self.faults.merge(faults, uniquingKeysWith: +)
  }
}

extension AccountIdentity {
  /// What the configuration says wins over what getSettings says, and that over what is remembered.
  /// - Returns: `nil` while the `wid` or the messenger is known from nowhere.
  public init?(of account: RelayConfiguration.Account, settings: AccountSettings? = nil, remembered: AccountIdentity?) {
    // Answers of getSettings without typeInstance come from WhatsApp's instances.
    let asked = settings.map { $0.typeInstance ?? .whatsapp }
    guard let wid = account.wid ?? settings?.wid ?? remembered?.wid,
      let typeInstance = account.typeInstance ?? asked ?? remembered?.typeInstance
        ?? (Endpoint.isV3(apiURL: account.apiURL) ? .v3 : nil)
    else { return nil }
    self.init(wid: wid, typeInstance: typeInstance)
  }
}

/// The routing rules in force, replaced as a whole when the configuration is reloaded.
final class RouterBox: Sendable {
  private let router: NIOLockedValueBox<Router>

  init(_ router: Router) { self.router = NIOLockedValueBox(router) }

  var current: Router { router.withLockedValue { $0 } }

  func replace(with router: Router) { self.router.withLockedValue { $0 = router } }
}
