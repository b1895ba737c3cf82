import GreenAPI

/// What has happened in the demo so far: a row for each status post, counts, and the latest events.
struct DemoBoard: Sendable {
  /// How far a state of a post has come on its way to the consumer; it never goes back.
  struct Cell: Sendable, Hashable {
    var isPolled = false
    var isRecorded = false
    var attempts = 0
    var isReceived = false
  }

  struct Row: Sendable {
    let number: Int
    let idMessage: String
    let act: DemoScript.Act
    var cells: [MessageStatus: Cell] = [:]
    /// In the order first shown to a poll.
    var polled: [MessageStatus] = []
    /// In the order first accepted by the consumer.
    var received: [MessageStatus] = []
  }

  struct Counts: Sendable, Hashable {
    var posts = 0
    /// `pending`, in which a post begins, is no change.
    var changes = 0
    var polled = 0
    var recorded = 0
    var attempts = 0
    var retries = 0
    var received = 0
    var repeats = 0
  }

  /// Oldest first.
  private(set) var rows: [Row] = []
  private(set) var counts = Counts()
  /// Oldest first.
  private(set) var latest: [DemoEvent] = []
  private(set) var isConsumerDown = false
  /// Faults of what came to the consumer that no row tells.
  private(set) var faults: [String] = []
  /// Requests to GREEN-API.
  var polls = 0

  private static let mostLatest = 40
  private static let mostFaults = 20

  subscript(number: Int) -> Row? { rows.first { $0.number == number } }

  mutating func note(_ event: DemoEvent) {
    latest.append(event)
    if latest.count > Self.mostLatest { latest.removeFirst() }
    switch event.kind {
    case .posted(let idMessage, let act):
      counts.posts += 1
      if let number = event.post { rows.append(Row(number: number, idMessage: idMessage, act: act)) }
    case .changed: counts.changes += 1
    case .polled(let status):
      if status != .pending { counts.polled += 1 }
      change(event.post) { row in
        row.cells[status, default: Cell()].isPolled = true
        row.polled.append(status)
      }
    case .recorded(let status, _):
      counts.recorded += 1
      change(event.post) { $0.cells[status, default: Cell()].isRecorded = true }
    case .attempted(let status, let attempt):
      counts.attempts += 1
      if attempt.number > 1 { counts.retries += 1 }
      change(event.post) { $0.cells[status, default: Cell()].attempts = attempt.number }
    case .received(let status, let arrival): received(status, arrival, event.post)
    case .unacceptable(let what): fault(what)
    case .givenUp(let status): fault("\(status) was given up")
    case .consumer(let isDown): isConsumerDown = isDown
    case .relay: break
    }
  }

  private mutating func received(_ status: MessageStatus, _ arrival: Arrival, _ number: Int?) {
    switch arrival {
    case .repeated:
      counts.repeats += 1
      return
    case .repeatedUnderAnotherID, .idReused: fault("\(status) of post \(number ?? 0): \(arrival.text)")
    // What order it came in is told by the row.
    case .first, .outOfOrder: break
    }
    counts.received += 1
    change(number) { row in
      row.cells[status, default: Cell()].isReceived = true
      row.received.append(status)
    }
  }

  /// Forgets the oldest posts that are through, once there are more; a fault of one is kept.
  mutating func forget(above most: Int) {
    while rows.count > most, let oldest = rows.first, oldest.verdict.isThrough {
      for fault in oldest.verdict.wrong { self.fault(fault) }
      rows.removeFirst()
    }
  }

  private mutating func fault(_ text: String) {
    if faults.count < Self.mostFaults { faults.append(text) }
  }

  private mutating func change(_ number: Int?, _ change: (inout Row) -> Void) {
    guard let index = rows.firstIndex(where: { $0.number == number }) else { return }
    change(&rows[index])
  }
}
