import RelayCore

/// Durations as the configuration writes them: a whole number and a unit, `500ms`, `5s`, `2m`, `24h`, `30d`.
public enum DurationText {
  public static let forms = "500ms, 5s, 2m, 24h or 30d"

  private static let units: [(name: String, milliseconds: Int64)] = [
    ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
  ]

  /// Ways to write a unit that a person may try; only for suggestions.
  private static let spellings: [String: String] = [
    "": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m", "minute": "m",
    "minutes": "m",
    "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "day": "d", "days": "d", "msec": "ms", "millis": "ms",
    "milliseconds": "ms",
  ]

  /// A duration this long or longer is a slip: 100 years.
  static let maximum = Duration.seconds(100 * 365 * 86_400)

  /// `nil` when the text is no such duration, or one beyond ``maximum``.
  public static func parse(_ text: String) -> Duration? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int64(digits), let unit = units.first(where: { $0.name == text.dropFirst(digits.count) }) else {
      return nil
    }
    let (milliseconds, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
    guard !overflow, .milliseconds(milliseconds) <= maximum else { return nil }
    return .milliseconds(milliseconds)
  }

  /// What a text that is no duration may have been meant as, such as `5s` for `5 sec`.
  public static func suggestion(for text: String) -> String? {
    let compact = text.lowercased().filter { !$0.isWhitespace }
    let digits = compact.prefix { $0.isASCII && $0.isNumber }
    let unit = String(compact.dropFirst(digits.count))
    let candidate = String(digits) + (spellings[unit] ?? unit)
    return parse(candidate) == nil ? nil : candidate
  }

  /// With the largest unit that leaves a whole number; what is below a millisecond is dropped.
  public static func format(_ duration: Duration) -> String {
    let milliseconds = duration.milliseconds
    guard milliseconds != 0, let unit = units.first(where: { milliseconds % $0.milliseconds == 0 }) else { return "0s" }
    return "\(milliseconds / unit.milliseconds)\(unit.name)"
  }
}
