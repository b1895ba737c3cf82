import Foundation
import GreenAPI
import RelayCore
import RelayStore

/// What a relay is doing, as `statusrelay status` shows it and `--json` prints it: what the services know while they run, joined
/// with what the outbox holds. Times are ISO 8601 in UTC; durations are seconds.
public struct RelayStatus: Codable, Sendable, Hashable {
  public var version: String
  public var isRunning: Bool
  public var startedAt: Date?
  /// What keeps the outbox from being written.
  public var trouble: String?
  public var accounts: [Account]
  public var destinations: [Destination]

  public struct Account: Codable, Sendable, Hashable {
    public var idInstance: Int64
    /// `starting`, `healthy`, `degraded`, `needsAttention`; `notPolled` when no relay runs or the account isn't configured.
    public var state: String
    public var since: Date?
    public var reason: String?
    public var description: String?
    public var advice: String?
    public var wid: String?
    public var typeInstance: String?
    public var latestPoll: Date?
    public var nextPollInSeconds: Double?
    /// From when a status changed to when that was recorded, at the changes announced last.
    public var lagSeconds: Double?
    /// Records in the latest answer.
    public var records: Int?
    public var trackedMessages: Int
    /// Messages of the latest answer that don't move; `nil` when no relay runs.
    public var stuck: Int?
    /// Why, when there are some.
    public var stuckReason: String?
    /// Notifications in the history.
    public var events: Int
    public var polls: Int?
    public var succeededPolls: Int?
    public var failedPolls: Int?
    /// Failed polls since the latest that succeeded.
    public var failedPollsInARow: Int?
    public var failures: [String: Int]?
    /// Records that were passed over, by reason.
    public var faults: [String: Int]?
  }

  public struct Destination: Codable, Sendable, Hashable {
    public var name: String
    /// `delivering`, `circuitOpen`, `gone`, `paused`, `noAddress`; `notServed` when it isn't configured, or when no relay runs and it
    /// is neither gone nor paused.
    public var state: String
    /// What keeps it from delivering, where more is to be said than ``state`` says.
    public var description: String?
    /// What to do.
    public var advice: String?
    /// Where deliveries go, without what may be secret in it; `nil` when that isn't known.
    public var address: String?
    /// `closed`, `open` or `probing`; `nil` when no relay runs.
    public var circuit: String?
    public var circuitOpenedAt: Date?
    /// When the next attempt may be made though the circuit is open.
    public var nextProbe: Date?
    public var waiting: Int
    public var oldestWaiting: Date?
    public var inFlight: Int
    /// In the history.
    public var delivered: Int
    public var deadLetters: Int
    public var latestSuccess: Date?
    public var latestFailure: Failure?
    /// Of the latest 1,000 attempts not older than an hour, how many there were, the share that succeeded, and how long half of them
    /// and 99 of 100 took at most.
    public var attemptsLately: Int?
    /// 0...1.
    public var successRate: Double?
    public var p50Seconds: Double?
    public var p99Seconds: Double?
  }

  public struct Failure: Codable, Sendable, Hashable {
    public var at: Date
    public var failure: String
    public var description: String
  }

  /// Whether everything is as it should be. What is no longer configured is in the outbox still, and no trouble unless deliveries
  /// wait for it.
  public var isHealthy: Bool {
    isRunning && trouble == nil && accounts.allSatisfy { ["healthy", "starting", "notPolled"].contains($0.state) }
      && destinations.allSatisfy { $0.state == "delivering" || $0.state == "notServed" && $0.waiting == 0 }
  }
}

extension RelayStatus {
  /// Of a running relay.
  init(
    now: Moment, startedAt: UnixTime, trouble: OutboxError?, accounts: [AccountStatus],
    destinations: [DestinationStatus], storedAccounts: [AccountSummary], storedDestinations: [DestinationSummary]
  ) {
    self.init(storedAccounts: storedAccounts, storedDestinations: storedDestinations, now: now)
    isRunning = true
    self.startedAt = Date(startedAt)
    self.trouble = trouble?.description
    for live in accounts {
      let index = self.accounts.firstIndex { $0.idInstance == live.idInstance.rawValue }
      var account = index.map { self.accounts[$0] } ?? Account(live.idInstance)
      account.adopt(live, now: now)
      if let index { self.accounts[index] = account } else { self.accounts.append(account) }
    }
    for index in self.destinations.indices { self.destinations[index].state = Self.notServed }
    let indices = Dictionary(uniqueKeysWithValues: zip(self.destinations.map(\.name), self.destinations.indices))
    for live in destinations {
      if let index = indices[live.name] { self.destinations[index].adopt(live, now: now) }
    }
  }

