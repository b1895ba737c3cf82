import GreenAPI
import RelayCore

/// What the outbox should hold, kept plainly.
struct LaneModel {
  enum State { case unsettled, delivered, deadLetter }

  struct Item {
    let id: DeliveryID
    let destination: DestinationID
    /// The place of its notification in ``notifications``, from 0.
    let notification: Int
    var lane: Lane
    var state = State.unsettled
    var attempts = 0
    var dueAt: Int64?
    var isDue: Bool { dueAt != nil }
  }

  /// In the order recorded.
  private(set) var notifications: [RelayCore.Notification] = []
  private(set) var items: [Item] = []
  private(set) var orderings: [DestinationID: Ordering]
  private(set) var delivered: [DestinationID: Int] = [:]

  init(_ orderings: [DestinationID: Ordering]) { self.orderings = orderings }

  // MARK: Looking

  /// By notification: a lane's order.
  private func unsettled(in lane: Lane, at destination: DestinationID) -> [Int] {
    items.indices
      .filter { items[$0].state == .unsettled && items[$0].lane == lane && items[$0].destination == destination }
      .sorted { items[$0].notification < items[$1].notification }
  }

  func due(at destination: DestinationID) -> [Item] {
    items.filter { $0.isDue && $0.destination == destination }
      .sorted { ($0.dueAt ?? 0, $0.notification) < ($1.dueAt ?? 0, $1.notification) }
  }

  func index(of id: DeliveryID) -> Int? { items.firstIndex { $0.id == id } }

  func delivery(_ item: Item) -> Delivery {
    Delivery(
      id: item.id, destination: item.destination, lane: item.lane, attempts: item.attempts,
      recordedAt: SteadyTime(milliseconds: 0), notification: notifications[item.notification])
  }

  /// Lanes where something waits, and of which not exactly one is due.
  var lanesWithoutOneHead: [Lane] {
    items.filter { $0.state == .unsettled }.map { ($0.lane, $0.destination) }
      .filter { lane, destination in unsettled(in: lane, at: destination).count { items[$0].isDue } != 1 }
      .map(\.0)
  }

  private func lane(of notification: Int, at destination: DestinationID) -> Lane {
    (orderings[destination] ?? .message).lane(of: notifications[notification])
  }

  // MARK: What happens

  /// Makes the first unsettled one of a lane due where none is.
  private mutating func promote(_ index: Int, at now: Int64) -> DeliveryID? {
    let lane = unsettled(in: items[index].lane, at: items[index].destination)
    guard let first = lane.first, !lane.contains(where: { items[$0].isDue }) else { return nil }
    items[first].dueAt = now
    return items[first].id
  }

  /// - Returns: the new heads.
  mutating func record(_ recorded: [(RelayCore.Notification, [DestinationID])], at now: Int64) -> [DeliveryID] {
    var heads: [DeliveryID] = []
    for (notification, destinations) in recorded
    where !notifications.contains(where: { $0.webhookID == notification.webhookID }) {
      notifications.append(notification)
      for destination in destinations {
        append(notifications.count - 1, at: destination)
        if let head = promote(items.count - 1, at: now) { heads.append(head) }
      }
    }
    return heads
  }

  /// The outbox numbers deliveries from 1 as they are made.
  private mutating func append(_ notification: Int, at destination: DestinationID) {
    items.append(
      Item(
        id: DeliveryID(rawValue: Int64(items.count) + 1), destination: destination, notification: notification,
        lane: lane(of: notification, at: destination)))
  }

  /// - Returns: the new heads.
  mutating func settle(_ settlements: [Settlement], at now: Int64) -> [DeliveryID] {
    var freed: [Int] = []
    for settlement in settlements {
      guard let index = index(of: settlement.delivery), items[index].state == .unsettled else { continue }
      items[index].attempts = settlement.attempts
      switch settlement.verdict {
      // One that is not its lane's head stays none.
      case .retry(let time): if items[index].isDue { items[index].dueAt = time.milliseconds }
      case .held: if items[index].isDue { items[index].dueAt = now }
      case .delivered, .deadLetter:
        items[index].dueAt = nil
        items[index].state = settlement.verdict == .delivered ? .delivered : .deadLetter
        if settlement.verdict == .delivered { delivered[items[index].destination, default: 0] += 1 }
        freed.append(index)
      }
    }
    return freed.compactMap { promote($0, at: now) }
  }

  mutating func revive(_ indices: [Int], at now: Int64) {
    for index in indices {
      items[index].state = .unsettled
      items[index].attempts = 0
      items[index].lane = lane(of: items[index].notification, at: items[index].destination)
    }
    for index in indices { _ = promote(index, at: now) }
  }

  /// - Parameter range: of notifications, from 0.
  /// - Returns: how many wait again, and how many are left alone.
  mutating func replay(
    _ range: Range<Int>, at destination: DestinationID, takes: (RelayCore.Notification) -> Bool, now: Int64
  ) -> (replayed: Int, passedOver: Int) {
    var revived: [Int] = []
    for notification in range where takes(notifications[notification]) {
      if let index = items.firstIndex(where: { $0.notification == notification && $0.destination == destination }) {
        if items[index].state != .unsettled { revived.append(index) }
      } else {
        append(notification, at: destination)
        revived.append(items.count - 1)
      }
    }
    revive(revived, at: now)
    return (revived.count, range.count - revived.count)
  }

  mutating func order(_ destination: DestinationID, by ordering: Ordering, at now: Int64) {
    guard orderings[destination] != ordering else { return }
    orderings[destination] = ordering
    let unsettled = items.indices.filter { items[$0].state == .unsettled && items[$0].destination == destination }
      .sorted { items[$0].notification < items[$1].notification }
    let heads = unsettled.compactMap { index in items[index].dueAt.map { (index, $0) } }
    for index in unsettled {
      items[index].dueAt = nil
      items[index].lane = lane(of: items[index].notification, at: destination)
    }
    // What was due keeps its time, but for those that now share a lane with an earlier one of them.
    for (index, dueAt) in heads where promote(index, at: now) != nil {
      for other in self.unsettled(in: items[index].lane, at: destination) { items[other].dueAt = nil }
      items[index].dueAt = dueAt
    }
    for index in unsettled { _ = promote(index, at: now) }
  }
}
