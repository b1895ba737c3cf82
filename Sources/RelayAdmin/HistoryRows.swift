import Foundation
import Relay
import RelayCore
import RelayStore

/// A row of the history, as the admin API answers it and `--json` prints it: one JSON object, with GREEN-API's names where it has one.
///
/// Times are whole seconds, so that a row is the same whether it came from a running relay or from the outbox.
public protocol HistoryRow: Sendable, Hashable {
  var id: Int64 { get }
  /// In one line.
  var json: String { get throws }
  init(json: some DataProtocol) throws
}

/// A recorded notification.
public struct HistoryEvent: HistoryRow {
  public let id: Int64
  public let recordedAt: Date
  public let idInstance: Int64
  public let idMessage: String
  public let status: String
  public let typeMessage: String
  public let chatId: String
  /// With the notification's own bytes as `body`.
  public let json: String

  public init(_ row: EventRow) throws {
    let notification = row.notification
    let head = Head(
      id: row.id, recordedAt: Date(wholeSecondsOf: row.recordedAt), webhookId: notification.webhookID,
      idInstance: notification.idInstance.rawValue, idMessage: notification.idMessage,
      status: notification.status.rawValue, typeMessage: notification.typeMessage)
    let text = try JSONEncoder.admin.text(head)
    self.init(
      head, chatId: notification.chatId,
      json: text.dropLast() + #","body":"# + String(decoding: notification.body, as: UTF8.self) + "}")
  }

  public init(json: some DataProtocol) throws {
    let data = Data(json)
    self.init(
      try JSONDecoder.admin.decode(Head.self, from: data),
      chatId: try JSONDecoder.admin.decode(Tail.self, from: data).body.chatId ?? "",
      json: String(decoding: data, as: UTF8.self))
  }

  private init(_ head: Head, chatId: String, json: String) {
    id = head.id
    recordedAt = head.recordedAt
    idInstance = head.idInstance
    idMessage = head.idMessage
    status = head.status
    typeMessage = head.typeMessage
    self.chatId = chatId
    self.json = json
  }

  private struct Head: Codable {
    var id: Int64
    var recordedAt: Date
    var webhookId: String
    var idInstance: Int64
    var idMessage: String
    var status: String
    var typeMessage: String
  }

  private struct Tail: Decodable {
    struct Body: Decodable { var chatId: String? }
    var body: Body
  }
}

/// A delivery; with its attempts where one is asked for by its id.
public struct HistoryDelivery: HistoryRow, Codable {
  public var id: Int64
  public var destination: String
  /// A `DeliveryState`.
  public var state: String
  public var attempts: Int
  public var recordedAt: Date
  /// `nil` when it is settled, or waits behind another of its lane.
  public var dueAt: Date?
  public var settledAt: Date?
  /// A `DeadLetterReason`.
  public var deadLetterReason: String?
  public var lastHTTPStatus: Int?
  /// An `AttemptFailure`.
  public var lastFailure: String?
  public var lastDetail: String?
  public var idInstance: Int64
  public var idMessage: String
  public var status: String
  public var webhookId: String
  /// Oldest first.
  public var attemptList: [HistoryAttempt]?

  /// - Parameter now: places what is due on the wall clock.
  public init(_ row: DeliveryRow, attempts list: [AttemptRow]? = nil, now: Moment) {
    id = row.id.rawValue
    destination = row.destination
    state = row.state.rawValue
    attempts = row.attempts
    recordedAt = Date(wholeSecondsOf: row.recordedAt)
    dueAt = row.dueAt.map { Date(wholeSecondsOf: now.unix + ($0 - now.steady)) }
    settledAt = row.settledAt.map { Date(wholeSecondsOf: $0) }
    deadLetterReason = row.deadLetterReason?.rawValue
    lastHTTPStatus = row.lastHTTPStatus
    lastFailure = row.lastFailure?.rawValue
    lastDetail = row.lastDetail.isEmpty ? nil : row.lastDetail
    idInstance = row.idInstance.rawValue
    idMessage = row.idMessage
    status = row.status.rawValue
    webhookId = row.webhookID
    attemptList = list?.map(HistoryAttempt.init)
  }

  public init(json: some DataProtocol) throws { self = try JSONDecoder.admin.decode(Self.self, from: Data(json)) }

  public var json: String { get throws { try JSONEncoder.admin.text(self) } }

