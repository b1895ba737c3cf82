import GreenAPI

/// Whether the consumer got of one status post what it should, in order.
struct DemoVerdict: Sendable, Hashable {
  /// Nothing more is to come.
  var isThrough: Bool
  /// What has not come.
  var missing: [String]
  /// What came and should not have, or not so.
  var wrong: [String]
  var isInOrder: Bool

  /// - Parameters:
  ///   - states: what the post goes through; the last one stays, so a poll must have seen it.
  ///   - polled: what polls were shown, in order.
  ///   - received: what the consumer accepted, each once, in order.
  init(_ title: String, states: [MessageStatus], polled: [MessageStatus], received: [MessageStatus]) {
    let expected = Self.announced(polled)
    let final = states.last
    let unseen = final.map { !polled.contains($0) } ?? false
    let late = expected.filter { !received.contains($0) }
    isInOrder = received.filter(expected.contains) == expected.filter(received.contains)
    isThrough = !unseen && late.isEmpty
    missing = late.map { "\(title): \($0) has not been received" }
    if unseen, let final { missing.append("\(title): no poll has seen it \(final)") }
    wrong = received.filter { !expected.contains($0) }.map {
      "\(title): \($0) was received, but no poll had seen it"
    }
    if !isInOrder {
      wrong.append("\(title): received as \(Self.list(received)), and should have been \(Self.list(expected))")
    }
  }

  /// What is announced of states shown in this order: not `pending`, nothing twice, and no progress that lies behind.
  static func announced(_ polled: [MessageStatus]) -> [MessageStatus] {
    var announced: [MessageStatus] = []
    var highest = 0
    for status in polled where !announced.contains(status) {
      if let rank = status.rank {
        guard rank > highest else { continue }
        highest = rank
      }
      announced.append(status)
    }
    return announced
  }

  private static func list(_ statuses: [MessageStatus]) -> String {
    statuses.map(\.rawValue).joined(separator: ", ")
  }
}

extension DemoBoard.Row {
  var verdict: DemoVerdict {
    DemoVerdict("\(number) \(act.title)", states: act.states, polled: polled, received: received)
  }
}

extension DemoBoard {
  /// Whether everything posted so far has arrived.
  var isThrough: Bool { rows.allSatisfy(\.verdict.isThrough) }

  var isInOrder: Bool { rows.allSatisfy(\.verdict.isInOrder) }

  /// Everything that is missing or wrong.
  /// - Parameter isFinal: `false` when posts are still on their way: what has not come of them is no fault.
  func problems(isFinal: Bool) -> [String] {
    faults + rows.map(\.verdict).flatMap { (isFinal ? $0.missing : []) + $0.wrong }
  }
}
