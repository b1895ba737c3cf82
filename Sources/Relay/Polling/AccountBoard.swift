import GreenAPI
import Logging
import NIOConcurrencyHelpers
import RelayCore

/// How every account fares and what the polls of all of them take, for whoever looks on.
final class AccountBoard: Sendable {
  private let monitors = NIOLockedValueBox<[IDInstance: AccountMonitor]>([:])
  private let measured = NIOLockedValueBox(PollMeasurements())
  private let log: Logger

  init(log: Logger) { self.log = log }

  /// An account that is going to be polled, unless it is here already.
  func enter(_ idInstance: IDInstance, at now: Moment) { _ = monitor(of: idInstance, at: now) }

  /// Of an account that begins to be polled. Of the poller before, if there was one, the counts are left.
  func begin(_ idInstance: IDInstance, at now: Moment) -> AccountMonitor {
    let monitor = monitor(of: idInstance, at: now)
    monitor.update { status in
      let counts = status.counts
      status = AccountStatus(idInstance: idInstance, health: AccountHealth(startingAt: now))
      status.counts = counts
    }
    return monitor
  }

  func remove(_ idInstance: IDInstance) { _ = monitors.withLockedValue { $0.removeValue(forKey: idInstance) } }

  var all: [AccountStatus] {
    monitors.withLockedValue { $0.values.map(\.status) }.sorted { $0.idInstance < $1.idInstance }
  }

  private func monitor(of idInstance: IDInstance, at now: Moment) -> AccountMonitor {
    monitors.withLockedValue { monitors in
      if let known = monitors[idInstance] { return known }
      let new = AccountMonitor(idInstance, at: now, log: log)
      monitors[idInstance] = new
      return new
    }
  }

  /// - Parameter answerBytes: `nil` when there was no successful answer.
  func notePoll(duration: Duration, answerBytes: Int?) {
    measured.withLockedValue { measured in
      measured.duration.note(duration)
      if let answerBytes { measured.answerBytes.note(Double(answerBytes)) }
    }
  }

  var measurements: PollMeasurements { measured.withLockedValue { $0 } }
}

/// How one account fares: its poller writes it where it stands, whoever looks on reads it. What is told of it goes into the log.
final class AccountMonitor: Sendable {
  private let current: NIOLockedValueBox<AccountStatus>
  private let idInstance: IDInstance
  private let sharedLog: Logger

  fileprivate init(_ idInstance: IDInstance, at now: Moment, log: Logger) {
    self.idInstance = idInstance
    sharedLog = log
    current = NIOLockedValueBox(AccountStatus(idInstance: idInstance, health: AccountHealth(startingAt: now)))
  }

  var status: AccountStatus { current.withLockedValue { $0 } }

  func update(_ change: (inout AccountStatus) -> Void) { current.withLockedValue(change) }

  /// For lines about this account. To be asked for when there is one: making it costs more than a line that nobody wants.
  var log: Logger {
    var log = sharedLog
    log[metadataKey: "account"] = "\(idInstance)"
    return log
  }

  /// Notes what has happened to the account, with what else has changed by it, and tells of a new state.
  func report(_ event: AccountHealth.Event, at now: Moment, _ change: (inout AccountStatus) -> Void = { _ in }) {
    let (state, records) = current.withLockedValue { status in
      change(&status)
      return (status.health.handle(event, at: now), status.latestRecords)
    }
    switch state {
    case nil: break
    case .starting: log.info("account starting")
    case .healthy:
      log.log(level: .notice, .accountHealthy, "account healthy", metadata: ["records": "\(records)"])
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

/// What GREEN-API's answers to polls take, over all accounts since the relay started.
public struct PollMeasurements: Hashable, Sendable {
  /// Seconds from the request to the end of the answer, or to the failure.
  public internal(set) var duration = Histogram(bounds: durationBounds)
  /// Of the body of each successful answer, decompressed.
  public internal(set) var answerBytes = Histogram(bounds: byteBounds)

  /// Up to the longest that a poll may take.
  static let durationBounds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180]
  /// Up to `GreenAPIClient.largestAnswer`, in steps of four.
  static let byteBounds = (4...13).map { Double(1 << (2 * $0)) }
}
