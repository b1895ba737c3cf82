import GRDB
import RelayCore

/// A ``HistoryFilter`` as SQL.
struct HistoryQuery {
  private(set) var sql: String
  private(set) var arguments = StatementArguments()
  private var conditions: [String] = []

  static func events(_ filter: HistoryFilter) -> HistoryQuery {
    var query = HistoryQuery(sql: "SELECT n.* FROM notifications n")
    query.restrictNotification(filter)
    // Events of which a delivery is at these destinations, in these states.
    var deliveries = HistoryQuery(
      sql: "SELECT 1 FROM deliveries d JOIN destinations t ON t.id = d.destination")
    deliveries.restrictDelivery(filter)
    if !deliveries.conditions.isEmpty {
      deliveries.conditions.append("d.notification = n.id")
      deliveries.addConditions()
      query.require("EXISTS (\(deliveries.sql))", deliveries.arguments)
    }
    query.page(filter, id: "n.id")
    return query
  }

  static func deliveries(_ filter: HistoryFilter) -> HistoryQuery {
    // Left to itself SQLite reads all deliveries from the newest on, which are in their order already. Dead letters are few.
    let index = filter.states == [.deadLetter] ? "INDEXED BY dead_letters " : ""
    var query = HistoryQuery(
      sql: """
        SELECT d.id AS delivery, d.*, t.name, n.account, n.id_message, n.status, n.webhook_id, n.recorded_at
        FROM deliveries d \(index)JOIN notifications n ON n.id = d.notification JOIN destinations t ON t.id = d.destination
        """)
    query.restrictNotification(filter)
    query.restrictDelivery(filter)
    query.page(filter, id: "d.id")
    return query
  }

  private init(sql: String) { self.sql = sql }

  private mutating func restrictNotification(_ filter: HistoryFilter) {
    require("n.account", in: filter.accounts.map(\.rawValue).sorted())
    if let idMessage = filter.idMessage { require("n.id_message = ?", [idMessage]) }
    require("n.status", in: filter.statuses.map(\.rawValue).sorted())
    if let since = filter.since { require("n.recorded_at >= ?", [since.milliseconds]) }
    if let until = filter.until { require("n.recorded_at < ?", [until.milliseconds]) }
  }

  private mutating func restrictDelivery(_ filter: HistoryFilter) {
    require("t.name", in: filter.destinations.sorted())
    guard !filter.states.isEmpty else { return }
    // Our own words, and written out: only so may SQLite use the index over dead letters.
    let states = filter.states.map { "d.state = '\($0.rawValue)'" }.sorted()
    require("(\(states.joined(separator: " OR ")))")
  }

  private mutating func page(_ filter: HistoryFilter, id: String) {
    if let before = filter.before { require("\(id) < ?", [before]) }
    addConditions()
    sql += " ORDER BY \(id) DESC LIMIT ?"
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
