import Foundation
import Logging
import NIOConcurrencyHelpers
import Systemd
import Testing

@testable import Curl
@testable import Relay

@Suite struct RelayLogHandlerTests {
  private static func lines(
    _ format: RelayConfiguration.Log.Format, level: RelayConfiguration.Log.Level = .info, _ body: (Logger) -> Void
  ) -> [String] {
    let lines = NIOLockedValueBox<[String]>([])
    body(
      Logger(label: "test") { _ in
        RelayLogHandler(level: level) { line in lines.withLockedValue { $0.append(line.text(format)) } }
      })
    return lines.withLockedValue { $0 }
  }

  @Test("text: time, level, message, fields in order, quoted where they need it")
  func text() throws {
    let line = try #require(
      Self.lines(.text) { log in
        log.warning(
          "account degraded",
          metadata: ["reason": "network", "account": "1101000001", "said": "it \"is\" gone", "empty": "", "a=b": "c=d"])
      }.first)
    let (time, rest) = try #require(line.firstIndex(of: " ").map { (line[..<$0], line[$0...]) })
    #expect(time.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/#) != nil)
    #expect(
      rest
        == " warning account degraded a=b=\"c=d\" account=1101000001 empty=\"\" reason=network said=\"it \\\"is\\\" gone\"\n"
    )
  }

  @Test(
    "journald: the priority in front, and no time",
    arguments: [
      (Logger.Level.critical, 2), (.error, 3), (.warning, 4), (.notice, 5), (.info, 6), (.debug, 7), (.trace, 7),
    ])
  func journald(_ level: Logger.Level, _ priority: Int) {
    let lines = Self.lines(.journald, level: .trace) { $0.log(level: level, "hello", metadata: ["a": "b"]) }
    #expect(lines == ["<\(priority)>hello a=b\n"])
  }

  @Test("json: one object a line, with the fields beside time, level and message")
  func json() throws {
    let line = try #require(
      Self.lines(.json) { $0.error("a \"quoted\"\nmessage", metadata: ["path": "/v3/x", "level": "its own"]) }.first)
    #expect(line.count { $0 == "\n" } == 1 && line.hasSuffix("\n"))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
    #expect(object["message"] == "a \"quoted\"\nmessage")
    #expect(object["path"] == "/v3/x")
    #expect(object["level"] == "error")
    #expect(object["time"]?.hasSuffix("Z") == true)
    #expect(object.count == 4)
  }

  @Test("json: what is escaped for the terminal's sake reads back as it was")
  func jsonEscapes() throws {
    let text = "\u{1B}[31m\u{9B}2J\u{7F}\u{85}\u{2028} é 👋"
    let line = try #require(Self.lines(.json) { $0.error("\(text)") }.first)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
    #expect(object["message"] == text)
  }

  @Test(
    "Whatever a message or a field holds, it is one line without control characters",
    arguments: RelayConfiguration.Log.Format.allCases)
  func oneLine(_ format: RelayConfiguration.Log.Format) throws {
    let hostile =
      "a\nb\r\nc\u{1B}[31md\u{0}e\u{7}f\u{85}g\u{9B}2Jh\u{7F}i\u{2028}j\u{2029}k\tl"
    let lines = Self.lines(format) { $0.error("\(hostile)", metadata: ["x": "\(hostile)", "\(hostile)": "y"]) }
    let line = try #require(lines.first?.dropLast())
    #expect(lines.count == 1 && lines[0].last == "\n")
    for scalar in line.unicodeScalars {
      let category = scalar.properties.generalCategory
      #expect(category != .control && category != .lineSeparator && category != .paragraphSeparator, "\(scalar)")
    }
  }

  @Test("Below its level nothing is written")
  func level() {
    #expect(Self.lines(.text, level: .warning) { $0.notice("hello") } == [])
    #expect(Self.lines(.text, level: .warning) { $0.warning("hello") }.count == 1)
  }

  @Test("A logger's own metadata is written too, and the call's wins")
  func metadata() {
    let lines = Self.lines(.journald) { log in
      var log = log
      log[metadataKey: "account"] = "1"
      log[metadataKey: "kept"] = "2"
      log.info("hello", metadata: ["account": "3"])
    }
    #expect(lines == ["<6>hello account=3 kept=2\n"])
  }

  @Test("journald: the journal gets the text, the priority and every field")
  func journal() {
    let entries = NIOLockedValueBox<[JournalEntry]>([])
    let log = Logger(label: "test") { _ in
      RelayLogHandler(level: .info) { line in entries.withLockedValue { $0.append(line.journalEntry) } }
    }
    log.log(
      level: .error, .circuitOpened, "5 messages failed in a row",
      metadata: ["destination": "crm", "account": "1101000001", "notification": "msg_1", "message": "A"])
    let fields = entries.withLockedValue { $0[0].fields }
    #expect(
      Dictionary(fields.map { ($0.name, $0.value) }) { $1 } == [
        "MESSAGE": "5 messages failed in a row account=1101000001 destination=crm message=A notification=msg_1",
        "PRIORITY": "3", "SYSLOG_IDENTIFIER": "statusrelay", "MESSAGE_ID": LogMessageID.circuitOpened.rawValue,
        "DESTINATION": "crm", "ACCOUNT": "1101000001", "NOTIFICATION": "msg_1", "ID_MESSAGE": "A",
      ])
  }

  @Test("A message or a value that is too long is cut, and stays a line")
  func long() throws {
    let long = String(repeating: "x", count: 1_000_000)
    let line = try #require(Self.lines(.text) { $0.error("\(long)", metadata: ["long": "\(long)"]) }.first)
    #expect(line.utf8.count < 2 * LogLine.longestText + 200)
    #expect(line.hasSuffix("x…\n"))
  }

  @Test("text: the time is UTC, to the millisecond")
  func time() {
    func text(_ seconds: Double) -> String {
      LogLine(.info, "hello", at: Date(timeIntervalSince1970: seconds)).text(.text)
    }
    #expect(text(0) == "1970-01-01T00:00:00.000Z info hello\n")
    #expect(text(1_709_210_096.0625) == "2024-02-29T12:34:56.062Z info hello\n")
  }

  @Test("json shows a line's message id; text leaves it out")
  func messageID() throws {
    func said(_ format: RelayConfiguration.Log.Format) -> String {
      Self.lines(format) { $0.log(level: .notice, .stopped, "stopped") }[0]
    }
    #expect(said(.json).contains("\"messageId\":\"\(LogMessageID.stopped.rawValue)\""))
    #expect(said(.text).hasSuffix(" notice stopped\n"))
  }

  @Test("Message ids are 128 bits each, all different, and the journal's catalog explains every one")
  func catalog() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../systemd/statusrelay.catalog")
    let catalog = try String(contentsOf: file, encoding: .utf8)
    let explained = catalog.split(separator: "\n").compactMap { $0.wholeMatch(of: #/-- ([0-9a-f]{32})/#)?.output.1 }
    #expect(explained.map(String.init) == LogMessageID.allCases.map(\.rawValue))
    #expect(Set(explained).count == explained.count)
  }
}
