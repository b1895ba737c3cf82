import GRDB
import RelayCore

extension SQLiteOutbox {
  /// A settlement of a delivery that is settled already, or was never recorded, changes nothing.
  public func settle(_ settlements: [Settlement], at now: Moment) async throws(OutboxError) -> [Delivery] {
    guard !settlements.isEmpty else { return [] }
    return try await connection.write("recording what became of \(settlements.count) deliveries") { db in
      var recorder = try SettlementRecorder(db, now: now)
      for settlement in settlements { try recorder.record(settlement) }
      try recorder.sumUp()
      try Self.touch(now, in: db)
      return try LaneQueries(db).promote(in: recorder.freedLanes, at: now.steady)
    }
  }
}

/// Writes attempts and what follows from them, within one transaction.
private struct SettlementRecorder {
  /// Lanes whose head may be gone.
  private(set) var freedLanes = OrderedLanes()

  private let db: Database
  private let now: Moment
  private let unsettled: BoundStatement
  private let update: BoundStatement
  private let updateAttempted: BoundStatement
  private let attempts: AttemptHistory
  private var delivered: [DestinationID: Int] = [:]
  private var attempted: Set<DestinationID> = []

  init(_ db: Database, now: Moment) throws {
    self.db = db
    self.now = now
    unsettled = try BoundStatement(
      db, sql: "SELECT destination, lane FROM deliveries WHERE id = ? AND settled_at IS NULL")
    // A follower stays one, whatever is said of it: only a lane's head has a due time.
    let changes = """
      state = ?2, attempts = ?3, due_at = CASE WHEN due_at IS NULL THEN NULL ELSE ?4 END, settled_at = ?5, reason = ?6
      """
    update = try BoundStatement(db, sql: "UPDATE deliveries SET \(changes) WHERE id = ?1")
    updateAttempted = try BoundStatement(
      db,
      sql: """
        UPDATE deliveries SET \(changes),
          last_started_at = ?7, last_duration_us = ?8, last_http_status = ?9, last_failure = ?10, last_detail = ?11
        WHERE id = ?1
        """)
    attempts = try AttemptHistory(db)
  }

  mutating func record(_ settlement: Settlement) throws {
    let id = settlement.delivery.rawValue
    let place = try unsettled.first(.integer(id)) { row in
      OrderedLanes.Place(destination: try row.member(0), lane: try row.member(1))
    }
    guard let place else { return }

    var state = settlement.attempts == 0 ? DeliveryState.waiting : .retrying
    var dueAt: SteadyTime?
    var reason: DeadLetterReason?
    switch settlement.verdict {
    case .delivered:
      state = .delivered
      delivered[place.destination, default: 0] += 1
    case .retry(let time): dueAt = time
    case .deadLetter(let why):
      state = .deadLetter
      reason = why
    case .held: dueAt = now.steady
    }
    let isSettled = dueAt == nil
    if isSettled { freedLanes.append(place) }

    let settledAt = isSettled ? now.unix.milliseconds : nil
    // Without a report it was given up unattempted: what the last attempt came to still stands.
    guard let report = settlement.report else {
      return try update.run(
        .integer(id), .text(state.rawValue), .integer(Int64(settlement.attempts)), .init(dueAt?.milliseconds),
        .init(settledAt), .init(reason?.rawValue))
    }
    try updateAttempted.run(
      .integer(id), .text(state.rawValue), .integer(Int64(settlement.attempts)), .init(dueAt?.milliseconds),
      .init(settledAt), .init(reason?.rawValue), .integer(report.startedAt.milliseconds),
      .integer(report.duration.microseconds), .init(report.httpStatus.map(Int64.init)), .init(report.failure?.rawValue),
      .text(report.detail))
    attempted.insert(place.destination)
    // A successful one stands in the delivery's own row.
    if state != .delivered { try attempts.append(report, of: id) }
  }

  func sumUp() throws {
    let add = try db.cachedStatement(
      sql: """
        UPDATE destinations SET delivered = delivered + ?1,
          latest_attempt_steady = CASE WHEN ?2 THEN max(COALESCE(latest_attempt_steady, ?3), ?3) ELSE latest_attempt_steady END
        WHERE id = ?4
        """)
    for destination in attempted.union(delivered.keys) {
      try add.execute(
        arguments: [
          delivered[destination] ?? 0, attempted.contains(destination), now.steady.milliseconds, destination.rawValue,
        ])
    }
  }
}
