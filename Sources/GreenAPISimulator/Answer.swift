import Foundation
import GreenAPI

/// What the simulator answers to one request, faults included, before it is written to a socket.
public struct Answer: Hashable, Sendable {
  /// How the bytes go over the wire.
  public enum Delivery: Hashable, Sendable {
    case whole
    /// Half of what is announced, but no more than 64 kB, then the connection closes.
    case truncated
    case slow(bytesPerSecond: Int)
    /// Nothing at all, with the connection open.
    case silence
    /// Nothing at all, with the connection closed.
    case hangUp
  }

  /// A body of `head`, then `unit` repeated, then `tail`: large ones take no memory.
  public struct Body: Hashable, Sendable {
    public var head: [UInt8]
    public var unit: [UInt8] = []
    public var unitCount = 0
    public var tail: [UInt8] = []

    public init(_ bytes: [UInt8]) { head = bytes }

    init(head: [UInt8], unit: [UInt8], unitCount: Int, tail: [UInt8]) {
      self.head = head
      self.unit = unit
      self.unitCount = unitCount
      self.tail = tail
    }

    public var size: Int { head.count + unit.count * unitCount + tail.count }

    /// Part of it, as far as it reaches.
    public func bytes(in range: Range<Int>) -> [UInt8] {
      let middle = head.count..<(size - tail.count)
      return range.clamped(to: 0..<size).map { position in
        if position < middle.lowerBound { return head[position] }
        if position >= middle.upperBound { return tail[position - middle.upperBound] }
        return unit[(position - middle.lowerBound) % unit.count]
      }
    }
  }

  /// One state of one message that a successful getOutgoingStatuses answer carries whole.
  public struct Shown: Hashable, Sendable {
    public let idInstance: IDInstance
    public let idMessage: String
    public let status: MessageStatus
  }

  public var status: Int
  public var contentType: String
  public var contentEncoding: String?
  public var body: Body
  public var delivery: Delivery = .whole
  /// Seconds that the Date header is off.
  public var dateOffset = 0
  public var shown: [Shown] = []
  /// What the body is made of, while it is still one of records.
  var records: [JSON]?

  static let jsonType = "application/json; charset=utf-8"
  static let textType = "text/plain; charset=utf-8"

  init(_ json: JSON, status: Int = 200) {
    self.status = status
    contentType = Self.jsonType
    body = Body(json.bytes)
  }

  init(records: [JSON]) {
    self.init(JSON.array(records))
    self.records = records
  }

  init(status: Int, text: String) {
    self.status = status
    contentType = Self.textType
    body = Body(Array(text.utf8))
  }
}

extension Answer {
  /// The answer that goes with an HTTP status where no body is given.
  static func documented(_ status: Int, _ method: APIMethod) -> Answer {
    switch status {
    case 200: Answer(JSON.array([]))
    // What the beta methods were seen to say: green-api/issues #790.
    case 400: ErrorAnswer.internalError400.answer(method, path: "")
    case 405: Answer(status: status, text: "Method Not Allowed")
    default:
      documented[status]?.answer(method, path: "") ?? Answer(status: status, text: "")
    }
  }

  private static let documented: [Int: ErrorAnswer] = [
    401: .wrongToken, 403: .noAccess, 404: .notFound, 429: .rateLimited, 466: .quotaExceeded, 499: .clientClosedRequest,
    500: .internalError, 502: .badGateway, 503: .unavailable, 504: .gatewayTimeout,
  ]
}
