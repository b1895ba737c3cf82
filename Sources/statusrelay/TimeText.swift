import ArgumentParser
import Foundation
import Relay
import RelayCore

/// A point in time as `--since` and `--until` take it.
enum PointInTime: Sendable, Hashable {
  /// So long ago.
  case ago(Duration)
  case at(UnixTime)

  func time(now: UnixTime) -> UnixTime {
    switch self {
    case .ago(let duration): now + (.zero - duration)
    case .at(let time): time
    }
  }

  /// `2h`, or ISO 8601: `2026-11-21`, `2026-11-21T08:00`, `2026-11-21T08:00:00Z`; local time where no zone is said.
  @Sendable static func argument(_ text: String) throws -> PointInTime {
    if let duration = DurationText.parse(text) { return .ago(duration) }
    if let time = UnixTime(iso8601: text) { return .at(time) }
    let meant = DurationText.suggestion(for: text).map { " Did you mean \($0)?" } ?? ""
    throw ValidationError(
      "'\(text)' is no time: expected how long ago, such as 2h or 30d, or a date such as 2026-11-21 or 2026-11-21T08:00Z.\(meant)"
    )
  }
}

extension UnixTime {
  /// - Parameter zone: for a text that doesn't say it.
  init?(iso8601 text: String, zone: TimeZone = .current) {
    let form =
      #/(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+\-]\d\d(?::?\d\d)?)?)?/#
    guard let match = text.uppercased().wholeMatch(of: form) else { return nil }
    let parts = match.output
    var components = DateComponents(
      year: Int(parts.1), month: Int(parts.2), day: Int(parts.3), hour: parts.4.flatMap { Int($0) } ?? 0,
      minute: parts.5.flatMap { Int($0) } ?? 0, second: parts.6.flatMap { Int($0) } ?? 0)
    var calendar = Calendar(identifier: .gregorian)
    if let offset = parts.8 {
      guard let zone = Self.zone(offset) else { return nil }
      calendar.timeZone = zone
    } else {
      calendar.timeZone = zone
    }
    components.calendar = calendar
    // Lenient reckoning would take a 30 February for 2 March.
    guard components.isValidDate, let date = calendar.date(from: components) else { return nil }
    let fraction = parts.7.flatMap { Double("0.\($0)") } ?? 0
    self.init(milliseconds: Int64(date.timeIntervalSince1970.rounded()) * 1000 + Int64(fraction * 1000))
  }

  private static func zone(_ offset: Substring) -> TimeZone? {
    if offset == "Z" { return TimeZone(secondsFromGMT: 0) }
    let digits = offset.dropFirst().filter { $0 != ":" }
    guard let hours = Int(digits.prefix(2)), let minutes = digits.count > 2 ? Int(digits.dropFirst(2)) : 0,
      hours <= 14, minutes < 60
    else { return nil }
    return TimeZone(secondsFromGMT: (offset.hasPrefix("-") ? -1 : 1) * (hours * 3600 + minutes * 60))
  }
}

/// Times as commands show them.
enum TimeText {
  /// `12 s ago`, `in 5 min`; `-` for none.
  static func relative(_ time: Date?, to now: Date) -> String {
    guard let time else { return "-" }
    let seconds = now.timeIntervalSince(time)
    guard abs(seconds) >= 1 else { return "now" }
    let text = Duration.seconds(Int64(abs(seconds))).formatted
    return seconds > 0 ? "\(text) ago" : "in \(text)"
  }

  static func relative(_ time: UnixTime?, to now: UnixTime) -> String {
    relative(time.map { Date($0) }, to: Date(now))
  }

  /// When something is due: `in 5 min`, or `now` when that has passed; `-` for none.
  static func next(_ time: UnixTime?, to now: UnixTime) -> String {
    relative(time.map { max($0, now) }, to: now)
  }

  /// `2026-11-21 08:00:00 CET`, where the machine is.
  static func local(_ time: UnixTime) -> String {
    var seconds = time_t(time.seconds)
    var parts = tm()
    localtime_r(&seconds, &parts)
    var buffer = [CChar](repeating: 0, count: 64)
    let count = strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M:%S %Z", &parts)
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
