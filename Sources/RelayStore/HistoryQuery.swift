import Foundation
import GRDB
import GreenAPI
import RelayCore

/// A ``HistoryFilter`` as SQL.
struct HistoryQuery {
  private(set) var sql: String
  private(set) var arguments = StatementArguments()
  private var conditions: [String] = []

  static func events(_ filter: HistoryFilter) -> HistoryQuery {
    var query = eventSearch("SELECT n.* FROM notifications n", filter)
    query.page(filter, id: "n.id")
    return query
  }

  static func countEvents(_ filter: HistoryFilter) -> HistoryQuery {
    var query = eventSearch("SELECT count(*) FROM notifications n", filter)
    query.bound(filter, id: "n.id")
    query.addConditions()
    return query
  }

  private static func eventSearch(_ select: String, _ filter: HistoryFilter) -> HistoryQuery {
    var query = HistoryQuery(sql: select)
    query.restrictNotification(filter)
    query.requireIDs(filter, id: "n.id")
    query.requireDelivery(restricted: { $0.restrictDelivery(filter) })
    return query
  }

  static func deliveries(_ filter: HistoryFilter) -> HistoryQuery {
    var query = deliverySearch(
      "d.id AS delivery, d.*, t.name, n.account, n.id_message, n.status, n.webhook_id, n.recorded_at", filter)
    query.page(filter, id: "d.id")
    return query
  }

  static func countDeliveries(_ filter: HistoryFilter) -> HistoryQuery {
    var query = deliverySearch("count(*)", filter)
    query.bound(filter, id: "d.id")
    query.addConditions()
    return query
  }

  private static func deliverySearch(_ columns: String, _ filter: HistoryFilter) -> HistoryQuery {
    var query = HistoryQuery(
      sql: """
        SELECT \(columns) FROM deliveries d \(deadLetterIndex(filter))
        JOIN notifications n ON n.id = d.notification JOIN destinations t ON t.id = d.destination
        """)
    query.restrictNotification(filter)
    query.requireIDs(filter, id: "d.id")
    query.restrictDelivery(filter)
    return query
  }

  /// Left to itself SQLite reads all deliveries from one end on, which are in their order already. Dead letters are few.
  private static func deadLetterIndex(_ filter: HistoryFilter) -> String {
    guard filter.states == [.deadLetter], filter.ids.isEmpty else { return "" }
    return filter.settledSince == nil ? "INDEXED BY dead_letters" : "INDEXED BY settled_dead_letters"
  }

  /// The ids of dead letters, the oldest first.
  static func deadLetters(_ filter: HistoryFilter) -> HistoryQuery {
    var filter = filter
    filter.states = [.deadLetter]
    filter.after = filter.after ?? .min
    var query = deliverySearch("d.id", filter)
    query.page(filter, id: "d.id")
    return query
  }

  /// The ids of notifications to send to a destination again, the oldest first.
  static func replayable(_ filter: HistoryFilter, at destination: DestinationID) -> HistoryQuery {
    var filter = filter
    filter.destinations = []
    filter.after = filter.after ?? .min
    var query = HistoryQuery(sql: "SELECT n.id FROM notifications n")
    query.restrictNotification(filter)
    query.requireIDs(filter, id: "n.id")
    query.requireDelivery {
      $0.restrictDelivery(filter)
      if !$0.conditions.isEmpty { $0.require("d.destination = ?", [destination.rawValue]) }
    }
    query.page(filter, id: "n.id")
    return query
  }

  private init(sql: String) { self.sql = sql }

  // MARK: Conditions

  private mutating func restrictNotification(_ filter: HistoryFilter) {
    require("n.account", in: filter.accounts.map(\.rawValue).sorted())
    if let idMessage = filter.idMessage { require("n.id_message = ?", [idMessage]) }
    require("n.status", in: filter.statuses.map(\.rawValue).sorted())
    if let since = filter.since { require("n.recorded_at >= ?", [since.milliseconds]) }
    if let until = filter.until { require("n.recorded_at < ?", [until.milliseconds]) }
  }

  private mutating func restrictDelivery(_ filter: HistoryFilter) {
    if !filter.destinations.isEmpty {
      // A name's family is all that begins with it and "@". A range and no LIKE: names may hold what LIKE takes for wildcards, and
      // a range is read from the index. "A" follows "@".
      let names = filter.destinations.map { _ in "name = ? OR (name >= ? AND name < ?)" }.joined(separator: " OR ")
      require(
        "d.destination IN (SELECT id FROM destinations WHERE \(names))",
        StatementArguments(filter.destinations.sorted().flatMap { [$0, $0 + "@", $0 + "A"] }))
    }
    if let time = filter.settledSince { require("d.settled_at >= ?", [time.milliseconds]) }
    guard !filter.states.isEmpty else { return }
    // Our own words, and written out: only so may SQLite use the index over dead letters.
    let states = filter.states.map { "d.state = '\($0.rawValue)'" }.sorted()
    require("(\(states.joined(separator: " OR ")))")
  }

  /// Requires a delivery that meets the conditions; none is required when there are no conditions.
  private mutating func requireDelivery(restricted restrict: (inout HistoryQuery) -> Void) {
    var deliveries = HistoryQuery(sql: "SELECT 1 FROM deliveries d")
    restrict(&deliveries)
    guard !deliveries.conditions.isEmpty else { return }
    deliveries.require("d.notification = n.id")
    deliveries.addConditions()
    require("EXISTS (\(deliveries.sql))", deliveries.arguments)
  }

  private mutating func requireIDs(_ filter: HistoryFilter, id: String) {
    guard !filter.ids.isEmpty else { return }
    // As one argument: SQLite takes some 32,000 and no more.
    let list = filter.ids.sorted().map(String.init).joined(separator: ",")
    require("\(id) IN (SELECT value FROM json_each(?))", ["[\(list)]"])
  }

  private mutating func bound(_ filter: HistoryFilter, id: String) {
    if let after = filter.after { require("\(id) > ?", [after]) }
  }

  private mutating func page(_ filter: HistoryFilter, id: String) {
    bound(filter, id: id)
    if let before = filter.before { require("\(id) < ?", [before]) }
    addConditions()
    sql += " ORDER BY \(id) \(filter.after == nil ? "DESC" : "ASC") LIMIT ?"
    arguments += [max(0, filter.limit)]
  }

  private mutating func addConditions() {
    if !conditions.isEmpty { sql += " WHERE " + conditions.joined(separator: " AND ") }
  }

  private mutating func require(_ condition: String, _ values: StatementArguments = []) {
    conditions.append(condition)
    arguments += values
  }

  /// An empty list restricts nothing.
  private mutating func require<T: DatabaseValueConvertible>(_ column: String, in values: [T]) {
    guard !values.isEmpty else { return }
    let marks = values.map { _ in "?" }.joined(separator: ", ")
    require("\(column) IN (\(marks))", StatementArguments(values))
  }
}
