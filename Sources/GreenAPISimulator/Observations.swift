import Foundation
import GreenAPI

/// How often a state of a message was shown to a poll.
///
/// An answer counts just before its last bytes are handed to the socket: whatever a client got whole is counted, and what is counted was
/// not necessarily received.
public struct ShownState: Hashable, Sendable, Codable {
  public let idInstance: IDInstance
  public let idMessage: String
  public let status: String
  public let firstShownAt: Date
  public fileprivate(set) var lastShownAt: Date
  /// The answers that carried it.
  public fileprivate(set) var times: Int
}

/// The requests that one method of one instance got, refused ones included.
public struct RequestCount: Hashable, Sendable, Codable {
  public let idInstance: IDInstance
  public let method: String
  public fileprivate(set) var count = 0
  /// By the HTTP status answered.
  public fileprivate(set) var byStatus: [Int: Int] = [:]
  /// When the latest ones came, oldest first; at most ``maximumRecent``.
  public fileprivate(set) var recent: [Date] = []

  public static let maximumRecent = 1_000
}

/// What the simulator saw: the states it showed and the requests it got.
///
/// Bounded: of more than ``maximumShown`` states the oldest are forgotten, and requests are only counted for instances that exist.
struct Observations: Sendable {
  static let maximumShown = 400_000

  private var states = RecentTable<Answer.Shown, ShownState>(capacity: maximumShown)
  private var counts: [IDInstance: [APIMethod: RequestCount]] = [:]

  /// In the order first shown.
  var shown: [ShownState] { states.values }

  /// By instance and method.
  var requests: [RequestCount] {
    counts.sorted { $0.key < $1.key }.flatMap { $0.value.values.sorted { $0.method < $1.method } }
  }

  subscript(shown: Answer.Shown) -> ShownState? { states[shown] }

  mutating func note(shown: [Answer.Shown], at now: Date) {
    for state in shown {
      let known: Void? = states.update(state) {
        $0.times += 1
        $0.lastShownAt = now
      }
      guard known == nil else { continue }
      let first = ShownState(
        idInstance: state.idInstance, idMessage: state.idMessage, status: state.status.rawValue, firstShownAt: now,
        lastShownAt: now, times: 1)
      states.add(first, for: state)
    }
  }

  mutating func note(request method: APIMethod, of idInstance: IDInstance, answeredWith status: Int, at now: Date) {
    var count = counts[idInstance]?[method] ?? RequestCount(idInstance: idInstance, method: method.rawValue)
    count.count += 1
    count.byStatus[status, default: 0] += 1
    if count.recent.count == RequestCount.maximumRecent { count.recent.removeFirst(RequestCount.maximumRecent / 10) }
    count.recent.append(now)
    counts[idInstance, default: [:]][method] = count
  }
}
