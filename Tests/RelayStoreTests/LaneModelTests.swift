import GreenAPI
import RelayCore
import RelayStore
import Testing

/// What the outbox should hold, kept plainly.
private struct LaneModel {
  enum State { case unsettled, delivered, deadLetter }

  struct Item {
    let delivery: Delivery
    var state = State.unsettled
    var attempts = 0
    var dueAt: Int64?
    var isDue: Bool { dueAt != nil }
  }

  /// By id, so in the order recorded.
  var items: [Item] = []
  var changes: Set<String> = []

  func unsettled(in lane: Lane, at destination: DestinationID) -> [Int] {
    items.indices.filter {
      items[$0].state == .unsettled && items[$0].delivery.lane == lane && items[$0].delivery.destination == destination
    }
  }

  /// Makes the first unsettled one of a lane due where none is.
  mutating func promote(_ index: Int, at now: Int64) -> DeliveryID? {
    let lane = unsettled(in: items[index].delivery.lane, at: items[index].delivery.destination)
    guard let first = lane.first, !lane.contains(where: { items[$0].isDue }) else { return nil }
    items[first].dueAt = now
    return items[first].delivery.id
  }

  func due(at destination: DestinationID) -> [(id: DeliveryID, dueAt: Int64)] {
    items.filter { $0.isDue && $0.delivery.destination == destination }
      .map { (id: $0.delivery.id, dueAt: $0.dueAt ?? 0) }
      .sorted { ($0.dueAt, $0.id) < ($1.dueAt, $1.id) }
  }
}

