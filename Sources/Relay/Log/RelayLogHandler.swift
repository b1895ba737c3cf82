import Logging
import RelayCore

/// Hands log lines on as they are: gathering one takes the calling thread some hundred nanoseconds and never waits. ``LogWriter`` formats
/// and writes them.
public struct RelayLogHandler: LogHandler {
  public var metadata: Logger.Metadata = [:]
  public var logLevel: Logger.Level
  private let receive: @Sendable (LogLine) -> Void

  /// - Parameter receive: gets each line on the thread that logs it, and must not wait.
  public init(level: RelayConfiguration.Log.Level, _ receive: @escaping @Sendable (LogLine) -> Void) {
    logLevel = level.loggerLevel
    self.receive = receive
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    let own = event.metadata ?? [:]
    receive(
      LogLine(
        event.level, "\(event.message)", metadata: metadata.isEmpty ? own : metadata.merging(own) { _, new in new }))
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
