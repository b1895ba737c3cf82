import GRDB
import RelayCore

extension SQLiteOutbox {
  public func destinations(named names: [String]) async throws(OutboxError) -> [String: StoredDestination] {
    let known = try await connection.read("reading the destinations") { db in
      try Self.destinations(named: names, in: db)
    }
    // Nothing is written when there is nothing new, so that a relay starts on a full disk too.
    guard names.contains(where: { known[$0] == nil }) else { return known }
    return try await connection.write("entering new destinations") { db in
      for name in names {
        try db.execute(
          sql: "INSERT INTO destinations (name) VALUES (?) ON CONFLICT (name) DO NOTHING", arguments: [name])
      }
      return try Self.destinations(named: names, in: db)
    }
  }

  private static func destinations(named names: [String], in db: Database) throws -> [String: StoredDestination] {
    let statement = try db.cachedStatement(sql: "SELECT id, name, pause FROM destinations WHERE name = ?")
    var found: [String: StoredDestination] = [:]
    for name in names {
      guard let row = try Row.fetchOne(statement, arguments: [name]) else { continue }
      found[name] = StoredDestination(id: try row.member("id"), name: name, pause: try row.optionalMember("pause"))
    }
    return found
  }

  public func setPause(_ pause: DestinationPause?, of destination: DestinationID) async throws(OutboxError) {
    try await connection.write(pause == nil ? "resuming a destination" : "pausing a destination") { db in
      try db.execute(
        sql: "UPDATE destinations SET pause = ? WHERE id = ?", arguments: [pause?.rawValue, destination.rawValue])
    }
  }
}
