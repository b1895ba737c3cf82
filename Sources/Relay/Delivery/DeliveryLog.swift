import GreenAPI
import Logging
import RelayCore

/// The log lines about deliveries: failures one by one as far as the destination's digest goes, and its work as a line a minute. What
/// succeeds is `debug`: the history has it.
struct DeliveryLog {
  let log: Logger
  /// The destination's name.
  let destination: String
  let isCircuitClosed: Bool

  init(_ log: Logger, of outlet: Outlet) {
    self.log = log
    destination = outlet.name
    isCircuitClosed = outlet.queue.circuit.isClosed
  }

  func circuitRestored() {
    log.log(
      level: .warning, .circuitOpened,
      "the destination failed before the relay was started; deliveries wait, and it is tried now and then",
      metadata: ["destination": "\(destination)"])
  }

  func circuitChanged(after report: AttemptReport) {
    if isCircuitClosed {
      log.log(
        level: .notice, .circuitClosed, "the destination takes deliveries again",
        metadata: ["destination": "\(destination)"])
    } else {
      log.log(
        level: .error, .circuitOpened,
        "\(CircuitBreaker.threshold) messages failed in a row, the latest with: \(report.detail). Deliveries wait; the destination is tried now and then",
        metadata: ["destination": "\(destination)"])
    }
  }

  /// - Parameters:
  ///   - notification: what was attempted.
  ///   - isWorthALine: as the destination's digest says; what is not is `debug`, and told as a count.
  func note(
    _ settlement: Settlement, notification: RelayCore.Notification?, isWorthALine: Bool, at now: SteadyTime
  ) {
    // Made only for a line that is written: most are not.
    func metadata() -> Logger.Metadata {
      var metadata: Logger.Metadata = ["destination": "\(destination)", "delivery": "\(settlement.delivery.rawValue)"]
      if let notification {
        metadata["notification"] = "\(notification.webhookID)"
        metadata["account"] = "\(notification.idInstance)"
      }
      if let status = settlement.report?.httpStatus { metadata["httpStatus"] = "\(status)" }
      if case .retry = settlement.verdict { metadata["attempts"] = "\(settlement.attempts)" }
      return metadata
    }
    var detail: String { settlement.report?.detail ?? "" }
    switch settlement.verdict {
    case .delivered:
      log.debug("delivered", metadata: metadata())
    case .retry(let time):
      log.log(
        level: isWorthALine ? .warning : .debug,
        "attempt failed: \(detail); again in \(max(.zero, time - now).formatted)", metadata: metadata())
    case .held:
      log.log(
        level: isWorthALine ? .error : .debug, .destinationGone,
        "the destination says it is gone (HTTP 410) and is paused; its deliveries wait. Give it another url, or resume it with `statusrelay destinations resume \(destination)`",
        metadata: metadata())
    case .deadLetter(let reason):
      log.log(
        level: isWorthALine ? .error : .debug, .deadLetter,
        "given up (\(reason.inWords)): \(detail.isEmpty ? "not attempted again" : detail). Send it again with `statusrelay retry \(settlement.delivery.rawValue)`",
        metadata: metadata())
    }
  }

  /// One line for a minute's work, and one for each kind of failure that had more than its lines.
  func periodEnded(_ summary: DestinationDigest.Summary) {
    let failed = summary.failures.values.reduce(0, +)
    var parts = ["\(summary.delivered) delivered"]
    if failed > 0 {
      let reasons = summary.failures.sorted { $0.key.rawValue < $1.key.rawValue }
      parts.append(
        "\(failed) attempts failed (\(reasons.map { "\($0.value) \($0.key.rawValue)" }.joined(separator: ", ")))")
    }
    if summary.deadLetters > 0 { parts.append("\(summary.deadLetters) given up") }
    log.info("in the last minute: \(parts.joined(separator: ", "))", metadata: ["destination": "\(destination)"])
    for (kind, count) in summary.unwritten.sorted(by: { "\($0.key)" < "\($1.key)" }) {
      log.log(level: kind.level, "\(kind.told(count, at: destination))", metadata: ["destination": "\(destination)"])
    }
  }
}

extension DeadLetterReason {
  fileprivate var inWords: String {
    switch self {
    case .tooOld: "too old"
    case .scheduleUsedUp: "its retry schedule is used up"
    }
  }
}

extension DestinationDigest.Kind {
  fileprivate var level: Logger.Level {
    if case .attempt = self { .warning } else { .error }
  }

  /// That there were so many more, and where to see them.
  fileprivate func told(_ count: Int, at destination: String) -> String {
    switch self {
    case .attempt(let failure):
      "\(count) more attempts failed (\(failure.rawValue)) in the last minute: see `statusrelay deliveries --destination \(destination)`"
    case .deadLetter(let reason):
      "\(count) more were given up (\(reason.inWords)) in the last minute: see `statusrelay dead-letters --destination \(destination)`"
    case .reading: "what is due could not be read \(count) more times in the last minute"
    }
  }
}
