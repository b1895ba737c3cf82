import Curl
import GreenAPI
import RelayCore
import RelayStore

/// One destination as the dispatcher holds it: its queue of decisions, the making of its requests, and how it fares.
///
/// A class, as the dispatcher looks at it several times for each delivery, and copying this many fields costs as much as the work on them.
final class Outlet {
  let name: String
  let id: DestinationID
  private(set) var destination: RelayConfiguration.Destination
  var queue: DestinationQueue
  /// `nil` while there is nowhere to send to.
  private(set) var template: WebhookTemplate?
  private(set) var address: Result<WebhookAddress, MissingAddress>
  var status: DestinationStatus
  var statistics = AttemptStatistics()
  /// What the log has told of it in this minute.
  var digest = DestinationDigest()
  /// No longer configured: nothing new starts.
  private(set) var isRetired = false

  init(
    _ destination: RelayConfiguration.Destination, stored: StoredDestination,
    address: Result<WebhookAddress, MissingAddress>
  ) {
    name = destination.name
    id = stored.id
    self.destination = destination
    queue = DestinationQueue(
      policy: destination.delivery, isPaused: stored.pause != nil, circuit: stored.circuit,
      latestAttempt: stored.latestAttempt)
    status = DestinationStatus(name: destination.name, id: stored.id, pause: stored.pause)
    self.address = address
    prepare()
  }

  /// Whose settings say the address, with `url: fromAccount`.
  var account: IDInstance? { destination.url == nil ? destination.accounts?.first : nil }

  /// What the outbox is to remember of it.
  var lastingState: LastingState { LastingState(pause: status.pause, trip: queue.circuit.trip) }

  var entry: DestinationEntry {
    DestinationEntry(
      name: name, ordering: destination.delivery.ordering, addressDigest: (try? address.get())?.digest)
  }

  /// Takes over a reloaded configuration; what is in flight ends as it began.
  func adopt(_ destination: RelayConfiguration.Destination, address: Result<WebhookAddress, MissingAddress>) {
    self.destination = destination
    queue.adopt(destination.delivery)
    if isRetired {
      isRetired = false
      if status.pause == nil { queue.resume() }
    }
    adopt(address)
  }

  /// Takes over another address. What was learned of the one before, that it is gone or fails, does not hold for this one.
  func adopt(_ new: Result<WebhookAddress, MissingAddress>) {
    let before = try? address.get().url
    address = new
    prepare()
    guard let before, let url = try? new.get().url, url != before else { return }
    movedToNewAddress()
  }

  func movedToNewAddress() {
    if status.pause == .gone { status.pause = nil }
    if status.pause == nil, !isRetired { queue.resume() }
  }

  private func prepare() {
    template = nil
    do {
      template = try WebhookTemplate(destination, to: try address.get())
    } catch let error as CurlError {
      address = .failure(.unsendable(Redaction.redact(error.message)))
    } catch {
      // The address itself is missing.
    }
    queue.setUnaddressed(template == nil)
  }

  /// What may be known of it beside the dispatcher.
  var served: ServedOutlet {
    ServedOutlet(name: name, id: id, destination: destination, template: template, address: address)
  }

  func retire() {
    isRetired = true
    queue.pause()
  }

  func note(_ settlement: Settlement, at now: Moment) {
    switch settlement.verdict {
    case .delivered:
      status.delivered += 1
      status.latestSuccess = now
    case .deadLetter: status.deadLetters += 1
    case .retry, .held: break
    }
    guard let report = settlement.report else { return }
    statistics.note(duration: report.duration, succeeded: report.failure == nil, at: now.steady)
    status.attemptDuration.note(report.duration)
    guard let failure = report.failure else {
      status.succeededAttempts += 1
      return
    }
    status.failedAttempts[failure, default: 0] += 1
    status.latestFailure = .init(at: now, failure: failure, detail: report.detail)
  }

  var record: OutletRecord {
    var status = status
    status.circuit = queue.circuit.state
    status.trip = queue.circuit.trip
    status.inFlight = queue.inFlightCount
    status.address = address
    return OutletRecord(status: status, statistics: statistics)
  }
}

/// What has been noted of a destination, before it is summed up.
struct OutletRecord: Sendable {
  fileprivate var status: DestinationStatus
  fileprivate var statistics: AttemptStatistics

  func status(at now: SteadyTime) -> DestinationStatus {
    var status = status
    status.lately = statistics.summary(at: now)
    return status
  }
}

/// A destination as others than the dispatcher see it.
struct ServedOutlet: Sendable {
  let name: String
  let id: DestinationID
  let destination: RelayConfiguration.Destination
  /// `nil` while there is nowhere to send to.
  let template: WebhookTemplate?
  let address: Result<WebhookAddress, MissingAddress>
}
