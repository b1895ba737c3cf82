import GRDB
import RelayCore

extension SQLiteOutbox {
  /// Dead letters that one transaction retries at most, so that recording and settling never wait long behind it.
  static let retryLimit = 1000

  /// A retried dead letter goes out before the later ones of its lane, but never beside one that may be in the air now: when the
  /// lane has a head already, it follows that one.
  public func retry(
    _ selection: DeadLetterSelection, at now: Moment
  ) async throws(OutboxError) -> [DeliveryID] {
    switch selection {
    case .ids(let ids):
      // Sorted and each once: the answer is in the order recorded, like that of a filter.
      let sorted = Set(ids).sorted()
      var revived: [DeliveryID] = []
      for start in stride(from: 0, to: sorted.count, by: Self.retryLimit) {
        revived += try await retry(Array(sorted[start...].prefix(Self.retryLimit)), at: now)
      }
      return revived
    case .matching(var filter):
      var revived: [DeliveryID] = []
      var left = filter.limit
      while left > 0 {
        filter.limit = min(left, Self.retryLimit)
        let piece = try await deadLetters(filter)
        revived += try await retry(piece, at: now)
        left -= filter.limit
        guard piece.count == filter.limit else { break }
        filter.after = piece.last?.rawValue
      }
      return revived
    }
  }

  /// Looked for by the reading connection: the search may be long.
  private func deadLetters(_ filter: HistoryFilter) async throws(OutboxError) -> [DeliveryID] {
    try await reader.connection.read("looking for dead letters") { db in
      let query = HistoryQuery.deadLetters(filter)
      return try Int64.fetchAll(db, sql: query.sql, arguments: query.arguments).map(DeliveryID.init(rawValue:))
    }
  }

  private func retry(_ ids: [DeliveryID], at now: Moment) async throws(OutboxError) -> [DeliveryID] {
    guard !ids.isEmpty else { return [] }
    return try await connection.write("retrying dead letters") { db in
      let select = try db.cachedStatement(
        sql: """
          SELECT d.destination, d.lane, n.* FROM deliveries d JOIN notifications n ON n.id = d.notification
          WHERE d.id = ? AND d.state = 'deadLetter'
          """)
      var orderings = try StoredOrderings(db)
      var revival = try Revival(db, now: now)
      var revived: [DeliveryID] = []
      for id in ids {
        guard let row = try Row.fetchOne(select, arguments: [id.rawValue]) else { continue }
        let destination: DestinationID = try row.member("destination")
        let lane = try orderings.lane(of: try row.notification(), at: destination) ?? row.member("lane")
        try revival.revive(id.rawValue, at: .init(destination: destination, lane: lane))
        revived.append(id)
      }
      try revival.finish()
      return revived
    }
  }
}
