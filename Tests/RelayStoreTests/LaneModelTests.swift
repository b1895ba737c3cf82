import GreenAPI
import RelayCore
import RelayStore
import Testing

@Suite("Lanes against a plain model")
struct LaneModelTests {
  @Test(
    "In random histories each lane has one head, due shows exactly the heads, and nothing is lost",
    arguments: (0..<12).map { _ in UInt64.random(in: 0 ... .max) })
  func randomHistory(seed: UInt64) async throws {
    try await withTemporaryDirectory { directory in
      var history = try await RandomHistory(seed: seed, directory: directory)
      for step in 0..<150 { try await history.step("seed \(seed), step \(step)") }
      try await history.drain("seed \(seed)")
    }
  }
}

/// An outbox, the model of it, and what happens to both.
private struct RandomHistory {
  private let configuration: SQLiteOutbox.Configuration
  private let names = ["crm", "log"]
  private let destinations: [DestinationID]
  private var outbox: SQLiteOutbox
  private var model: LaneModel
  private var random: SeededGenerator
  private var now: Int64 = 0
  /// The outbox's numbers of the model's notifications.
  private var ids: [Int64] = []

  init(seed: UInt64, directory: String) async throws {
    random = SeededGenerator(seed: seed)
    configuration = SQLiteOutbox.Configuration(directory: directory, synchronous: .normal)
    outbox = try await SQLiteOutbox.open(configuration)
    destinations = [
      try await outbox.destination("crm", ordering: .chat), try await outbox.destination("log", ordering: .message),
    ]
    model = LaneModel([destinations[0]: .chat, destinations[1]: .message])
  }

  mutating func step(_ place: String) async throws {
    now += Int64.random(in: 1...20, using: &random)
    switch Int.random(in: 0..<14, using: &random) {
    case 0...3: try await record(place)
    case 4...8: try await settle(place)
    case 9: try await retry(place)
    case 10: try await order(place)
    case 11, 12: try await replay(place)
    default:
      await outbox.close()
      outbox = try await SQLiteOutbox.open(configuration)
    }
    #expect(model.lanesWithoutOneHead.isEmpty, "\(place): the model")
    for destination in destinations { try await compareDue(at: destination, place) }
  }

  private mutating func compareDue(at destination: DestinationID, _ place: String) async throws {
    let due = model.due(at: destination)
    let time = Int64.random(in: 0...(now + 60), using: &random)
    let limit = Int.random(in: 1...8, using: &random)
    let excluding = Set(due.map(\.id).filter { _ in Bool.random(using: &random) })
    let page = try await outbox.due(
      at: destination, by: SteadyTime(milliseconds: time), limit: limit, excluding: excluding)
    let wanted = due.filter { !excluding.contains($0.id) }
    let expected = wanted.filter { ($0.dueAt ?? 0) <= time }.prefix(limit)
    #expect(page.deliveries.map(\.id) == expected.map(\.id), "\(place): due")
    #expect(page.nextDue?.milliseconds == wanted.dropFirst(expected.count).first?.dueAt, "\(place): next due")
    for (actual, expected) in zip(page.deliveries, expected.map(model.delivery)) {
      #expect(actual.attempts == expected.attempts && actual.lane == expected.lane, "\(place)")
      #expect(actual.notification == expected.notification, "\(place)")
    }
  }

  /// Delivers all that is left: everything must come out, each lane in the order recorded.
  mutating func drain(_ seed: String) async throws {
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
    let left = model.items.filter { $0.state != .delivered }.map(\.id)
    #expect(arrived.map(\.id).sorted() == left, "\(seed): lost or repeated")
    // The head that was in the air when an earlier one came back to life may precede it; the rest is in order.
    for (lane, deliveries) in Dictionary(grouping: arrived, by: { "\($0.destination.rawValue) \($0.lane.rawValue)" }) {
      let followers = deliveries.dropFirst().compactMap { model.index(of: $0.id).map { model.items[$0].notification } }
      #expect(followers == followers.sorted(), "\(seed): lane \(lane) out of order")
    }
    let states = try await outbox.deliveries(.init(limit: .max)).map(\.state)
    #expect(states.count == model.items.count && states.allSatisfy { $0 == .delivered }, "\(seed)")
    let summaries = try await outbox.destinationSummaries()
    for (destination, name) in zip(destinations, names) {
      let count = (model.delivered[destination] ?? 0) + arrived.count { $0.destination == destination }
      #expect(summaries.first { $0.name == name }?.delivered == count, "\(seed): every success counts")
    }
    await outbox.close()
  }

  // MARK: What happens

