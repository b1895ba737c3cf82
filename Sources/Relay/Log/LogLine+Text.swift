import Foundation
import Logging
import RelayCore
import Systemd

/// What a line is written as.
///
/// `text`: `2026-11-21T08:00:00.123Z warning account degraded: … account=1101000001 reason=network`. `json`: one object. `journald`: the
/// text without the time, with the priority in front that `SyslogLevelPrefix` reads
/// (https://www.freedesktop.org/software/systemd/man/latest/sd-daemon.html); that is for where there is no journal to take
/// ``journalEntry``.
extension LogLine {
  /// The line with its line break.
  public func text(_ format: RelayConfiguration.Log.Format) -> String {
    switch format {
    case .text: "\(timestamp) \(level) \(plainText)\n"
    case .journald: "<\(level.syslogPriority)>\(plainText)\n"
    case .json: json
    }
  }

  /// The text without the time, with each field also as one of the journal's: `ACCOUNT`, `DESTINATION`, `NOTIFICATION`, `ID_MESSAGE`, and
  /// `MESSAGE_ID` by ``LogMessageID``.
  public var journalEntry: JournalEntry {
    var entry = JournalEntry()
    entry.add("MESSAGE", plainText)
    entry.add("PRIORITY", "\(level.syslogPriority)")
    entry.add("SYSLOG_IDENTIFIER", "statusrelay")
    for (key, value) in fields {
      // MESSAGE is taken; it is GREEN-API's idMessage.
      entry.add(key == "message" ? "idMessage" : key, value)
    }
    return entry
  }

  private var json: String {
    var object = Dictionary(fields.map { ($0.key, $0.value) }) { first, _ in first }
    object["time"] = timestamp
    object["level"] = "\(level)"
    object["message"] = message
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(object)).map { Self.escaped(String(decoding: $0, as: UTF8.self)) + "\n" } ?? ""
  }

  /// One line whatever the message holds: an answer of a consumer may be part of it.
  private var plainText: String {
    let fields = fields.filter { $0.key != LogMessageID.metadataKey }
    let text = ([message] + fields.map { "\($0.key)=\(Self.quoted($0.value))" }).joined(separator: " ")
    return String(String.UnicodeScalarView(text.unicodeScalars.map { Self.breaksLines($0) ? " " : $0 }))
  }

  /// JSON with those of its characters escaped that it allows, but that a terminal or a line reader acts on.
  private static func escaped(_ json: String) -> String {
    guard json.unicodeScalars.contains(where: breaksLines) else { return json }
    return json.unicodeScalars.map {
      breaksLines($0) ? "\\u\(String($0.value + 0x10000, radix: 16).dropFirst())" : String($0)
    }.joined()
  }

  private static func breaksLines(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20..<0x7F: false
    default:
      switch scalar.properties.generalCategory {
      case .control, .lineSeparator, .paragraphSeparator: true
      default: false
      }
    }
  }

  private static func quoted(_ value: String) -> String {
    value.isEmpty || value.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" })
      ? "\"\(value.replacing("\"", with: "\\\""))\"" : value
  }

  /// ISO 8601 in UTC with milliseconds.
  private var timestamp: String {
    let milliseconds = Int64((time.timeIntervalSince1970 * 1000).rounded(.down))
    var seconds = time_t(milliseconds / 1000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func digits(_ number: Int32, _ count: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
    let date = "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2))"
    let clock = "\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2))"
    return "\(date)T\(clock).\(digits(Int32(milliseconds % 1000), 3))Z"
  }
}

extension Logger.Level {
  /// syslog(3)'s number.
  fileprivate var syslogPriority: Int {
    switch self {
    case .critical: 2
    case .error: 3
    case .warning: 4
    case .notice: 5
    case .info: 6
    case .debug, .trace: 7
    }
  }
}
