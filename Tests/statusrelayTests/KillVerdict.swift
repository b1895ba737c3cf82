import Foundation
import GreenAPI
import GreenAPISimulator
import RelayCore

/// What must hold between what the simulator showed and what the consumer got, by the rules under "What counts as a change".
struct KillVerdict {
  private(set) var failures: [String] = []
  /// States that a poll showed which the same life of the relay followed by another poll: so it had recorded the first.
  private(set) var mustArrive: [ShownState] = []
  private(set) var repeats = 0
  private(set) var distinct = 0
  private let arrivalCount: Int
  private let shownCount: Int

  private struct State: Hashable {
    let idMessage: String
    let status: String
  }

  /// - Parameter polls: when the requests of each life came, in order.
  init(shown: [ShownState], polls: [[Date]], arrivals: [UnreliableConsumer.Arrival]) {
    arrivalCount = arrivals.count
    shownCount = shown.count
    var first: [State: UnreliableConsumer.Arrival] = [:]
    var order: [String: [String]] = [:]
    var accepted: Set<State> = []
    for arrival in arrivals {
      let state = State(idMessage: arrival.idMessage, status: arrival.status)
      if arrival.isAccepted { accepted.insert(state) }
      guard let known = first[state] else {
        first[state] = arrival
        order[arrival.idMessage, default: []].append(arrival.status)
        checkNew(arrival)
        continue
      }
      repeats += 1
      if known.webhookID != arrival.webhookID { failures.append("\(state) came again with another webhook-id") }
      if known.body != arrival.body { failures.append("\(state) came again with other bytes") }
    }
    distinct = first.count
    let shownOrder = Dictionary(grouping: shown, by: \.idMessage).mapValues { states in
      states.sorted { $0.firstShownAt < $1.firstShownAt }.map(\.status)
    }
    for (idMessage, statuses) in order {
      let places = statuses.map { (shownOrder[idMessage] ?? []).firstIndex(of: $0) }
      if places.contains(nil) {
        failures.append("\(idMessage) arrived as \(statuses), shown \(shownOrder[idMessage] ?? [])")
      }
      let known = places.compactMap(\.self)
      if known != known.sorted() { failures.append("\(idMessage) arrived in the order \(statuses)") }
    }
    mustArrive = shown.filter { state in
      state.status != "pending" && polls.contains { Self.isRecorded(state, in: $0) }
    }
    for state in mustArrive where !accepted.contains(State(idMessage: state.idMessage, status: state.status)) {
      failures.append("\(state.idMessage) \(state.status) was shown \(state.times) times and never delivered")
    }
  }

  private mutating func checkNew(_ arrival: UnreliableConsumer.Arrival) {
    guard let status = MessageStatus(rawValue: arrival.status), status != .pending else {
      failures.append("a notification with the status '\(arrival.status)' arrived")
      return
    }
    if arrival.webhookID != Notification.makeWebhookID(KillStage.idInstance, arrival.idMessage, status) {
      failures.append("\(arrival.idMessage) \(status) has a webhook-id that isn't made of them")
    }
  }

  /// Whether one life polled again after an answer that certainly showed this state: the simulator noted the first and the last such
  /// answer, and every one between them showed it too, as a state is never entered twice.
  private static func isRecorded(_ state: ShownState, in polls: [Date]) -> Bool {
    zip(polls, polls.dropFirst()).contains { poll, next in
      poll <= state.firstShownAt && state.firstShownAt < next
        || poll >= state.firstShownAt && next <= state.lastShownAt
        || poll <= state.lastShownAt && state.lastShownAt < next
    }
  }

  var summary: String {
    "\(shownCount) states shown, \(mustArrive.count) that must arrive, \(distinct) arrived, \(repeats) repeats in \(arrivalCount) requests"
  }
}
