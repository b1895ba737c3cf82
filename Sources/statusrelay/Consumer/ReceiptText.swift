import Foundation
import GreenAPI

/// A receipt as `listen` prints it.
enum ReceiptText {
  /// One line for people, such as
  /// `08:00:00.123  710700000042  BAE5000000000001  delivered  first  token ok  signature ok`.
  static func line(_ receipt: Receipt, timeZone: TimeZone = .current) -> String {
    var columns = [timeOfDay(receipt.receivedAt, in: timeZone)]
    switch receipt.content {
    case .messageStatus(let notification):
      columns += [padded("\(notification.idInstance)", 12), padded(notification.idMessage, 16)]
      columns.append(padded(notification.status.rawValue, 9))
    case .other(let type): columns.append("notification \(type), about no status")
    case .malformed: columns.append("\(receipt.request.method) \(receipt.request.path)")
    }
    columns.append(verdict(receipt))
    columns += ["token \(receipt.token.rawValue)", "signature \(receipt.signature.name)"]
    return oneLine(columns.joined(separator: "  "))
  }

  private static func verdict(_ receipt: Receipt) -> String {
    let answer = receipt.answer
    if !answer.isAcceptance {
      return "answered \(answer.httpStatus)" + (answer.reason.map { " (\($0))" } ?? "")
    }
    return padded(receipt.arrival?.text ?? "taken", 8)
  }

  /// The same as one JSON object, with what was received. The value of Authorization is left out but for its scheme.
  static func json(_ receipt: Receipt) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(Object(receipt)) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }

  private struct Object: Encodable {
    var time: String
    var method: String
    var path: String
    var headers: [String: String]
    var body: String
    var idInstance: Int64?
    var idMessage: String?
    var status: String?
    var webhookID: String?
    var arrival: String?
    var token: String
    var signature: String
    var signatureProblem: String?
    var problems: [String]
    var httpStatus: Int
    var reason: String?

    init(_ receipt: Receipt) {
      time = receipt.receivedAt.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
      method = receipt.request.method
      path = Redaction.redact(receipt.request.path)
      headers = Dictionary(receipt.request.headers.map { ($0.name.lowercased(), $0.value) }) { "\($0), \($1)" }
      if let authorization = headers["authorization"] {
        let scheme = authorization.split(separator: " ", maxSplits: 1)
        headers["authorization"] = scheme.count > 1 ? "\(scheme[0]) ***" : "***"
      }
      body = String(decoding: receipt.request.body, as: UTF8.self)
      if case .messageStatus(let notification) = receipt.content {
        idInstance = notification.idInstance.rawValue
        idMessage = notification.idMessage
        status = notification.status.rawValue
      }
      webhookID = receipt.webhookID
      arrival = receipt.arrival?.rawValue
      token = receipt.token.rawValue
      signature = receipt.signature.name
      if case .bad(let why) = receipt.signature { signatureProblem = why }
      problems = receipt.content.problems
      httpStatus = receipt.answer.httpStatus
      reason = receipt.answer.reason
    }
  }

  /// What has come in all, for the end.
  static func summary(_ tally: Consumer.Tally) -> String {
    func count(_ arrival: Arrival) -> Int { tally.arrivals[arrival] ?? 0 }
    var parts = ["\(count(.first)) first", "\(count(.repeated)) repeats", "\(count(.outOfOrder)) out of order"]
    if count(.repeatedUnderAnotherID) > 0 {
      parts.append("\(count(.repeatedUnderAnotherID)) repeats under another webhook-id")
    }
    if count(.idReused) > 0 { parts.append("\(count(.idReused)) under a webhook-id used before") }
    if tally.other > 0 { parts.append("\(tally.other) about no status") }
    return "\(tally.requests) requests: \(parts.joined(separator: ", ")), \(tally.refused) refused"
  }

  private static func timeOfDay(_ date: Date, in timeZone: TimeZone) -> String {
    var style = Date.ISO8601FormatStyle(includingFractionalSeconds: true, timeZone: timeZone)
    style = style.time(includingFractionalSeconds: true)
    return date.formatted(style)
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// Nothing from outside may break a line or steer a terminal.
  static func oneLine(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { [.control, .format].contains($0.properties.generalCategory) ? "·" : $0 }))
  }
}
