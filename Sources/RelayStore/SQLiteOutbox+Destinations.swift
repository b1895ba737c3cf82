import GRDB
import RelayCore

extension SQLiteOutbox {
  public func enter(
    _ destinations: [DestinationEntry], at now: Moment
  ) async throws(OutboxError) -> [String: StoredDestination] {
    let known = try await connection.read("reading the destinations") { db in
      try destinations.map { entry in try DestinationRow.fetch(entry.name, in: db) }
    }
    let isNews = zip(destinations, known).contains { entry, row in row?.isAsConfigured(entry) != true }
    // So that a relay starts on a full disk too.
    guard isNews else {
      return Dictionary(known.compactMap { $0.map { ($0.stored.name, $0.stored) } }) { first, _ in first }
    }
    return try await connection.write("entering the configured destinations") { db in
      var entered: [String: StoredDestination] = [:]
      for entry in destinations where entered[entry.name] == nil {
        entered[entry.name] = try Self.enter(entry, at: now, in: db)
      }
      return entered
    }
  }

  private static func enter(
    _ entry: DestinationEntry, at now: Moment, in db: Database
  ) throws -> StoredDestination {
    try db.cachedStatement(sql: "INSERT INTO destinations (name) VALUES (?) ON CONFLICT (name) DO NOTHING")
      .execute(arguments: [entry.name])
    guard let row = try DestinationRow.fetch(entry.name, in: db) else {
      throw UnreadableRow(what: "destination \(entry.name) was entered and isn't there")
    }
    if row.ordering != entry.ordering {
      let isAnyWaiting = try Relaning(db).run(destination: row.stored.id, ordering: entry.ordering, at: now.steady)
      if isAnyWaiting { try touch(now, in: db) }
    }
    var stored = row.stored
    let hasMoved = row.addressDigest != nil && entry.addressDigest != nil && row.addressDigest != entry.addressDigest
    if hasMoved {
      // What the old address answered says nothing of the new one. An operator's pause is another matter.
      stored.circuit = nil
      stored.resumedByNewAddress = stored.pause == .gone
      if stored.resumedByNewAddress { stored.pause = nil }
      try writePause(stored.pause, of: stored.id, in: db)
      try writeCircuit(nil, of: stored.id, in: db)
    }
    try db.execute(
      sql: "UPDATE destinations SET ordering = ?, address_digest = COALESCE(?, address_digest) WHERE id = ?",
      arguments: [entry.ordering.rawValue, entry.addressDigest, stored.id.rawValue])
    return stored
  }

  public func setPause(_ pause: DestinationPause?, of destination: DestinationID) async throws(OutboxError) {
    try await connection.write(pause == nil ? "resuming a destination" : "pausing a destination") { db in
      try Self.writePause(pause, of: destination, in: db)
    }
  }

  private static func writePause(_ pause: DestinationPause?, of destination: DestinationID, in db: Database) throws {
    try db.execute(
      sql: "UPDATE destinations SET pause = ? WHERE id = ?", arguments: [pause?.rawValue, destination.rawValue])
  }

  public func setCircuit(
    _ trip: CircuitBreaker.Trip?, of destination: DestinationID
  ) async throws(OutboxError) {
    try await connection.write("remembering a destination's circuit") { db in
      try Self.writeCircuit(trip, of: destination, in: db)
    }
  }

  private static func writeCircuit(
    _ trip: CircuitBreaker.Trip?, of destination: DestinationID, in db: Database
  ) throws {
    try db.cachedStatement(
      sql: """
        UPDATE destinations SET circuit_opened_steady = ?, circuit_until_steady = ?, circuit_interval_ms = ?
        WHERE id = ?
        """
    ).execute(
      arguments: [
        trip?.openedAt.milliseconds, trip?.until.milliseconds, trip?.interval.milliseconds, destination.rawValue,
      ])
  }
}

/// A row of `destinations`.
private struct DestinationRow: Sendable {
  var stored: StoredDestination
  /// `nil` also when it is none that we know.
  var ordering: Ordering?
  var addressDigest: String?

  static func fetch(_ name: String, in db: Database) throws -> DestinationRow? {
    let statement = try db.cachedStatement(sql: "SELECT * FROM destinations WHERE name = ?")
    return try Row.fetchOne(statement, arguments: [name]).map { row in
      DestinationRow(
        stored: StoredDestination(
          id: try row.member("id"), name: name, pause: try row.optionalMember("pause"), circuit: try row.circuit(),
          latestAttempt: try row.optional("latest_attempt_steady").map(SteadyTime.init(milliseconds:))),
        ordering: try row.optional("ordering").flatMap(Ordering.init(rawValue:)),
        addressDigest: try row.optional("address_digest"))
    }
  }

  func isAsConfigured(_ entry: DestinationEntry) -> Bool {
    ordering == entry.ordering && (entry.addressDigest == nil || addressDigest == entry.addressDigest)
  }
}

extension Row {
  fileprivate func circuit() throws(UnreadableRow) -> CircuitBreaker.Trip? {
    guard let openedAt: Int64 = try optional("circuit_opened_steady") else { return nil }
    return CircuitBreaker.Trip(
      openedAt: SteadyTime(milliseconds: openedAt),
      until: SteadyTime(milliseconds: try value("circuit_until_steady")),
      interval: .milliseconds(try value("circuit_interval_ms", as: Int64.self)))
  }
}
