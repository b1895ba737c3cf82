import GRDB
import RelayCore

/// The order within lanes, as the table keeps it: of a lane's unsettled deliveries exactly one, its head, has a due time. It is the
/// first one by notification, or, after an earlier settled one came back to life, the one that may be in the air at that moment.
struct LaneQueries {
  private let head: Statement
  private let firstFollower: Statement
  private let makeDue: Statement
  private let delivery: Statement

  init(_ db: Database) throws {
    head = try db.cachedStatement(sql: Self.headSQL)
    firstFollower = try db.cachedStatement(sql: Self.firstFollowerSQL)
    makeDue = try db.cachedStatement(sql: "UPDATE deliveries SET due_at = ? WHERE id = ?")
    delivery = try db.cachedStatement(sql: Self.deliverySQL)
  }

  static let headSQL = "SELECT id FROM deliveries WHERE destination = ? AND lane = ? AND due_at IS NOT NULL"

  static let firstFollowerSQL = """
    SELECT id FROM deliveries WHERE destination = ? AND lane = ? AND due_at IS NULL AND settled_at IS NULL
    ORDER BY notification LIMIT 1
    """

  static let deliverySQL = """
    SELECT d.id AS delivery, d.destination, d.lane, d.attempts, d.recorded_steady, n.*
    FROM deliveries d JOIN notifications n ON n.id = d.notification WHERE d.id = ?
    """

  func hasHead(_ destination: DestinationID, _ lane: Lane) throws -> Bool {
    try Int64.fetchOne(head, arguments: [destination.rawValue, lane.rawValue]) != nil
  }

  /// In each lane that has no head, makes the first unsettled delivery the head, due at `now`.
  /// - Returns: the new heads, in the order of `lanes`.
  func promote(in lanes: OrderedLanes, at now: SteadyTime) throws -> [Delivery] {
    try lanes.places.compactMap { place in try promote(in: place, at: now).map(fetch) }
  }

  /// Makes the first unsettled delivery of a lane without a head its head, due at `now`.
  /// - Returns: the new head.
  @discardableResult
  func promote(in place: OrderedLanes.Place, at now: SteadyTime) throws -> Int64? {
    guard try !hasHead(place.destination, place.lane) else { return nil }
    let arguments: StatementArguments = [place.destination.rawValue, place.lane.rawValue]
    guard let id = try Int64.fetchOne(firstFollower, arguments: arguments) else { return nil }
    try makeHead(id, dueAt: now)
    return id
  }

  /// - Parameter id: of a delivery in a lane without a head.
  func makeHead(_ id: Int64, dueAt time: SteadyTime) throws {
    try makeDue.execute(arguments: [time.milliseconds, id])
  }

  func fetch(_ id: Int64) throws -> Delivery {
    guard let row = try Row.fetchOne(delivery, arguments: [id]) else {
      throw UnreadableRow(what: "delivery \(id) has no notification")
    }
    return Delivery(
      id: try row.member("delivery"), destination: try row.member("destination"), lane: try row.member("lane"),
      attempts: try row.value("attempts"), recordedAt: SteadyTime(milliseconds: try row.value("recorded_steady")),
      notification: try row.notification())
  }
}

/// Lanes, each once, in the order they came.
struct OrderedLanes {
  struct Place: Hashable {
    let destination: DestinationID
    let lane: Lane
  }

  private(set) var places: [Place] = []
  private var known: Set<Place> = []

  mutating func append(_ place: Place) {
    if known.insert(place).inserted { places.append(place) }
  }
}