  private mutating func record(_ place: String) async throws {
    let statuses = MessageStatus.documented
    var recorded: [(RelayCore.Notification, [DestinationID])] = []
    for _ in 0..<Int.random(in: 0...6, using: &random) {
      let message = Int.random(in: 0..<12, using: &random)
      let change = notification(
        "M\(message)", statuses[Int.random(in: 0..<statuses.count, using: &random)], chatId: "\(message % 4)@c.us")
      recorded.append((change, destinations.filter { _ in Int.random(in: 0..<3, using: &random) > 0 }))
    }
    // Routed by a configuration of long ago, now and then.
    let isStale = Int.random(in: 0..<4, using: &random) == 0
    let routed = recorded.map { change, destinations in
      PollRecording.Routed(
        notification: change,
        routes: destinations.map { destination in
          let ordering = isStale ? .none : model.orderings[destination] ?? .none
          return PollRecording.Route(destination: destination, lane: ordering.lane(of: change))
        })
    }
    let heads = try await outbox.record(poll(routed, at: now)).map(\.id)
    #expect(heads == model.record(recorded, at: now), "\(place): record")
    var filter = HistoryFilter(limit: .max)
    filter.after = ids.last ?? 0
    let events = try await outbox.events(filter)
    ids += events.map(\.id)
    #expect(events.map(\.notification) == Array(model.notifications.suffix(events.count)), "\(place): events")
    #expect(ids.count == model.notifications.count, "\(place): events")
  }

  private mutating func settle(_ place: String) async throws {
    var settlements: [Settlement] = []
    for item in model.items.shuffled(using: &random) {
      // Now and then one that is settled already, or that another ordering took its place as head while it was in the air.
      let isOdd = !item.isDue && Int.random(in: 0..<20, using: &random) == 0
      guard isOdd || (item.isDue && Bool.random(using: &random)) else { continue }
      let later = SteadyTime(milliseconds: now + Int64.random(in: 0...40, using: &random))
      let verdicts: [Settlement.Verdict] = [
        .delivered, .delivered, .retry(at: later), .deadLetter(.tooOld), .held,
      ]
      let verdict = verdicts[Int.random(in: 0..<verdicts.count, using: &random)]
      settlements.append(settlement(model.delivery(item), verdict))
    }
    let heads = try await outbox.settle(settlements, at: moment(now)).map(\.id)
    #expect(heads == model.settle(settlements, at: now), "\(place): settle")
  }

  private mutating func retry(_ place: String) async throws {
    let dead = model.items.indices.filter { model.items[$0].state == .deadLetter }
    var filter = HistoryFilter(limit: Int.random(in: 0..<20, using: &random))
    let selection: DeadLetterSelection
    let chosen: [Int]
    switch Int.random(in: 0..<3, using: &random) {
    case 0:
      let after = Int64.random(in: 0..<50, using: &random)
      filter.after = after
      (selection, chosen) = (
        .matching(filter), Array(dead.filter { model.items[$0].id.rawValue > after }.prefix(filter.limit))
      )
    case 1:
      let number = Int.random(in: 0..<names.count, using: &random)
      filter.destinations = [names[number]]
      (selection, chosen) = (
        .matching(filter),
        Array(dead.filter { model.items[$0].destination == destinations[number] }.prefix(filter.limit))
      )
    default:
      // Some that are no dead letters among them.
      let some = model.items.indices.filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
      selection = .ids(some.map { model.items[$0].id }.shuffled(using: &random))
      chosen = some.filter { dead.contains($0) }
    }
    model.revive(chosen, at: now)
    let revived = try await outbox.retry(selection, at: moment(now))
    #expect(revived == chosen.map { model.items[$0].id }, "\(place): retry")
  }

  private mutating func order(_ place: String) async throws {
    let number = Int.random(in: 0..<names.count, using: &random)
    let ordering = Ordering.allCases[Int.random(in: 0..<Ordering.allCases.count, using: &random)]
    model.order(destinations[number], by: ordering, at: now)
    let entry = DestinationEntry(name: names[number], ordering: ordering)
    let stored = try await outbox.enter([entry], at: moment(now))
    #expect(stored[names[number]]?.id == destinations[number], "\(place): order")
  }

  private mutating func replay(_ place: String) async throws {
    let destination = destinations[Int.random(in: 0..<destinations.count, using: &random)]
    let unwanted = MessageStatus.documented[Int.random(in: 0..<MessageStatus.documented.count, using: &random)]
    var filter = HistoryFilter(limit: Int.random(in: 1...9, using: &random))
    let count = model.notifications.count
    let start = Int.random(in: 0...count, using: &random)
    filter.after = start == 0 ? nil : ids[start - 1]
    let range = start..<min(count, start + filter.limit)
    let expected = model.replay(range, at: destination, takes: { $0.status != unwanted }, now: now)
    let page = try await outbox.replay(
      filter, at: destination, lane: { $0.status == unwanted ? nil : Ordering.none.lane(of: $0) }, now: moment(now))
    #expect(page.replayed == expected.replayed && page.passedOver == expected.passedOver, "\(place): replay")
    #expect(page.last == (range.isEmpty ? nil : ids[range.upperBound - 1]), "\(place): the page's last")
  }
}
