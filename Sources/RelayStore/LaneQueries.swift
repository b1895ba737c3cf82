import GRDB
import RelayCore

/// The order within lanes, as the table keeps it: of a lane's unsettled deliveries exactly one, its head, has a due time. It is the
/// first one by notification, or, after an earlier settled one came back to life, the one that may be in the air at that moment.
struct LaneQueries {
  private let head: BoundStatement
  private let firstFollower: BoundStatement
  private let anyFollower: BoundStatement
  private let lane: BoundStatement
  private let makeDue: BoundStatement
  private let delivery: BoundStatement

  init(_ db: Database) throws {
    head = try BoundStatement(db, sql: Self.headSQL)
    firstFollower = try BoundStatement(db, sql: Self.firstFollowerSQL)
    anyFollower = try BoundStatement(db, sql: Self.anyFollowerSQL)
    lane = try BoundStatement(db, sql: "SELECT lane FROM deliveries WHERE id = ?")
    makeDue = try BoundStatement(db, sql: "UPDATE deliveries SET due_at = ? WHERE id = ?")
    delivery = try BoundStatement(db, sql: Self.deliverySQL)
  }

  static let headSQL = "SELECT id FROM deliveries WHERE destination = ? AND lane = ? AND due_at IS NOT NULL"

  static let firstFollowerSQL = """
    SELECT id FROM deliveries WHERE destination = ? AND lane = ? AND due_at IS NULL AND settled_at IS NULL
    ORDER BY notification LIMIT 1
    """

  static let anyFollowerSQL = """
    SELECT id FROM deliveries WHERE destination = ? AND due_at IS NULL AND settled_at IS NULL LIMIT 1
    """

  static let deliverySQL = """
    SELECT \(BoundRow.deliveryColumns) FROM deliveries d JOIN notifications n ON n.id = d.notification WHERE d.id = ?
    """

  func hasHead(_ destination: DestinationID, _ lane: Lane) throws -> Bool {
    try head.first(.integer(destination.rawValue), .integer(lane.rawValue)) { _ in true } ?? false
  }

  /// In each lane that has no head, makes the first unsettled delivery the head, due at `now`.
  /// - Returns: the new heads, in the order of `lanes`.
  func promote(in lanes: OrderedLanes, at now: SteadyTime) throws -> [Delivery] {
    var heads: [Delivery] = []
    for place in lanes.places {
      guard let id = try promote(in: place, at: now) else { continue }
      heads.append(try fetch(id))
    }
    return heads
  }

  func lane(of id: DeliveryID) throws -> Lane? {
    try lane.first(.integer(id.rawValue)) { Lane(rawValue: try $0.integer(0)) }
  }

  /// Whether any delivery of this destination waits behind another one of its lane.
  func hasFollowers(_ destination: DestinationID) throws -> Bool {
    try anyFollower.first(.integer(destination.rawValue)) { _ in true } ?? false
  }

  /// Makes the first unsettled delivery of a lane without a head its head, due at `now`.
  /// - Returns: the new head.
  @discardableResult
  func promote(in place: OrderedLanes.Place, at now: SteadyTime) throws -> Int64? {
    let (destination, lane) = (place.destination.rawValue, place.lane.rawValue)
    guard let id = try firstFollower.first(.integer(destination), .integer(lane), read: { try $0.integer(0) }),
      try !hasHead(place.destination, place.lane)
    else { return nil }
    try makeHead(id, dueAt: now)
    return id
  }

  /// - Parameter id: of a delivery in a lane without a head.
  func makeHead(_ id: Int64, dueAt time: SteadyTime) throws {
    try makeDue.run(.integer(time.milliseconds), .integer(id))
  }

  func fetch(_ id: Int64) throws -> Delivery {
    let found = try delivery.first(.integer(id)) { try $0.delivery(at: 0) }
    guard let found else { throw UnreadableRow(what: "delivery \(id) has no notification") }
    return found
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
