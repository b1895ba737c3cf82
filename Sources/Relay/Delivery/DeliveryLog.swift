import GreenAPI
import Logging
import RelayCore

/// The log lines about deliveries: one for each end, and one for each failure worth a look, not one for each attempt of a storm.
struct DeliveryLog {
  let log: Logger
  let outlet: Outlet

  func circuitRestored() {
    log.log(
      level: .warning, .circuitOpened,
      "the destination failed before the relay was started; deliveries wait, and it is tried now and then",
      metadata: ["destination": "\(outlet.name)"])
  }

  func circuitChanged(after report: AttemptReport) {
    if outlet.queue.circuit.isClosed {
      log.log(
        level: .notice, .circuitClosed, "the destination takes deliveries again",
        metadata: ["destination": "\(outlet.name)"])
    } else {
      log.log(
        level: .error, .circuitOpened,
        "\(CircuitBreaker.threshold) messages failed in a row, the latest with: \(report.detail). Deliveries wait; the destination is tried now and then",
        metadata: ["destination": "\(outlet.name)"])
    }
  }

  /// - Parameter notification: what was attempted, with its account.
  func note(_ settlement: Settlement, notification: (webhookID: String, account: IDInstance)?, at now: SteadyTime) {
    var metadata: Logger.Metadata = ["destination": "\(outlet.name)", "delivery": "\(settlement.delivery.rawValue)"]
    if let notification {
      metadata["notification"] = "\(notification.webhookID)"
      metadata["account"] = "\(notification.account)"
    }
    if let status = settlement.report?.httpStatus { metadata["httpStatus"] = "\(status)" }
    let detail = settlement.report?.detail ?? ""
    switch settlement.verdict {
    case .delivered:
      log.info("delivered", metadata: metadata)
    case .retry(let time):
      metadata["attempts"] = "\(settlement.attempts)"
      let wait = max(.zero, time - now)
      let text = "attempt failed: \(detail); again in \(wait.formatted)"
      // With the circuit open the destination as a whole is what is wrong; a line for it has been written.
      let isNews = outlet.queue.circuit.isClosed && settlement.attempts == 1
      log.log(level: isNews ? .warning : .debug, "\(text)", metadata: metadata)
    case .held:
      log.log(
        level: .error, .destinationGone,
        "the destination says it is gone (HTTP 410) and is paused; its deliveries wait. Give it another url, or resume it with `statusrelay destinations resume \(outlet.name)`",
        metadata: metadata)
    case .deadLetter(let reason):
      let why = reason == .tooOld ? "too old" : "its retry schedule is used up"
      log.log(
        level: .error, .deadLetter,
        "given up (\(why)): \(detail.isEmpty ? "not attempted again" : detail). Send it again with `statusrelay retry \(settlement.delivery.rawValue)`",
        metadata: metadata)
    }
  }
}
