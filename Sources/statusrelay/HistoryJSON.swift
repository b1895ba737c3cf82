import Foundation
import Relay
import RelayAdmin
import RelayCore
import RelayStore

/// History as `--json` prints it: one object a line, the field names of the admin API and of GREEN-API.
enum HistoryJSON {
  /// With the notification's own bytes as `body`.
  static func line(_ row: EventRow) throws -> String {
    let notification = row.notification
    let head = try text(
      Event(
        id: row.id, recordedAt: Date(row.recordedAt), webhookId: notification.webhookID,
        idInstance: notification.idInstance.rawValue, idMessage: notification.idMessage,
        status: notification.status.rawValue, typeMessage: notification.typeMessage))
    return head.dropLast() + #","body":"# + String(decoding: notification.body, as: UTF8.self) + "}"
  }

  static func line(_ row: DeliveryRow, now: Moment) throws -> String { try text(Delivery(row, now: now)) }

  static func line(_ row: DeliveryRow, attempts: [AttemptRow], now: Moment) throws -> String {
    var delivery = Delivery(row, now: now)
    delivery.attemptList = attempts.map(Attempt.init)
    return try text(delivery)
  }

  static func text(_ value: some Encodable) throws -> String {
    String(decoding: try JSONEncoder.admin.encode(value), as: UTF8.self)
  }

  private struct Event: Encodable {
    var id: Int64
    var recordedAt: Date
    var webhookId: String
    var idInstance: Int64
    var idMessage: String
    var status: String
    var typeMessage: String
  }

  private struct Delivery: Encodable {
    var id: Int64
    var destination: String
    var state: String
    var attempts: Int
    var recordedAt: Date
    var dueAt: Date?
    var settledAt: Date?
    var deadLetterReason: String?
    var lastHTTPStatus: Int?
    var lastFailure: String?
    var lastDetail: String?
    var idInstance: Int64
    var idMessage: String
    var status: String
    var webhookId: String
    var attemptList: [Attempt]?

    init(_ row: DeliveryRow, now: Moment) {
      id = row.id.rawValue
      destination = row.destination
      state = row.state.rawValue
      attempts = row.attempts
      recordedAt = Date(row.recordedAt)
      dueAt = row.dueTime(now: now).map { Date($0) }
      settledAt = row.settledAt.map { Date($0) }
      deadLetterReason = row.deadLetterReason?.rawValue
      lastHTTPStatus = row.lastHTTPStatus
      lastFailure = row.lastFailure?.rawValue
      lastDetail = row.lastDetail.isEmpty ? nil : row.lastDetail
      idInstance = row.idInstance.rawValue
      idMessage = row.idMessage
      status = row.status.rawValue
      webhookId = row.webhookID
    }
  }

  private struct Attempt: Encodable {
    var number: Int
    var startedAt: Date
    var durationSeconds: Double
    var httpStatus: Int?
    var failure: String?
    var detail: String?
    /// The beginning of the failing answer's body; what isn't UTF-8 is replaced.
    var excerpt: String?

    init(_ row: AttemptRow) {
      let report = row.report
      number = row.number
      startedAt = Date(report.startedAt)
      let duration = report.duration.components
      durationSeconds = Double(duration.seconds) + Double(duration.attoseconds / 1_000_000_000_000) / 1_000_000
      httpStatus = report.httpStatus
      failure = report.failure?.rawValue
      detail = report.detail.isEmpty ? nil : report.detail
      excerpt = report.excerpt.isEmpty ? nil : String(decoding: report.excerpt, as: UTF8.self)
    }
  }
}

extension DeliveryRow {
  /// When it is due, on the wall clock.
  func dueTime(now: Moment) -> UnixTime? { dueAt.map { now.unix + ($0 - now.steady) } }
}
