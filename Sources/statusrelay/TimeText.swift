import ArgumentParser
import Foundation
import Relay
import RelayAdmin
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
    if let time = UnixTime(iso8601: text, zone: .current) { return .at(time) }
    let meant = DurationText.suggestion(for: text).map { " Did you mean \($0)?" } ?? ""
    throw ValidationError(
      "'\(text)' is no time: expected how long ago, such as 2h or 30d, or a date such as 2026-11-21 or 2026-11-21T08:00Z.\(meant)"
    )
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

  /// How long something took, short ones to the tenth of a second; `-` for nothing.
  static func length(_ seconds: Double?) -> String {
    guard let seconds else { return "-" }
    if seconds < 0.001 { return "<1 ms" }
    guard (1..<10).contains(seconds) else { return Duration.milliseconds(Int64(seconds * 1000)).formatted }
    return "\((seconds * 10).rounded() / 10) s"
  }

  /// `2026-11-21 08:00:00 CET`, where the machine is.
  static func local(_ time: Date) -> String { format(time, "%Y-%m-%d %H:%M:%S %Z") }

  /// `11-21 08:00:00`, where the machine is.
  static func clock(_ time: Date) -> String { format(time, "%m-%d %H:%M:%S") }

  private static func format(_ time: Date, _ form: String) -> String {
    var seconds = time_t(time.timeIntervalSince1970.rounded(.down))
    var parts = tm()
    localtime_r(&seconds, &parts)
    var buffer = [CChar](repeating: 0, count: 64)
    let count = strftime(&buffer, buffer.count, form, &parts)
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