  fileprivate static let notServed = "notServed"

  /// Of a relay that does not run.
  public init(storedAccounts: [AccountSummary], storedDestinations: [DestinationSummary], now: Moment) {
    version = Version.number
    isRunning = false
    accounts = storedAccounts.map { Account($0, now: now) }
    destinations = storedDestinations.map(Destination.init)
  }
}

extension RelayStatus.Account {
  fileprivate init(_ idInstance: IDInstance) {
    self.init(idInstance: idInstance.rawValue, state: "notPolled", trackedMessages: 0, events: 0)
  }

  fileprivate init(_ stored: AccountSummary, now: Moment) {
    self.init(stored.idInstance)
    wid = stored.identity?.wid
    typeInstance = stored.identity?.typeInstance.rawValue
    latestPoll = stored.progress.latestPoll.map { Date(now.unix + ($0 - now.steady)) }
    trackedMessages = stored.trackedMessages
    events = stored.events
  }

  fileprivate mutating func adopt(_ live: AccountStatus, now: Moment) {
    state = live.health.state.name
    since = Date(live.health.since.unix)
    reason = live.health.state.trouble?.reason
    description = live.health.state.trouble?.description
    advice = live.health.state.trouble?.advice
    wid = live.identity?.wid ?? wid
    typeInstance = live.identity?.typeInstance.rawValue ?? typeInstance
    latestPoll = live.health.latestSuccess.map { Date($0.unix) } ?? latestPoll
    lagSeconds = live.lag.map { Double($0.milliseconds) / 1000 }
    nextPollInSeconds = live.nextPoll.map { max(0, Double(($0 - now.steady).milliseconds) / 1000) }
    records = live.latestRecords
    trackedMessages = live.trackedMessages
    stuck = live.stuck?.count ?? 0
    stuckReason = live.stuck?.description
    polls = live.counts.polls
    succeededPolls = live.counts.succeededPolls
    failedPolls = live.counts.failedPolls
    failedPollsInARow = live.health.failuresInARow
    failures = live.counts.failures
    faults = Dictionary(uniqueKeysWithValues: live.counts.faults.map { ($0.rawValue, $1) })
  }
}

extension RelayStatus.Destination {
  fileprivate init(_ stored: DestinationSummary) {
    self.init(
      name: stored.name, state: stored.pause?.stateName ?? RelayStatus.notServed, waiting: stored.waiting,
      oldestWaiting: stored.oldestWaiting.map { Date($0) },
      inFlight: 0, delivered: stored.delivered, deadLetters: stored.deadLetters)
  }

  fileprivate mutating func adopt(_ live: DestinationStatus, now: Moment) {
    func date(_ time: SteadyTime) -> Date { Date(now.unix + (time - now.steady)) }
    state = live.stateName
    switch live.address {
    case .success(let known): address = known.shown
    case .failure(let missing):
      description = missing.description
      advice = missing.advice
    }
    switch live.circuit {
    case .closed: circuit = "closed"
    case .open(let until):
      circuit = "open"
      nextProbe = date(until)
    case .probing: circuit = "probing"
    }
    circuitOpenedAt = live.trip.map { date($0.openedAt) }
    attemptsLately = live.lately.attempts
    if live.lately.attempts > 0 { successRate = Double(live.lately.succeeded) / Double(live.lately.attempts) }
    p50Seconds = live.lately.p50.map(\.inSeconds)
    p99Seconds = live.lately.p99.map(\.inSeconds)
    inFlight = live.inFlight
    latestSuccess = live.latestSuccess.map { Date($0.unix) }
    latestFailure = live.latestFailure.map {
      RelayStatus.Failure(at: Date($0.at.unix), failure: $0.failure.rawValue, description: $0.detail)
    }
  }
}

extension Date {
  /// The same point in time.
  public init(_ time: UnixTime) { self.init(timeIntervalSince1970: Double(time.milliseconds) / 1000) }
}
