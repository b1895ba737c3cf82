import Foundation
import GRDB
import RelayCore

/// The failed attempts of deliveries, and of those sent again the earlier successful ones.
struct AttemptHistory {
  private let insert: Statement
  private let forget: Statement

  /// So many attempts of one delivery are kept, the latest. A destination that is paused and probed for months would fill the disk
  /// otherwise; the default schedule makes eleven.
  private static let maximumCount: Int64 = 200

  init(_ db: Database) throws {
    insert = try db.cachedStatement(
      sql: """
        INSERT INTO attempts (delivery, number, started_at, duration_us, http_status, failure, detail, excerpt)
        VALUES (?1, 1 + COALESCE((SELECT max(number) FROM attempts WHERE delivery = ?1), 0), ?2, ?3, ?4, ?5, ?6, ?7)
        """)
    forget = try db.cachedStatement(
      sql: """
        DELETE FROM attempts
        WHERE delivery = ?1 AND number <= (SELECT max(number) FROM attempts WHERE delivery = ?1) - ?2
        """)
  }

  func append(_ report: AttemptReport, of delivery: Int64) throws {
    try insert.execute(
      arguments: [
        delivery, report.startedAt.milliseconds, report.duration.microseconds, report.httpStatus,
        report.failure?.rawValue, report.detail, Data(report.excerpt.prefix(AttemptReport.maximumExcerpt)),
      ])
    try limit(of: delivery)
  }

  /// Forgets the oldest beyond the limit.
  func limit(of delivery: Int64) throws {
    try forget.execute(arguments: [delivery, Self.maximumCount])
  }
}
