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
  private let lanes: LaneQueries
  private let update: BoundStatement
  private let updateAttempted: BoundStatement
  private let attempts: AttemptHistory
  private var delivered: [DestinationID: Int] = [:]
  private var attempted: Set<DestinationID> = []
  private var hasFollowers: [DestinationID: Bool] = [:]

  init(_ db: Database, now: Moment) throws {
    self.db = db
    self.now = now
    lanes = try LaneQueries(db)
    // A follower stays one, whatever is said of it: only a lane's head has a due time.
    let changes = """
      state = ?2, attempts = ?3, due_at = CASE WHEN due_at IS NULL THEN NULL ELSE ?4 END, settled_at = ?5, reason = ?6
      """
    update = try BoundStatement(db, sql: "UPDATE deliveries SET \(changes) WHERE id = ?1 AND settled_at IS NULL")
    updateAttempted = try BoundStatement(
      db,
      sql: """
        UPDATE deliveries SET \(changes),
          last_started_at = ?7, last_duration_us = ?8, last_http_status = ?9, last_failure = ?10, last_detail = ?11
        WHERE id = ?1 AND settled_at IS NULL
        """)
    attempts = try AttemptHistory(db)
  }

  mutating func record(_ settlement: Settlement) throws {
    let id = settlement.delivery.rawValue
    var state = settlement.attempts == 0 ? DeliveryState.waiting : .retrying
    var dueAt: SteadyTime?
    var reason: DeadLetterReason?
    switch settlement.verdict {
    case .delivered: state = .delivered
    case .retry(let time): dueAt = time
    case .deadLetter(let why):
      state = .deadLetter
      reason = why
    case .held: dueAt = now.steady
    }
    let settledAt = dueAt == nil ? now.unix.milliseconds : nil
    // Without a report it was given up unattempted: what the last attempt came to still stands.
    if let report = settlement.report {
      try updateAttempted.run(
        .integer(id), .text(state.rawValue), .integer(Int64(settlement.attempts)), .init(dueAt?.milliseconds),
        .init(settledAt), .init(reason?.rawValue), .integer(report.startedAt.milliseconds),
        .integer(report.duration.microseconds), .init(report.httpStatus.map(Int64.init)),
        .init(report.failure?.rawValue), .text(report.detail))
    } else {
      try update.run(
        .integer(id), .text(state.rawValue), .integer(Int64(settlement.attempts)), .init(dueAt?.milliseconds),
        .init(settledAt), .init(reason?.rawValue))
    }
    guard db.changesCount > 0 else { return }
    if dueAt == nil { try free(settlement) }
    if state == .delivered { delivered[settlement.destination, default: 0] += 1 }
    guard let report = settlement.report else { return }
    attempted.insert(settlement.destination)
    // A successful one stands in the delivery's own row.
    if state != .delivered { try attempts.append(report, of: id) }
  }

  /// The delivery's lane may have a next one. Mostly no lane of a destination holds more than one; then one look spares a look for each.
  private mutating func free(_ settlement: Settlement) throws {
    let destination = settlement.destination
    let mayHave = try hasFollowers[destination] ?? lanes.hasFollowers(destination)
    hasFollowers[destination] = mayHave
    // By the outbox's own account: the lanes may have been divided anew since it was handed out.
    guard mayHave, let lane = try lanes.lane(of: settlement.delivery) else { return }
    freedLanes.append(OrderedLanes.Place(destination: destination, lane: lane))
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
