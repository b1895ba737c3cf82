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
    /// Records in the latest answer.
    public var records: Int?
    public var trackedMessages: Int
    /// Notifications in the history.
    public var events: Int
    public var polls: Int?
    public var failedPolls: Int?
    public var failures: [String: Int]?
    /// Records that were passed over, by reason.
    public var faults: [String: Int]?
  }

  public struct Destination: Codable, Sendable, Hashable {
    public var name: String
    /// `delivering`, `circuitOpen`, `gone`, `paused`; `notServed` when no relay runs or it isn't configured.
    public var state: String
    public var waiting: Int
    public var oldestWaiting: Date?
    public var inFlight: Int
    /// In the history.
    public var delivered: Int
    public var deadLetters: Int
    public var latestSuccess: Date?
    public var latestFailure: Failure?
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
    for live in destinations {
      guard let index = self.destinations.firstIndex(where: { $0.name == live.name }) else { continue }
      self.destinations[index].adopt(live)
    }
  }

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
    nextPollInSeconds = live.nextPoll.map { max(0, Double(($0 - now.steady).milliseconds) / 1000) }
    records = live.latestRecords
    trackedMessages = live.trackedMessages
    polls = live.counts.polls
    failedPolls = live.counts.failedPolls
    failures = live.counts.failures
    faults = Dictionary(uniqueKeysWithValues: live.counts.faults.map { ($0.rawValue, $1) })
  }
}

extension RelayStatus.Destination {
  fileprivate init(_ stored: DestinationSummary) {
    self.init(
      name: stored.name, state: "notServed", waiting: stored.waiting,
      oldestWaiting: stored.oldestWaiting.map { Date($0) },
      inFlight: 0, delivered: stored.delivered, deadLetters: stored.deadLetters)
  }

  fileprivate mutating func adopt(_ live: DestinationStatus) {
    state =
      switch (live.pause, live.circuit) {
      case (.gone, _): "gone"
      case (.byOperator, _): "paused"
      case (nil, .closed): "delivering"
      case (nil, _): "circuitOpen"
      }
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
