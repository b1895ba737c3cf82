import Foundation
import RelayAdmin
import RelayCore
import RelayStore

/// Knows what has been shown of the history, and asks for what has not.
protocol Follower: Sendable {
  associatedtype Row: HistoryRow

  /// The latest rows, the oldest first.
  mutating func begin(_ history: any History, count: Int) async throws -> [Row]
  /// What is new since the step before, at most some thousand rows, the oldest first.
  mutating func step(_ history: any History) async throws -> [Row]
  /// Whether there is more already.
  var isBehind: Bool { get }
}

/// The most rows one step asks for.
private let pageSize = FilterQuery.maximumLimit

/// Follows the recorded notifications.
struct EventFollower: Follower {
  private let filter: HistoryFilter
  private var cursor: Int64 = 0
  private(set) var isBehind = false

  init(_ filter: HistoryFilter) { self.filter = filter }

  mutating func begin(_ history: any History, count: Int) async throws -> [HistoryEvent] {
    let newest = try await newestID(history)
    let rows = try await history.events(filter.limited(to: count))
    cursor = max(newest, rows.first?.id ?? 0)
    return rows.reversed()
  }

  mutating func step(_ history: any History) async throws -> [HistoryEvent] {
    // Asked first: what is found afterwards is complete up to there, so that the next step need not look through it again.
    let newest = try await newestID(history)
    let rows = try await history.events(filter.following(cursor))
    isBehind = rows.count == pageSize
    cursor = max(cursor, rows.last?.id ?? 0, isBehind ? 0 : newest)
    return rows
  }

  private func newestID(_ history: any History) async throws -> Int64 {
    try await history.events(HistoryFilter(limit: 1)).first?.id ?? 0
  }
}

/// Follows deliveries: new ones, and what becomes of those that have been seen unsettled.
struct DeliveryFollower: Follower {
  /// Without ``states``, as what is new is in another state first.
  private let filter: HistoryFilter
  /// Those to show; empty: all.
  private let states: Set<String>
  private var cursor: Int64 = 0
  private var watched: [Int64: Aspect] = [:]
  private(set) var isBehind = false

  /// The most deliveries that are watched; beyond them the oldest are let go of.
  static let mostWatched = FilterQuery.maximumLimit

  /// What makes a delivery worth showing again.
  private struct Aspect: Hashable {
    var state: String
    var attempts: Int
    var httpStatus: Int?
    var failure: String?

    init(_ row: HistoryDelivery) {
      (state, attempts, httpStatus, failure) = (row.state, row.attempts, row.lastHTTPStatus, row.lastFailure)
    }
  }

  init(_ filter: HistoryFilter) {
    var filter = filter
    states = Set(filter.states.map(\.rawValue))
    filter.states = []
    self.filter = filter
  }

  mutating func begin(_ history: any History, count: Int) async throws -> [HistoryDelivery] {
    let newest = try await newestID(history)
    var shown = filter.limited(to: count)
    shown.states = Set(states.compactMap(DeliveryState.init))
    let rows = try await history.deliveries(shown)
    watch(rows)
    if !states.isEmpty {
      // Those that may come into these states.
      var open = filter.limited(to: Self.mostWatched)
      open.states = [.waiting, .retrying]
      watch(try await history.deliveries(open))
    }
    cursor = max(newest, rows.first?.id ?? 0)
    return rows.reversed()
  }

  mutating func step(_ history: any History) async throws -> [HistoryDelivery] {
    var rows = try await changes(history)
    let newest = try await newestID(history)
    let new = try await history.deliveries(filter.following(cursor))
    isBehind = new.count == pageSize
    cursor = max(cursor, new.last?.id ?? 0, isBehind ? 0 : newest)
    watch(new)
    rows += new
    return rows.filter { states.isEmpty || states.contains($0.state) }
  }

  private mutating func changes(_ history: any History) async throws -> [HistoryDelivery] {
    guard !watched.isEmpty else { return [] }
    var filter = HistoryFilter(limit: Self.mostWatched)
    filter.ids = Set(watched.keys)
    let rows = try await history.deliveries(filter).reversed().filter { watched[$0.id] != Aspect($0) }
    watch(rows)
    return rows
  }

  private mutating func watch(_ rows: [HistoryDelivery]) {
    for row in rows { watched[row.id] = row.isSettled ? nil : Aspect(row) }
    let excess = watched.count - Self.mostWatched
    if excess > 0 { for id in watched.keys.sorted().prefix(excess) { watched[id] = nil } }
  }

  private func newestID(_ history: any History) async throws -> Int64 {
    try await history.deliveries(HistoryFilter(limit: 1)).first?.id ?? 0
  }
}

/// Follows dead letters, in the order they are given up.
struct DeadLetterFollower: Follower {
  private let filter: HistoryFilter
  /// Those given up before are all seen.
  private var horizon: UnixTime
  /// Those given up later, as far as they have been seen, and when that was.
  private var seen: [Int64: Date] = [:]
  /// Within one round of pages.
  private var cursor: Int64 = 0
  var isBehind: Bool { cursor > 0 }

  /// What was given up this long before the beginning counts as old: the relay's clock may be behind.
  private static let slack = Duration.seconds(600)
  /// What is given up at one time may be recorded after what is given up a little later.
  private static let lateness = 5.0

  /// - Parameter filter: its states are passed over.
  init(_ filter: HistoryFilter, now: UnixTime) {
    var filter = filter
    filter.states = [.deadLetter]
    self.filter = filter
    horizon = now + (.zero - Self.slack)
  }

  mutating func begin(_ history: any History, count: Int) async throws -> [HistoryDelivery] {
    let rows = try await history.deliveries(filter.limited(to: count))
    repeat { _ = try await step(history) } while isBehind
    for row in rows { note(row) }
    return rows.reversed()
  }

  mutating func step(_ history: any History) async throws -> [HistoryDelivery] {
    var filter = filter.following(cursor)
    filter.settledSince = horizon
    let page = try await history.deliveries(filter)
    let rows = page.filter { seen[$0.id] != $0.settledAt }
    for row in rows { note(row) }
    cursor = page.count == pageSize ? page.last?.id ?? 0 : 0
    if !isBehind, let latest = seen.values.max() {
      let time = latest.addingTimeInterval(-Self.lateness)
      horizon = max(horizon, UnixTime(seconds: Int64(time.timeIntervalSince1970)))
      seen = seen.filter { $0.value >= time }
    }
    return rows.sorted { ($0.settledAt ?? .distantPast, $0.id) < ($1.settledAt ?? .distantPast, $1.id) }
  }

  private mutating func note(_ row: HistoryDelivery) { seen[row.id] = row.settledAt }
}

extension HistoryFilter {
  fileprivate func limited(to count: Int) -> HistoryFilter {
    var filter = self
    filter.limit = count
    return filter
  }

  fileprivate func following(_ cursor: Int64) -> HistoryFilter {
    var filter = limited(to: pageSize)
    filter.after = cursor
    return filter
  }
}
