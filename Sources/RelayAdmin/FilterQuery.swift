import Foundation
import GreenAPI
import RelayCore
import RelayStore

/// A ``HistoryFilter`` as the query of a URL: `account=1101000001&state=retrying&since=2026-11-21T08:00:00Z&limit=100`.
public struct FilterQuery: Sendable, Hashable {
  public var filter: HistoryFilter

  /// The most rows one request lists or acts on, and the most values it may give of one parameter.
  public static let maximumLimit = 1000
  public static let defaultLimit = 50

  public init(_ filter: HistoryFilter) { self.filter = filter }

  public enum Parameter: String, CaseIterable, Sendable {
    case account, destination, message, status, state, since, until, settledSince, before, after, id, limit
  }

  /// What is wrong with a query, in words.
  public struct Invalid: Error, CustomStringConvertible {
    public var description: String
  }

  // MARK: Reading

  /// - Parameters:
  ///   - items: decoded; `account`, `destination`, `status`, `state` and `id` may stand in it more than once.
  ///   - others: names of parameters that are the caller's own, and passed over.
  public init(
    _ items: [(name: String, value: String)], passingOver others: Set<String> = [], limit: Int = defaultLimit
  ) throws(Invalid) {
    filter = HistoryFilter(limit: limit)
    var values: [Parameter: [String]] = [:]
    for (name, value) in items where !others.contains(name) {
      guard let parameter = Parameter(rawValue: name) else {
        let known = Parameter.allCases.map(\.rawValue) + others.sorted()
        throw Invalid(description: "there is no parameter \(name.quoted): expected \(known.joined(separator: ", "))")
      }
      values[parameter, default: []].append(value)
    }
    for (parameter, values) in values.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      try take(parameter, values)
    }
  }

  private mutating func take(_ parameter: Parameter, _ values: [String]) throws(Invalid) {
    guard values.count <= Self.maximumLimit else {
      throw Invalid(description: "\(parameter.rawValue) is given \(values.count) times: at most \(Self.maximumLimit)")
    }
    func each<T: Hashable>(_ expected: String, _ read: (String) -> T?) throws(Invalid) -> Set<T> {
      var result: Set<T> = []
      for text in values {
        guard let value = read(text) else {
          throw Invalid(description: "\(parameter.rawValue)=\(text.quoted): expected \(expected)")
        }
        result.insert(value)
      }
      return result
    }
    func one<T: Hashable>(_ expected: String, _ read: (String) -> T?) throws(Invalid) -> T? {
      guard values.count == 1 else { throw Invalid(description: "\(parameter.rawValue) is given more than once") }
      return try each(expected, read).first
    }
    let time = "an ISO 8601 time with its zone, such as 2026-11-21T08:00:00Z"
    let states = DeliveryState.allCases.map(\.rawValue).joined(separator: ", ")
    switch parameter {
    case .account: filter.accounts = try each("a number of 1 to 18 digits", IDInstance.init)
    case .destination: filter.destinations = try each("a name") { $0.isEmpty ? nil : $0 }
    case .message: filter.idMessage = try one("an idMessage") { $0.isEmpty ? nil : $0 }
    case .status: filter.statuses = try each("a status") { $0.isEmpty ? nil : MessageStatus(rawValue: $0) }
    case .state: filter.states = try each("one of \(states)", DeliveryState.init)
    case .since: filter.since = try one(time) { UnixTime(iso8601: $0, zone: nil) }
    case .until: filter.until = try one(time) { UnixTime(iso8601: $0, zone: nil) }
    case .settledSince: filter.settledSince = try one(time) { UnixTime(iso8601: $0, zone: nil) }
    case .before: filter.before = try one("an id") { Int64($0) }
    case .after: filter.after = try one("an id") { Int64($0) }
    case .id: filter.ids = try each("an id") { Int64($0) }
    case .limit:
      let range = 1...Self.maximumLimit
      let limit = try one("\(range.lowerBound) to \(range.upperBound)") { Int($0).flatMap { range ~= $0 ? $0 : nil } }
      filter.limit = limit ?? filter.limit
    }
  }

  // MARK: Writing

  /// With what restricts something, in the order of ``Parameter``; sets in ascending order.
  public var items: [(name: String, value: String)] {
    var items: [(name: String, value: String)] = []
    func add(_ parameter: Parameter, _ values: some Sequence<String>) {
      items += values.map { (parameter.rawValue, $0) }
    }
    add(.account, filter.accounts.map(\.rawValue).sorted().map(String.init))
    add(.destination, filter.destinations.sorted())
    add(.message, filter.idMessage.map { [$0] } ?? [])
    add(.status, filter.statuses.map(\.rawValue).sorted())
    add(.state, filter.states.map(\.rawValue).sorted())
    add(.since, filter.since.map { [$0.iso8601] } ?? [])
    add(.until, filter.until.map { [$0.iso8601] } ?? [])
    add(.settledSince, filter.settledSince.map { [$0.iso8601] } ?? [])
    add(.before, filter.before.map { ["\($0)"] } ?? [])
    add(.after, filter.after.map { ["\($0)"] } ?? [])
    add(.id, filter.ids.sorted().map(String.init))
    add(.limit, ["\(filter.limit)"])
    return items
  }
}

extension String {
  /// A text that came from outside, short and in quotes.
  fileprivate var quoted: String { "'" + (count > 64 ? prefix(63) + "…" : self[...]) + "'" }
}

extension UnixTime {
  /// Reads ISO 8601: `2026-11-21`, `2026-11-21T08:00`, `2026-11-21T08:00:00.25Z`; `nil` for anything else.
  /// - Parameter zone: for a text that doesn't say it; without one, such a text is none.
  public init?(iso8601 text: String, zone: TimeZone?) {
    let form =
      #/(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+\-]\d\d(?::?\d\d)?)?)?/#
    guard let match = text.uppercased().wholeMatch(of: form) else { return nil }
    let parts = match.output
    var components = DateComponents(
      year: Int(parts.1), month: Int(parts.2), day: Int(parts.3), hour: parts.4.flatMap { Int($0) } ?? 0,
      minute: parts.5.flatMap { Int($0) } ?? 0, second: parts.6.flatMap { Int($0) } ?? 0)
    var calendar = Calendar(identifier: .gregorian)
    guard let zone = parts.8.map({ Self.zone($0) }) ?? zone else { return nil }
    calendar.timeZone = zone
    components.calendar = calendar
    // Lenient reckoning would take a 30 February for 2 March.
    guard components.isValidDate, let date = calendar.date(from: components) else { return nil }
    let fraction = Int64((String(parts.7 ?? "") + "000").prefix(3)) ?? 0
    self.init(milliseconds: Int64(date.timeIntervalSince1970.rounded()) * 1000 + fraction)
  }

  private static func zone(_ offset: Substring) -> TimeZone? {
    if offset == "Z" { return TimeZone(secondsFromGMT: 0) }
    let digits = offset.dropFirst().filter { $0 != ":" }
    guard let hours = Int(digits.prefix(2)), let minutes = digits.count > 2 ? Int(digits.dropFirst(2)) : 0,
      hours <= 14, minutes < 60
    else { return nil }
    return TimeZone(secondsFromGMT: (offset.hasPrefix("-") ? -1 : 1) * (hours * 3600 + minutes * 60))
  }

  /// In UTC, to the millisecond.
  public var iso8601: String {
    let whole = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    let part = milliseconds - seconds * 1000
    guard part > 0 else { return whole }
    return whole.dropLast() + "." + String(1000 + part).dropFirst() + "Z"
  }
}
