import Foundation
import Hummingbird
import HummingbirdCore
import ServiceLifecycle

/// Writes one answer to a connection, in the way its ``Answer/Delivery`` says.
struct AnswerWriter: Sendable {
  /// Thrown to have the connection closed as it is.
  struct Abandon: Error {}

  let answer: Answer
  let date: Date
  /// Called just before the last bytes are handed over.
  let willFinish: @Sendable () async -> Void
  /// Breaks off an answer that would hold up a shutdown.
  let closeConnection: @Sendable () -> Void

  /// What a socket takes at once, so that it is on its way before the connection closes.
  private static let truncatedSize = 65_536

  /// How often a slow body gets some more bytes: often enough to look steady, seldom enough to cost nothing.
  private static let slowSteps = 10

  func write(to writer: consuming ResponseWriter, request: Request) async throws {
    switch answer.delivery {
    case .whole where answer.body.unitCount == 0:
      await willFinish()
      let body = ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body.head + answer.body.tail))
      try await writer.write(response: head(length: answer.body.size), body: body)
    case .whole:
      let body = try await writer.writeHead(head(length: answer.contentEncoding == nil ? nil : answer.body.size))
      try await whileWanted(request) { try await repeated(to: body) }
    case .truncated:
      var body = try await writer.writeHead(head(length: max(2, answer.body.size)))
      try await body.write(ByteBuffer(bytes: answer.body.bytes(in: 0..<min(answer.body.size / 2, Self.truncatedSize))))
      throw Abandon()
    case .slow(let bytesPerSecond):
      let body = try await writer.writeHead(head(length: answer.body.size))
      try await whileWanted(request) { try await slowly(bytesPerSecond, to: body) }
    case .silence:
      try await whileWanted(request) { while true { try await Task.sleep(for: .seconds(60)) } }
    case .hangUp: throw Abandon()
    }
  }

  /// Runs until the client has gone or the server shuts down, at the latest.
  private func whileWanted(_ request: Request, _ operation: () async throws -> Void) async throws {
    try await withGracefulShutdownHandler {
      try await request.body.consumeWithCancellationOnInboundClose { _ in try await operation() }
    } onGracefulShutdown: {
      closeConnection()
    }
  }

  private func repeated(to body: some ResponseBodyWriter) async throws {
    var body = body
    try await body.write(ByteBuffer(bytes: answer.body.head))
    let unit = ByteBuffer(bytes: answer.body.unit)
    // Units of some bytes are written thousands at a time.
    let unitsAtOnce = max(1, 65_536 / answer.body.unit.count)
    let many = ByteBuffer(bytes: Array(repeatElement(answer.body.unit, count: unitsAtOnce).joined()))
    for _ in 0..<answer.body.unitCount / unitsAtOnce { try await body.write(many) }
    for _ in 0..<answer.body.unitCount % unitsAtOnce { try await body.write(unit) }
    await willFinish()
    try await body.write(ByteBuffer(bytes: answer.body.tail))
    try await body.finish(nil)
  }

  private func slowly(_ bytesPerSecond: Int, to body: some ResponseBodyWriter) async throws {
    var body = body
    let size = answer.body.size
    let step = max(1, bytesPerSecond / Self.slowSteps)
    let pause = Duration.seconds(Double(step) / Double(bytesPerSecond))
    for start in stride(from: 0, to: size, by: step) {
      if start > 0 { try await Task.sleep(for: pause) }
      if start + step >= size { await willFinish() }
      try await body.write(ByteBuffer(bytes: answer.body.bytes(in: start..<start + step)))
    }
    try await body.finish(nil)
  }

  private func head(length: Int?) -> HTTPResponse {
    var head = HTTPResponse(status: HTTPResponse.Status(code: answer.status))
    head.headerFields[.date] = HTTPDate.text(date)
    head.headerFields[.contentType] = answer.contentType
    if let encoding = answer.contentEncoding { head.headerFields[.contentEncoding] = encoding }
    if let length { head.headerFields[.contentLength] = String(length) }
    return head
  }
}

/// The date format of HTTP headers. https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
enum HTTPDate {
  private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
  private static let calendar: Calendar = {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    return calendar
  }()

  static func text(_ date: Date) -> String {
    let parts = calendar.dateComponents([.weekday, .day, .month, .year, .hour, .minute, .second], from: date)
    func digits(_ number: Int?, _ width: Int = 2) -> String {
      let text = String(number ?? 0)
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    let day = "\(days[(parts.weekday ?? 1) - 1]), \(digits(parts.day)) \(months[(parts.month ?? 1) - 1])"
    let time = "\(digits(parts.hour)):\(digits(parts.minute)):\(digits(parts.second))"
    return "\(day) \(digits(parts.year, 4)) \(time) GMT"
  }
}
