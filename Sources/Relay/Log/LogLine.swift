import Foundation
import Logging

/// One line of the log before it is formatted: what the calling thread gathers, so that formatting is the log's own thread's.
public struct LogLine: Sendable {
  public let time: Date
  public let level: Logger.Level
  public let message: String
  /// The logger's, overridden by the call's.
  public let metadata: Logger.Metadata

  /// Longer messages and values are cut: an answer of a consumer may be part of them, and the ring's memory is bounded.
  static let longestText = 16 << 10

  public init(_ level: Logger.Level, _ message: String, metadata: Logger.Metadata = [:], at time: Date = Date()) {
    self.time = time
    self.level = level
    self.message = Self.cut(message)
    self.metadata = metadata
  }

  /// About what it takes in memory, in bytes.
  var size: Int {
    metadata.reduce(message.utf8.count + 128) { size, field in
      guard case .string(let text) = field.value else { return size + field.key.utf8.count + 64 }
      return size + field.key.utf8.count + text.utf8.count + 64
    }
  }

  /// The fields in the order of their names.
  var fields: [(key: String, value: String)] {
    metadata.map { (key: $0.key, value: Self.cut("\($0.value)")) }.sorted { $0.key < $1.key }
  }

  private static func cut(_ text: String) -> String {
    text.utf8.count <= longestText ? text : String(decoding: text.utf8.prefix(longestText), as: UTF8.self) + "…"
  }
}

extension Logger.Level {
  /// 0 for trace to 6 for critical, as `LogRing` counts them.
  var severity: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
