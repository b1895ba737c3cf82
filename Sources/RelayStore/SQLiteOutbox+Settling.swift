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
  private let unsettled: Statement
  private let update: Statement
  private let noteAttempt: Statement
  private let attempts: AttemptHistory
  private var delivered: [DestinationID: Int] = [:]
  private var attempted: Set<DestinationID> = []

  init(_ db: Database, now: Moment) throws {
    self.db = db
    self.now = now
    unsettled = try db.cachedStatement(
      sql: "SELECT destination, lane FROM deliveries WHERE id = ? AND settled_at IS NULL")
    // A follower stays one, whatever is said of it: only a lane's head has a due time.
    update = try db.cachedStatement(
      sql: """
        UPDATE deliveries
        SET state = ?, attempts = ?, due_at = CASE WHEN due_at IS NULL THEN NULL ELSE ? END, settled_at = ?, reason = ?
        WHERE id = ?
        """)
    noteAttempt = try db.cachedStatement(
      sql: """
        UPDATE deliveries
        SET last_started_at = ?, last_duration_us = ?, last_http_status = ?, last_failure = ?, last_detail = ?
        WHERE id = ?
        """)
    attempts = try AttemptHistory(db)
  }

  mutating func record(_ settlement: Settlement) throws {
    let id = settlement.delivery.rawValue
    guard let row = try Row.fetchOne(unsettled, arguments: [id]) else { return }
    let place = OrderedLanes.Place(destination: try row.member("destination"), lane: try row.member("lane"))

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

    try update.execute(
      arguments: [
        state.rawValue, settlement.attempts, dueAt?.milliseconds, isSettled ? now.unix.milliseconds : nil,
        reason?.rawValue, id,
      ])
    // Without a report it was given up unattempted: what the last attempt came to still stands.
    guard let report = settlement.report else { return }
    try noteAttempt.execute(
      arguments: [
        report.startedAt.milliseconds, report.duration.microseconds, report.httpStatus, report.failure?.rawValue,
        report.detail, id,
      ])
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
