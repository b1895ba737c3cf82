import GreenAPI
import RelayCore

/// One destination's deliveries as plainly as an outbox can be said: a row for each, the order of a lane that of the rows. Times are
/// milliseconds.
struct OutboxModel {
  struct Row {
    var event: Int
    var recordedAt: Int64
    var lane: Int64
    var attempts = 0
    /// Only the head of a lane has one: the delivery that is next to be attempted.
    var dueAt: Int64?
    var isSettled = false
  }

  /// A row's number is its delivery's id.
  private(set) var rows: [Row] = []
  /// The unsettled ones, in the order recorded.
  private(set) var waiting: [Int] = []
  private(set) var deadLetters: [Int] = []
  private(set) var ordering: Ordering
  private var headOfLane: [Int64: Int] = [:]

  init(ordering: Ordering) { self.ordering = ordering }

  func delivery(_ number: Int) -> Delivery {
    let row = rows[number]
    return Delivery(
      id: DeliveryID(rawValue: Int64(number)), destination: DestinationID(rawValue: 1), lane: Lane(rawValue: row.lane),
      attempts: row.attempts, recordedAt: SteadyTime(milliseconds: row.recordedAt),
      notification: EventPool.notifications[row.event])
  }

  func isHead(_ number: Int) -> Bool { headOfLane[rows[number].lane] == number }

  /// - Returns: the new row if it is the head of its lane.
  mutating func record(event: Int, at now: Int64) -> Int? {
    let number = rows.count
    rows.append(Row(event: event, recordedAt: now, lane: EventPool.lane(of: event, ordering)))
    waiting.append(number)
    return makeHeadIfNone(number, at: now) ? number : nil
  }

  /// - Returns: the row that is the head of its lane now because this one is settled.
  mutating func write(_ settlement: Settlement, at now: Int64) -> Int? {
    let number = Int(settlement.delivery.rawValue)
    rows[number].attempts = settlement.attempts
    switch settlement.verdict {
    case .retry(let time): if isHead(number) { rows[number].dueAt = time.milliseconds }
    case .held: if isHead(number) { rows[number].dueAt = now }
    case .delivered, .deadLetter:
      let lane = rows[number].lane
      rows[number].isSettled = true
      rows[number].dueAt = nil
      waiting.remove(at: waiting.firstIndex(of: number)!)
      if case .deadLetter = settlement.verdict { deadLetters.append(number) }
      guard headOfLane[lane] == number else { return nil }
      headOfLane[lane] = nil
      guard let next = waiting.first(where: { rows[$0].lane == lane }) else { return nil }
      _ = makeHeadIfNone(next, at: now)
      return next
    }
    return nil
  }

  /// What is due, the longest due first, and when the next one is.
  func page(limit: Int, excluding: Set<DeliveryID>, at now: Int64) -> (deliveries: [Delivery], nextDue: SteadyTime?) {
    var due: [(time: Int64, number: Int)] = []
    var nextDue: Int64?
    for number in waiting {
      guard let time = rows[number].dueAt, !excluding.contains(DeliveryID(rawValue: Int64(number))) else { continue }
      if time <= now { due.append((time, number)) } else { nextDue = min(nextDue ?? time, time) }
    }
    due.sort { $0.time == $1.time ? $0.number < $1.number : $0.time < $1.time }
    if due.count > limit { nextDue = due[limit].time }
    return (due.prefix(limit).map { delivery($0.number) }, nextDue.map(SteadyTime.init(milliseconds:)))
  }

  /// Divides what waits into the lanes of another ordering; the first of each lane is its head.
  mutating func relane(to ordering: Ordering, at now: Int64) {
    self.ordering = ordering
    headOfLane = [:]
    for number in waiting {
      let dueAt = rows[number].dueAt
      rows[number].lane = EventPool.lane(of: rows[number].event, ordering)
      rows[number].dueAt = nil
      if makeHeadIfNone(number, at: dueAt ?? now) { continue }
    }
  }

  /// An operator's retry of a dead letter: it waits again, in its old place.
  mutating func revive(_ index: Int, at now: Int64) {
    let number = deadLetters.remove(at: index)
    rows[number].isSettled = false
    rows[number].attempts = 0
    rows[number].lane = EventPool.lane(of: rows[number].event, ordering)
    waiting.insert(number, at: waiting.firstIndex { $0 > number } ?? waiting.endIndex)
    _ = makeHeadIfNone(number, at: now)
  }

  private mutating func makeHeadIfNone(_ number: Int, at time: Int64) -> Bool {
    guard headOfLane[rows[number].lane] == nil else { return false }
    headOfLane[rows[number].lane] = number
    rows[number].dueAt = time
    return true
  }
}

/// A few messages of two accounts in some chats, each with so many notifications that no history uses them up.
enum EventPool {
  static let messages = 12
  private static let eventsOfOne = 64

  static let notifications: [RelayCore.Notification] = (0..<messages * eventsOfOne).map { event in
    let message = event / eventsOfOne
    return RelayCore.Notification(
      webhookID: "msg_\(event)", idInstance: message < 8 ? 1 : 2, idMessage: "M\(message)", status: .sent, timestamp: 1,
      chatId: "c\(message % 5)", typeMessage: "", sendByApi: true, body: [])
  }

  private static let lanes: [[Int64]] = Ordering.allCases.map { ordering in
    notifications.map { ordering.lane(of: $0).rawValue }
  }

  static func event(_ count: Int, ofMessage message: Int) -> Int { message * eventsOfOne + count % eventsOfOne }

  static func message(of event: Int) -> Int { event / eventsOfOne }

  static func lane(of event: Int, _ ordering: Ordering) -> Int64 {
    switch ordering {
    case .message: lanes[0][event]
    case .chat: lanes[1][event]
    case .account: lanes[2][event]
    case .none: lanes[3][event]
    }
  }
}
