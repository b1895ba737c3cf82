import GreenAPI
import Logging
import RelayCore

/// The log lines about deliveries: one for each end, and one for each failure worth a look, not one for each attempt of a storm.
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

  /// - Parameter notification: what was attempted.
  func note(_ settlement: Settlement, notification: RelayCore.Notification?, at now: SteadyTime) {
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
      log.info("delivered", metadata: metadata())
    case .retry(let time):
      // With the circuit open the destination as a whole is what is wrong; a line for it has been written.
      let isNews = isCircuitClosed && settlement.attempts == 1
      log.log(
        level: isNews ? .warning : .debug,
        "attempt failed: \(detail); again in \(max(.zero, time - now).formatted)", metadata: metadata())
    case .held:
      log.log(
        level: .error, .destinationGone,
        "the destination says it is gone (HTTP 410) and is paused; its deliveries wait. Give it another url, or resume it with `statusrelay destinations resume \(destination)`",
        metadata: metadata())
    case .deadLetter(let reason):
      let why = reason == .tooOld ? "too old" : "its retry schedule is used up"
      log.log(
        level: .error, .deadLetter,
        "given up (\(why)): \(detail.isEmpty ? "not attempted again" : detail). Send it again with `statusrelay retry \(settlement.delivery.rawValue)`",
        metadata: metadata())
    }
  }
}
