import GRDB
import RelayCore

/// The destinations' orderings as they stand in the outbox, each read once.
///
/// They decide the lane of whatever begins to wait. What a caller says may be out of date: a poll can be routed by the old
/// configuration and recorded when all others have moved to the lanes of the new one.
struct StoredOrderings {
  private let select: Statement
  private var known: [DestinationID: Ordering?] = [:]

  init(_ db: Database) throws {
    select = try db.cachedStatement(sql: "SELECT ordering FROM destinations WHERE id = ?")
  }

  /// `nil` for a destination that has not been configured since the outbox knows orderings.
  mutating func lane(of notification: RelayCore.Notification, at destination: DestinationID) throws -> Lane? {
    if let ordering = known[destination] { return ordering?.lane(of: notification) }
    let stored = try Row.fetchOne(select, arguments: [destination.rawValue])?.optional("ordering", as: String.self)
    let ordering = stored.flatMap(Ordering.init(rawValue:))
    known[destination] = .some(ordering)
    return ordering?.lane(of: notification)
  }
}