@Suite("Lanes against a plain model")
struct LaneModelTests {
  @Test(
    "In random histories each lane has one head, due shows exactly the heads, and nothing is lost",
    arguments: (0..<12).map { _ in UInt64.random(in: 0 ... .max) })
  func randomHistory(seed: UInt64) async throws {
    try await withTemporaryDirectory { directory in
      var random = SeededGenerator(seed: seed)
      let configuration = SQLiteOutbox.Configuration(directory: directory, synchronous: .normal)
      var outbox = try await SQLiteOutbox.open(configuration)
      let destinations = [try await outbox.destination("crm"), try await outbox.destination("log")]
      var model = LaneModel()
      var now: Int64 = 0

      for step in 0..<120 {
        now += Int64.random(in: 1...20, using: &random)
        let place = "seed \(seed), step \(step)"
        switch Int.random(in: 0..<10, using: &random) {
        case 0...3:
          let heads = try await record(into: &model, outbox, destinations, now, &random)
          #expect(heads.actual == heads.expected, "\(place): record")
        case 4...7:
          let freed = try await settle(in: &model, outbox, now, &random)
          #expect(freed.actual == freed.expected, "\(place): settle")
        case 8:
          let revived = try await retry(in: &model, outbox, destinations, now, &random)
          #expect(revived.actual == revived.expected, "\(place): retry")
        default:
          await outbox.close()
          outbox = try await SQLiteOutbox.open(configuration)
        }
        for destination in destinations {
          let due = model.due(at: destination)
          let lanes = Set(
            model.items.filter { $0.isDue && $0.delivery.destination == destination }.map(\.delivery.lane))
          #expect(lanes.count == due.count, "\(place): the model has two heads in a lane")
          let time = Int64.random(in: 0...(now + 60), using: &random)
          let limit = Int.random(in: 1...8, using: &random)
          let excluding = Set(due.map(\.id).filter { _ in Bool.random(using: &random) })
          let page = try await outbox.due(
            at: destination, by: SteadyTime(milliseconds: time), limit: limit, excluding: excluding)
          let wanted = due.filter { !excluding.contains($0.id) }
          let expected = wanted.filter { $0.dueAt <= time }.prefix(limit)
          #expect(page.deliveries.map(\.id) == expected.map(\.id), "\(place): due")
          #expect(page.nextDue?.milliseconds == wanted.dropFirst(expected.count).first?.dueAt, "\(place): next due")
          for delivery in page.deliveries {
            let item = try #require(model.items.first { $0.delivery.id == delivery.id })
            #expect(
              delivery.attempts == item.attempts && delivery.notification == item.delivery.notification, "\(place)")
          }
        }
      }
      try await drain(&model, outbox, destinations, now, seed)
      await outbox.close()
    }
  }

  /// Delivers all that is left: everything must come out, each lane in the order recorded.
  private func drain(
    _ model: inout LaneModel, _ outbox: SQLiteOutbox, _ destinations: [DestinationID], _ now: Int64, _ seed: UInt64
  ) async throws {
    _ = try await outbox.retry(.matching(HistoryFilter(limit: .max)), at: moment(now))
    var arrived: [Delivery] = []
    for destination in destinations {
      while true {
        let page = try await outbox.due(at: destination, by: SteadyTime(milliseconds: .max), limit: 5, excluding: [])
        guard !page.deliveries.isEmpty else { break }
        arrived += page.deliveries
        _ = try await outbox.settle(page.deliveries.map { settlement($0, .delivered) }, at: moment(now))
      }
    }
    let left = model.items.filter { $0.state != .delivered }.map(\.delivery.id)
    #expect(arrived.map(\.id).sorted() == left, "seed \(seed): lost or repeated")
    // The head that was in the air when an earlier one came back to life may precede it; the rest is in order.
    for (lane, deliveries) in Dictionary(grouping: arrived, by: { "\($0.destination.rawValue) \($0.lane.rawValue)" }) {
      let followers = deliveries.dropFirst().map(\.id)
      #expect(followers == followers.sorted(), "seed \(seed): lane \(lane) out of order")
    }
    let states = try await outbox.deliveries(.init(limit: .max)).map(\.state)
    #expect(states.count == model.items.count && states.allSatisfy { $0 == .delivered }, "seed \(seed)")
  }

  private typealias Outcome = (actual: [DeliveryID], expected: [DeliveryID])

  private func record(
    into model: inout LaneModel, _ outbox: SQLiteOutbox, _ destinations: [DestinationID], _ now: Int64,
    _ random: inout SeededGenerator
  ) async throws -> Outcome {
    let statuses = MessageStatus.documented
    var notifications: [PollRecording.Routed] = []
    for _ in 0..<Int.random(in: 0...6, using: &random) {
      let status = statuses[Int.random(in: 0..<statuses.count, using: &random)]
      let change = notification("M\(Int.random(in: 0..<12, using: &random))", status)
      let lane = Int64.random(in: 0..<5, using: &random)
      let chosen = destinations.filter { _ in Int.random(in: 0..<3, using: &random) > 0 }
      notifications.append(
        .init(notification: change, routes: chosen.map { .init(destination: $0, lane: Lane(rawValue: lane)) }))
    }
    let heads = try await outbox.record(poll(notifications, at: now))

    var expected: [DeliveryID] = []
    // Ids are given in the order recorded, one for each new route.
    var id = model.items.last?.delivery.id.rawValue ?? 0
    for routed in notifications {
      guard model.changes.insert("\(routed.notification.idMessage) \(routed.notification.status)").inserted else {
        continue
      }
      for route in routed.routes {
        id += 1
        model.items.append(
          .init(
            delivery: Delivery(
              id: DeliveryID(rawValue: id), destination: route.destination, lane: route.lane, attempts: 0,
              recordedAt: moment(now).steady, notification: routed.notification)))
        if let head = model.promote(model.items.count - 1, at: now) { expected.append(head) }
      }
    }
    return (heads.map(\.id), expected)
  }

  private func settle(
    in model: inout LaneModel, _ outbox: SQLiteOutbox, _ now: Int64, _ random: inout SeededGenerator
  ) async throws -> Outcome {
    var settlements: [Settlement] = []
    var freed: [Int] = []
    for index in model.items.indices.shuffled(using: &random) {
      let item = model.items[index]
      // Now and then one that is settled already.
      let isStale = item.state != .unsettled && Int.random(in: 0..<20, using: &random) == 0
      guard isStale || (item.isDue && Bool.random(using: &random)) else { continue }
      let later = now + Int64.random(in: 0...40, using: &random)
      let verdicts: [Settlement.Verdict] = [
        .delivered, .delivered, .retry(at: SteadyTime(milliseconds: later)), .deadLetter(.tooOld), .held,
      ]
      let verdict = verdicts[Int.random(in: 0..<verdicts.count, using: &random)]
      var delivery = item.delivery
      delivery.attempts = item.attempts
      settlements.append(settlement(delivery, verdict))
      guard !isStale else { continue }
      switch verdict {
      case .retry: model.items[index].dueAt = later
      case .held: model.items[index].dueAt = now
      case .delivered, .deadLetter:
        model.items[index].dueAt = nil
        model.items[index].state = verdict == .delivered ? .delivered : .deadLetter
        freed.append(index)
      }
      if verdict != .held { model.items[index].attempts += 1 }
    }
    let actual = try await outbox.settle(settlements, at: moment(now))
    return (actual.map(\.id), freed.compactMap { model.promote($0, at: now) })
  }

  private func retry(
    in model: inout LaneModel, _ outbox: SQLiteOutbox, _ destinations: [DestinationID], _ now: Int64,
    _ random: inout SeededGenerator
  ) async throws -> Outcome {
    let destination = destinations[Int.random(in: 0..<destinations.count, using: &random)]
    var filter = HistoryFilter(limit: .max)
    filter.destinations = [destination == destinations[0] ? "crm" : "log"]
    let selection: DeadLetterSelection
    let chosen: [Int]
    let dead = model.items.indices.filter { model.items[$0].state == .deadLetter }
    switch Int.random(in: 0..<3, using: &random) {
    case 0: (selection, chosen) = (.matching(HistoryFilter(limit: .max)), dead)
    case 1:
      (selection, chosen) = (
        .matching(filter), dead.filter { model.items[$0].delivery.destination == destination }
      )
    default:
      // Some that are no dead letters among them.
      let some = model.items.indices.filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
      selection = .ids(some.map { model.items[$0].delivery.id }.shuffled(using: &random))
      chosen = some.filter { dead.contains($0) }
    }
    for index in chosen {
      model.items[index].state = .unsettled
      model.items[index].attempts = 0
    }
    for index in chosen { _ = model.promote(index, at: now) }
    return (try await outbox.retry(selection, at: moment(now)), chosen.map { model.items[$0].delivery.id })
  }
}
