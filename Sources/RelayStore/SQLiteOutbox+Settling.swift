import Foundation
import GRDB
import RelayCore

extension SQLiteOutbox {
  /// A settlement of a delivery that is settled already, or was never recorded, changes nothing.
  public func settle(_ settlements: [Settlement], at now: Moment) async throws(OutboxError) -> [Delivery] {
    guard !settlements.isEmpty else { return [] }
    return try await connection.write("recording what became of \(settlements.count) deliveries") { db in
      var recorder = try SettlementRecorder(db, now: now)
      for settlement in settlements { try recorder.record(settlement) }
      try recorder.countDelivered()
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
  private let insertAttempt: Statement
  private let forgetAttempt: Statement
  private var delivered: [DestinationID: Int] = [:]

  /// So many failed attempts of one delivery are kept, the latest. A destination that is paused and probed for months would
  /// fill the disk otherwise; the default schedule makes eleven.
  private static let maximumAttempts: Int64 = 200

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
    insertAttempt = try db.cachedStatement(
      sql: """
        INSERT INTO attempts (delivery, number, started_at, duration_us, http_status, failure, detail, excerpt)
        VALUES (?1, 1 + COALESCE((SELECT max(number) FROM attempts WHERE delivery = ?1), 0), ?2, ?3, ?4, ?5, ?6, ?7)
        """)
    forgetAttempt = try db.cachedStatement(
      sql: """
        DELETE FROM attempts
        WHERE delivery = ?1 AND number <= (SELECT max(number) FROM attempts WHERE delivery = ?1) - ?2
        """)
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
    if state != .delivered { try keepFailedAttempt(report, of: id) }
  }

  private func keepFailedAttempt(_ report: AttemptReport, of id: Int64) throws {
    try insertAttempt.execute(
      arguments: [
        id, report.startedAt.milliseconds, report.duration.microseconds, report.httpStatus, report.failure?.rawValue,
        report.detail, Data(report.excerpt.prefix(AttemptReport.maximumExcerpt)),
      ])
    try forgetAttempt.execute(arguments: [id, Self.maximumAttempts])
  }

  func countDelivered() throws {
    let add = try db.cachedStatement(sql: "UPDATE destinations SET delivered = delivered + ? WHERE id = ?")
    for (destination, count) in delivered { try add.execute(arguments: [count, destination.rawValue]) }
  }
}
