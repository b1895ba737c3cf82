import Foundation
import GRDB
import GreenAPI
import RelayCore

/// Reading a column never traps, whatever a damaged file holds: GRDB's own typed subscripts do.
extension Row {
  func value<T: DatabaseValueConvertible>(_ column: String, as type: T.Type = T.self) throws(UnreadableRow) -> T {
    guard let value: T = try optional(column) else { throw UnreadableRow(what: "\(column) is NULL") }
    return value
  }

  func optional<T: DatabaseValueConvertible>(_ column: String, as type: T.Type = T.self) throws(UnreadableRow) -> T? {
    let stored: DatabaseValue? = self[column]
    guard let stored, !stored.isNull else { return nil }
    guard let value = T.fromDatabaseValue(stored) else { throw UnreadableRow(what: "\(column) holds \(stored)") }
    return value
  }

  func bytes(_ column: String) throws(UnreadableRow) -> [UInt8] { Array(try value(column, as: Data.self)) }

  func unixTime(_ column: String) throws(UnreadableRow) -> UnixTime {
    UnixTime(milliseconds: try value(column))
  }

  /// A value of ours that is not every integer or text.
  func member<T: RawRepresentable>(_ column: String, of type: T.Type = T.self) throws(UnreadableRow) -> T
  where T.RawValue: DatabaseValueConvertible {
    let raw: T.RawValue = try value(column)
    guard let member = T(rawValue: raw) else { throw UnreadableRow(what: "\(column) holds \(raw)") }
    return member
  }

  func optionalMember<T: RawRepresentable>(_ column: String, of type: T.Type = T.self) throws(UnreadableRow) -> T?
  where T.RawValue: DatabaseValueConvertible {
    let raw: T.RawValue? = try optional(column)
    guard let raw else { return nil }
    guard let member = T(rawValue: raw) else { throw UnreadableRow(what: "\(column) holds \(raw)") }
    return member
  }

  /// The columns of `notifications`.
  func notification() throws(UnreadableRow) -> RelayCore.Notification {
    RelayCore.Notification(
      webhookID: try value("webhook_id"), idInstance: try member("account"), idMessage: try value("id_message"),
      status: try member("status"), timestamp: try value("timestamp"), chatId: try value("chat_id"),
      typeMessage: try value("type_message"), sendByApi: try value("send_by_api"), body: try bytes("body"))
  }

  /// `last_…` of `deliveries`, or the same columns of `attempts`.
  func attemptReport(_ prefix: String = "", excerpt: [UInt8] = []) throws(UnreadableRow) -> AttemptReport {
    AttemptReport(
      startedAt: try unixTime(prefix + "started_at"),
      duration: .microseconds(try value(prefix + "duration_us", as: Int64.self)),
      httpStatus: try optional(prefix + "http_status"), failure: try optionalMember(prefix + "failure"),
      detail: try value(prefix + "detail"), excerpt: excerpt)
  }
}

extension Duration {
  /// Whole microseconds, rounded towards zero; saturates like ``milliseconds``.
  var microseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    return overflow ? (seconds < 0 ? .min : .max) : product + attoseconds / 1_000_000_000_000
  }
}
