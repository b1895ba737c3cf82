import Curl
import RelayCore
import RelayStore

/// One destination as the dispatcher holds it: its queue of decisions, the making of its requests, and how it fares.
struct Outlet: Sendable {
  let name: String
  let id: DestinationID
  var queue: DestinationQueue
  var template: WebhookTemplate
  var status: DestinationStatus
  /// No longer configured: nothing new starts.
  private(set) var isRetired = false

  init(_ destination: RelayConfiguration.Destination, stored: StoredDestination) throws(CurlError) {
    name = destination.name
    id = stored.id
    queue = DestinationQueue(policy: destination.delivery, isPaused: stored.pause != nil)
    template = try WebhookTemplate(destination)
    status = DestinationStatus(name: destination.name, id: stored.id, pause: stored.pause)
  }

  /// Takes over a reloaded configuration; what is in flight ends as it began.
  mutating func adopt(_ destination: RelayConfiguration.Destination) throws(CurlError) {
    template = try WebhookTemplate(destination)
    queue.adopt(destination.delivery)
    if isRetired {
      isRetired = false
      if status.pause == nil { queue.resume() }
    }
  }

  mutating func retire() {
    isRetired = true
    queue.pause()
  }

  mutating func note(_ settlement: Settlement, at now: Moment) {
    switch settlement.verdict {
    case .delivered:
      status.delivered += 1
      status.latestSuccess = now
    case .deadLetter: status.deadLetters += 1
    case .retry, .held: break
    }
    guard let report = settlement.report, let failure = report.failure else { return }
    status.failedAttempts += 1
    status.latestFailure = .init(at: now, failure: failure, detail: report.detail)
  }

  var currentStatus: DestinationStatus {
    var status = status
    status.circuit = queue.circuit.state
    status.inFlight = queue.inFlightCount
    return status
  }
}
