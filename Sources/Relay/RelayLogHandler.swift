import Foundation
import Logging
import RelayCore
import Systemd

/// Log lines on stderr, one write each: `text` for people, `json` for collectors, `journald` for systemd's journal.
///
/// `text`: `2026-11-21T08:00:00.123Z warning account degraded: … account=1101000001 reason=network`. `journald` goes to the journal itself
/// as that text without the time, with each field also as one of the journal's: `ACCOUNT`, `DESTINATION`, `NOTIFICATION`, `ID_MESSAGE`,
/// and `MESSAGE_ID` by ``LogMessageID``. Where there is no journal the text goes to stderr with the priority in front that
/// `SyslogLevelPrefix` reads (https://www.freedesktop.org/software/systemd/man/latest/sd-daemon.html).
public struct RelayLogHandler: LogHandler {
  public var metadata: Logger.Metadata = [:]
  public var logLevel: Logger.Level
  private let format: RelayConfiguration.Log.Format
  private let write: @Sendable (String) -> Void
  private let enter: (@Sendable (JournalEntry) -> Bool)?

  /// - Parameter enter: takes an entry of the journal, and says whether the journal has it; `nil` where there is none.
  public init(
    _ log: RelayConfiguration.Log, write: @escaping @Sendable (String) -> Void = Self.writeToStandardError,
    enter: (@Sendable (JournalEntry) -> Bool)? = nil
  ) {
    logLevel = log.level.loggerLevel
    format = log.format
    self.write = write
    self.enter = enter
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    let fields = metadata.merging(event.metadata ?? [:]) { _, new in new }
      .map { (key: $0.key, value: "\($0.value)") }.sorted { $0.key < $1.key }
    if format == .journald, let enter, enter(Self.entry(event.level, "\(event.message)", fields)) { return }
    write(line(event.level, "\(event.message)", fields, at: Date()))
  }

  func line(
    _ level: Logger.Level, _ message: String, _ fields: [(key: String, value: String)], at time: Date
  ) -> String {
    switch format {
    case .text:
      return "\(Self.timestamp(time)) \(level) \(Self.text(message, fields))\n"
    case .journald:
      return "<\(level.syslogPriority)>\(Self.text(message, fields))\n"
    case .json:
      var object = Dictionary(fields.map { ($0.key, $0.value) }) { first, _ in first }
      object["time"] = Self.timestamp(time)
      object["level"] = "\(level)"
      object["message"] = message
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return (try? encoder.encode(object)).map { Self.escaped(String(decoding: $0, as: UTF8.self)) + "\n" } ?? ""
    }
  }

  private static func entry(
    _ level: Logger.Level, _ message: String, _ fields: [(key: String, value: String)]
  ) -> JournalEntry {
    var entry = JournalEntry()
    entry.add("MESSAGE", text(message, fields))
    entry.add("PRIORITY", "\(level.syslogPriority)")
    entry.add("SYSLOG_IDENTIFIER", "statusrelay")
    for (key, value) in fields {
      // MESSAGE is taken; it is GREEN-API's idMessage.
      entry.add(key == "message" ? "idMessage" : key, value)
    }
    return entry
  }

  /// One line whatever the message holds: an answer of a consumer may be part of it.
  private static func text(_ message: String, _ fields: [(key: String, value: String)]) -> String {
    let fields = fields.filter { $0.key != LogMessageID.metadataKey }
    let text = ([message] + fields.map { "\($0.key)=\(quoted($0.value))" }).joined(separator: " ")
    return String(String.UnicodeScalarView(text.unicodeScalars.map { breaksLines($0) ? " " : $0 }))
  }

  /// JSON with those of its characters escaped that it allows, but that a terminal or a line reader acts on.
  private static func escaped(_ json: String) -> String {
    guard json.unicodeScalars.contains(where: breaksLines) else { return json }
    return json.unicodeScalars.map {
      breaksLines($0) ? "\\u\(String($0.value + 0x10000, radix: 16).dropFirst())" : String($0)
    }.joined()
  }

  private static func breaksLines(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }

  private static func quoted(_ value: String) -> String {
    value.isEmpty || value.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" })
      ? "\"\(value.replacing("\"", with: "\\\""))\"" : value
  }

  private static func timestamp(_ time: Date) -> String {
    time.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted))
  }

  /// Whole lines from any thread don't mix: one `write` each, below the size of a pipe's atomic write or nearly always so.
  @Sendable public static func writeToStandardError(_ line: String) {
    FileHandle.standardError.write(Data(line.utf8))
  }
}

extension RelayConfiguration.Log.Level {
  public var loggerLevel: Logger.Level {
    switch self {
    case .trace: .trace
    case .debug: .debug
    case .info: .info
    case .notice: .notice
    case .warning: .warning
    case .error: .error
    case .critical: .critical
    }
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
