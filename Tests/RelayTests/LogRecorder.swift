import Logging
import NIOConcurrencyHelpers
import Relay

@testable import Curl

/// Log lines as `run` writes them, kept in memory.
final class LogRecorder: Sendable {
  private let written = NIOLockedValueBox<[String]>([])
  private let writer = NIOLockedValueBox<LogWriter?>(nil)

  /// Lines go to this writer, too.
  func write(to other: LogWriter) { writer.withLockedValue { $0 = other } }

  var lines: [String] { written.withLockedValue { $0 } }

  /// How many lines have this in them.
  func count(of text: String) -> Int { lines.count { $0.contains(text) } }

  var logger: Logger {
    Logger(label: "test") { _ in
      RelayLogHandler(level: .debug) { line in
        self.writer.withLockedValue { $0 }?.append(line)
        self.written.withLockedValue { $0.append(line.text(.text)) }
      }
    }
  }
}