  /// Whether nothing more is to happen to it by itself.
  public var isSettled: Bool { settledAt != nil }
}

/// One attempt of a delivery.
public struct HistoryAttempt: Codable, Sendable, Hashable {
  /// From 1.
  public var number: Int
  public var startedAt: Date
  public var durationSeconds: Double
  /// `nil` when no answer came.
  public var httpStatus: Int?
  /// An `AttemptFailure`; `nil` when it was delivered.
  public var failure: String?
  public var detail: String?
  /// The beginning of the failing answer's body, at most 1 KiB of it; what isn't UTF-8 is replaced.
  public var excerpt: String?

  public init(_ row: AttemptRow) {
    let report = row.report
    number = row.number
    startedAt = Date(wholeSecondsOf: report.startedAt)
    durationSeconds = Double(report.duration.milliseconds) / 1000
    httpStatus = report.httpStatus
    failure = report.failure?.rawValue
    detail = report.detail.isEmpty ? nil : report.detail
    excerpt = report.excerpt.isEmpty ? nil : String(decoding: report.excerpt, as: UTF8.self)
  }
}

/// How many rows a filter finds, and from when to when they are.
public struct HistoryCount: Codable, Sendable, Hashable {
  public var count: Int
  /// When the first one was recorded; `nil` when there is none.
  public var oldest: Date?
  public var newest: Date?

  public init(count: Int, oldest: Date? = nil, newest: Date? = nil) {
    self.count = count
    self.oldest = oldest
    self.newest = newest
  }
}

/// What became of a page of dead letters that were to be sent again.
public struct RetryAnswer: Codable, Sendable, Hashable {
  /// The ids of the deliveries that wait again, in ascending order. As many as the page's limit: there may be more after the last.
  public var retried: [Int64]

  public init(retried: [Int64]) { self.retried = retried }
}

/// What became of a page of notifications that were to be sent again.
public struct ReplayAnswer: Codable, Sendable, Hashable {
  /// How many wait to be sent (again).
  public var replayed: Int
  /// How many the destination does not take, or has still to get.
  public var passedOver: Int
  /// The last notification looked at, after which to go on; `nil` when there was none.
  public var last: Int64?

  public init(replayed: Int, passedOver: Int, last: Int64?) {
    self.replayed = replayed
    self.passedOver = passedOver
    self.last = last
  }
}

extension OutboxHistory {
  public func historyEvents(_ filter: HistoryFilter) async throws -> [HistoryEvent] {
    try await events(filter).map(HistoryEvent.init)
  }

  public func historyDeliveries(_ filter: HistoryFilter, now: Moment) async throws -> [HistoryDelivery] {
    try await deliveries(filter).map { HistoryDelivery($0, now: now) }
  }

  /// A delivery with all its attempts; `nil` when there is none of this id.
  public func historyDelivery(_ id: Int64, now: Moment) async throws -> HistoryDelivery? {
    var filter = HistoryFilter(limit: 1)
    filter.ids = [id]
    guard let row = try await deliveries(filter).first else { return nil }
    return HistoryDelivery(row, attempts: try await attempts(of: row.id), now: now)
  }

  public func eventCount(_ filter: HistoryFilter) async throws -> HistoryCount {
    var count = HistoryCount(count: try await countEvents(filter))
    if count.count > 0 {
      count.oldest = try await events(filter.first).first.map { Date(wholeSecondsOf: $0.recordedAt) }
      count.newest = try await events(filter.last).first.map { Date(wholeSecondsOf: $0.recordedAt) }
    }
    return count
  }

  public func deliveryCount(_ filter: HistoryFilter) async throws -> HistoryCount {
    var count = HistoryCount(count: try await countDeliveries(filter))
    if count.count > 0 {
      count.oldest = try await deliveries(filter.first).first.map { Date(wholeSecondsOf: $0.recordedAt) }
      count.newest = try await deliveries(filter.last).first.map { Date(wholeSecondsOf: $0.recordedAt) }
    }
    return count
  }
}

extension HistoryFilter {
  /// The same, for the oldest row alone.
  fileprivate var first: HistoryFilter {
    var filter = self
    filter.after = after ?? 0
    filter.limit = 1
    return filter
  }

  /// The same, for the newest row alone, where there is one.
  fileprivate var last: HistoryFilter {
    var filter = self
    filter.after = nil
    filter.limit = 1
    return filter
  }
}

extension JSONEncoder {
  /// As the admin API and every `--json` print: ISO 8601 times, keys in order.
  public static var admin: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }

  public func text(_ value: some Encodable) throws -> String { String(decoding: try encode(value), as: UTF8.self) }
}

extension JSONDecoder {
  /// Reads what ``Foundation/JSONEncoder/admin`` wrote.
  public static var admin: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    return decoder
  }
}

extension Date {
  /// Rounded down.
  fileprivate init(wholeSecondsOf time: UnixTime) { self.init(timeIntervalSince1970: Double(time.seconds)) }
}
