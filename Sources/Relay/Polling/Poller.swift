import Curl
import GreenAPI
import Logging
import NIOConcurrencyHelpers
import RelayCore
import RelayStore

/// Polls one account for as long as its task lives: asks, diffs, records, hands the new deliveries on.
///
/// When, how far back and what a change is are decided by `PollPacer` and `Snapshot`; this only carries it out. A poll counts as done
/// when the outbox has recorded it; until then the snapshot stays as it was.
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
    var statuses: AccountBoard
    var log: Logger
    var wakeUps: SharedWakeUps
    var gates: PollGates
    /// Where pollers sleep, ask and look at answers that bring little new.
    var executor: any TaskExecutor
  }

  private var time: any Timekeeper { services.time }

  private var log: Logger {
    var log = services.log
    log[metadataKey: "account"] = "\(account.idInstance)"
    return log
  }

  /// Settings are read again this often, for what has been set wrong meanwhile.
  private static let settingsInterval = Duration.seconds(3600)
  /// After a failure; doubled from the first to this until they have been read once, as deliveries may wait for what they say.
  private static let settingsRetryInterval = Duration.seconds(300)
  private static let firstSettingsRetryInterval = Duration.seconds(15)

  /// Ends when the task is cancelled.
  func run() async {
    var status = AccountStatus(idInstance: account.idInstance, health: AccountHealth(startingAt: time.now()))
    status.counts = services.statuses.counts(of: account.idInstance)
    services.statuses.publish(status)
    guard let stored = await storedAccount(&status) else { return }
    var round = Round(
      snapshot: stored.snapshot,
      pacer: PollPacer(
        policy: account.poll, latestPoll: stored.progress.latestPoll, trustsClock: services.trustsClock,
        spread: Double.random(in: 0..<1), startingAt: max(time.now().steady, notBefore ?? time.now().steady)),
      identity: AccountIdentity(of: account, remembered: stored.identity))
    publish(&status, round)
    let gate = services.gates.gate(to: account.apiURL)
    while true {
      // The first poll comes first. Later the settings don't wait for polls that fail and become rare.
      let settingsDue = round.identity == nil ? nil : round.settingsDue
      do {
        try await services.wakeUps.sleep(until: min(round.pacer.nextPoll, settingsDue ?? round.pacer.nextPoll))
      } catch { return }
      if time.now().steady >= round.pacer.nextPoll {
        if !gate.enterAtOnce() {
          status.isWaitingForOthers = true
          services.statuses.publish(status)
          do { try await gate.enter() } catch { return }
          status.isWaitingForOthers = false
          services.statuses.publish(status)
        }
        await poll(&round, &status)
        gate.leave()
        publish(&status, round)
      }
      // Beside the point of polling: what comes of it is a warning at most.
      let isDue = round.settingsDue.map { time.now().steady >= $0 } ?? true
      if isDue, round.identity != nil, !Task.isCancelled {
        try? await readSettings(&round, &status)
        publish(&status, round)
      }
      if Task.isCancelled { return }
    }
  }

  private func publish(_ status: inout AccountStatus, _ round: Round) {
    status.identity = round.identity
    status.trackedMessages = round.snapshot.count
    status.nextPoll = round.pacer.nextPoll
    services.statuses.publish(status)
  }

  /// What lasts from one poll to the next.
  private struct Round {
    var snapshot: Snapshot
    var pacer: PollPacer
    var identity: AccountIdentity?
    /// `nil` until they have been asked for.
    var settingsDue: SteadyTime?
    /// The wait after the next failure.
    var settingsWait = Poller.firstSettingsRetryInterval
    /// Where the latest poll asked, and what that follows from: it is the same for most polls.
    var address: (typeInstance: TypeInstance, minutes: Int, url: RequestURL)?
    /// The answer that ``snapshot`` took over last.
    var taken: TakenAnswer?
    /// Bytes of the latest answer.
    var latestCount = 0
  }

  private func storedAccount(_ status: inout AccountStatus) async -> StoredAccount? {
    while true {
      do {
        return try await services.outbox.account(account.idInstance)
      } catch {
        report(.pollFailed(.outbox(error.description)), &status)
        do { try await time.sleep(until: time.now().steady + .seconds(10)) } catch { return nil }
      }
    }
  }

  // MARK: One poll

  private func poll(_ round: inout Round, _ status: inout AccountStatus) async {
    status.counts.polls += 1
    do throws(GreenAPIClient.Problem) {
      if round.identity == nil { try await readSettings(&round, &status) }
      guard let identity = round.identity else {
        throw GreenAPIClient.Problem(failure: .identityUnknown("getSettings does not say wid"))
      }
      let outcome = try await ask(&round, identity, &status)
      round.pacer.succeeded(hasMessagesUnderWay: outcome.hasMessagesUnderWay, at: time.now().steady)
    } catch {
      guard let failure = error.failure, !Task.isCancelled else { return }
      status.counts.failedPolls += 1
      status.counts.failures[failure.reason, default: 0] += 1
      round.pacer.failed(failure, retryAfter: error.retryAfter, at: time.now().steady)
      report(.pollFailed(failure), &status)
    }
  }

  private func ask(
    _ round: inout Round, _ identity: AccountIdentity, _ status: inout AccountStatus
  ) async throws(GreenAPIClient.Problem) -> PollChanges {
    let start = time.now()
    let minutes = round.pacer.minutes(at: start.steady)
    round.pacer.started(at: start.steady)
    // Whether all records have to be looked at is decided beforehand: what is known is not kept as it arrives.
    let known = round.taken.flatMap { taken in
      round.snapshot.needsRecords(of: taken, by: start.steady + GreenAPIClient.longestPoll, policy: account.poll)
        ? nil : taken
    }
    let response = try await answer(
      from: url(identity, minutes: minutes, &round), knowing: known, latestCount: round.latestCount, at: start)
    round.latestCount = response.reader.byteCount
    let answer: ReadAnswer
    do {
      answer = try response.reader.finish()
    } catch {
      throw GreenAPIClient.Problem(failure: .answer(error))
    }
    let date = response.date
    if answer.unknown.records.count <= Self.fewRecords {
      return try await takeOver(answer, after: known, givenAt: date, identity, &round, &status)
    }
    return try await withTaskExecutorPreference(globalConcurrentExecutor) { () throws(GreenAPIClient.Problem) in
      try await takeOver(answer, after: known, givenAt: date, identity, &round, &status)
    }
  }

  /// As many as don't hold up what else happens on the thread that pollers share: a new notification takes some 20 µs.
  private static let fewRecords = 64

  /// Compares an answer with what is known, and records what is new.
  /// - Parameter date: by GREEN-API's clock.
  private func takeOver(
    _ answer: ReadAnswer, after known: TakenAnswer?, givenAt date: UnixTime?, _ identity: AccountIdentity,
    _ round: inout Round, _ status: inout AccountStatus
  ) async throws(GreenAPIClient.Problem) -> PollChanges {
    let now = time.now()
    let changes = round.snapshot.changes(
      from: answer, after: known, receivedAt: date, at: now, policy: account.poll)
    if changes.needsRecording {
      try await record(changes, identity, at: now)
      noteLag(changes, answeredAt: date ?? now.unix, receivedAt: now.steady, &status)
    }
    // Only now that it is recorded: what is known is never announced.
    round.snapshot.apply(changes)
    round.taken = TakenAnswer(answer, changes)
    let faults = answer.unknown.faults
    status.latestRecords = answer.count
    status.counts.succeededPolls += 1
    status.counts.add(changes, faults: faults)
    if !faults.isEmpty { log.debug("records passed over", metadata: ["faults": "\(faults)"]) }
    report(.pollSucceeded(records: answer.count, faults: faults), &status)
    return changes
  }

  private func url(_ identity: AccountIdentity, minutes: Int, _ round: inout Round) -> RequestURL {
    if let known = round.address, known.minutes == minutes, known.typeInstance == identity.typeInstance {
      return known.url
    }
    let url = GreenAPIClient.recordsURL(
      of: account.endpoint(typeInstance: identity.typeInstance), minutes: minutes)
    round.address = (identity.typeInstance, minutes, url)
    return url
  }

  private func answer(
    from url: RequestURL, knowing taken: TakenAnswer?, latestCount: Int, at start: Moment
  ) async throws(GreenAPIClient.Problem) -> GreenAPIClient.Answer {
    do {
      let answer = try await services.api.records(
        at: url, knowing: taken?.known ?? KnownRecords(), latestCount: latestCount, now: start.unix)
      services.statuses.notePoll(
        duration: time.now().steady - start.steady, answerBytes: answer.reader.byteCount)
      return answer
    } catch {
      // One that was called off says nothing of GREEN-API.
      if error.failure != nil {
        services.statuses.notePoll(duration: time.now().steady - start.steady, answerBytes: nil)
      }
      throw error
    }
  }

  private func record(
    _ changes: PollChanges, _ identity: AccountIdentity, at now: Moment
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
    // Making it costs more than a line that nobody wants.
    let log = log
    for notification in notifications.lazy.map(\.notification) {
      log.info(
        "status recorded",
        metadata: [
          "message": "\(notification.idMessage)", "status": "\(notification.status)",
          "notification": "\(notification.webhookID)",
        ])
    }
  }

  /// From the event to its recording, both by GREEN-API's clock.
  private func noteLag(
    _ changes: PollChanges, answeredAt: UnixTime, receivedAt: SteadyTime, _ status: inout AccountStatus
  ) {
    guard let latest = changes.announcements.map(\.timestamp).max() else { return }
    status.lag = max(.zero, answeredAt + (time.now().steady - receivedAt) - UnixTime(seconds: latest))
  }

  // MARK: Settings

  private func readSettings(_ round: inout Round, _ status: inout AccountStatus) async throws(GreenAPIClient.Problem) {
    let now = time.now()
    round.settingsDue = now.steady + round.settingsWait
    round.settingsWait = min(round.settingsWait * 2, Self.settingsRetryInterval)
    // Without an identity this is what the poll consists of, and it is paced like one.
    if round.identity == nil { round.pacer.started(at: now.steady) }
    let settings = try await services.api.settings(
      of: account.endpoint(typeInstance: round.identity?.typeInstance), now: now.unix)
    round.settingsDue = now.steady + Self.settingsInterval
    round.settingsWait = Self.settingsRetryInterval
    services.noteSettings(settings, account.idInstance)
    let read = AccountIdentity(of: account, settings: settings, remembered: round.identity)
    if let read, read != round.identity {
      do {
        try await services.outbox.remember(read, of: account.idInstance)
      } catch {
        throw GreenAPIClient.Problem(failure: .outbox(error.description))
      }
      round.identity = read
    }
    let warnings = SettingsWarning.all(
      in: settings, configuredWid: account.wid, configuredTypeInstance: account.typeInstance)
    report(.settingsRead(warnings), &status)
  }

  private func report(_ event: AccountHealth.Event, _ status: inout AccountStatus) {
    guard let change = status.health.handle(event, at: time.now()) else { return }
    // Before it is told: whoever reads of it finds it so.
    services.statuses.publish(status)
    switch change {
    case .starting: log.info("account starting")
    case .healthy:
      log.log(
        level: .notice, .accountHealthy, "account healthy", metadata: ["records": "\(status.latestRecords)"])
    case .degraded(let trouble):
      log.log(
        level: .warning, .accountDegraded, "account degraded: \(trouble.inFull)",
        metadata: ["reason": "\(trouble.reason)"])
    case .needsAttention(let trouble):
      log.log(
        level: .error, .accountNeedsAttention, "account needs attention: \(trouble.inFull)",
        metadata: ["reason": "\(trouble.reason)"])
    }
  }
}

extension AccountStatus.Counts {
  fileprivate mutating func add(_ changes: PollChanges, faults: [RecordFault: Int]) {
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
