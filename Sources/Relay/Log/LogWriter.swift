import Dispatch
import Foundation
import Logging
import NIOConcurrencyHelpers
import RelayCore

/// Writes the log on a thread of its own, so that nobody else waits for whoever reads it: a terminal that is stopped, a pipe that is full,
/// a journal that hangs.
///
/// Lines lie in a bounded ring until they are written, ``mostLines`` and ``mostBytes`` at most; what doesn't fit is given up by level and
/// counted (`LogRing`). Once lines can be written again, a line tells how many were lost.
public final class LogWriter: Sendable {
  /// Writes lines, and may take its time over it.
  /// - Returns: those that could not be written.
  public typealias Sink = @Sendable ([LogLine]) -> [LogLine]

  /// Some 20 minutes of a busy relay at `info`.
  public static let mostLines = 8192
  public static let mostBytes = 4 << 20
  /// So many lines are handed to the sink together.
  static let largestBatch = 64
  /// How long the last lines before an exit may take.
  public static let lastWords = Duration.seconds(1)

  private struct State {
    var ring: LogRing<LogLine>
    /// Whether the thread waits to be woken.
    var isAsleep = false
    var isEnding = false
    /// Whether lines are with the sink.
    var isWriting = false
    /// How many lines the log has told that it lost, by severity.
    var told = [Int](repeating: 0, count: LogRing<LogLine>.severities)
    /// Called when nothing is left to be written.
    var waiters: [@Sendable () -> Void] = []
  }

  /// What the thread shares with the writer. The thread ends with the writer, or when the sink lets go of it.
  private final class Shared: Sendable {
    let state: NIOLockedValueBox<State>
    let wakeUp = DispatchSemaphore(value: 0)

    init(_ state: State) { self.state = NIOLockedValueBox(state) }
  }

  private let shared: Shared

  public init(mostLines: Int = mostLines, mostBytes: Int = mostBytes, _ sink: @escaping Sink) {
    let shared = Shared(State(ring: LogRing(mostLines: mostLines, mostBytes: mostBytes)))
    self.shared = shared
    let thread = Thread {
      blockSignals()
      Self.write(shared, sink)
    }
    thread.name = "log"
    thread.start()
  }

  deinit {
    shared.state.withLockedValue { $0.isEnding = true }
    shared.wakeUp.signal()
  }

  /// Takes a line in, or counts it as lost. It never waits for the sink.
  public func append(_ line: LogLine) {
    let (severity, size) = (line.level.severity, line.size)
    let wakes = shared.state.withLockedValue { state in
      state.ring.append(line, severity: severity, bytes: size)
      defer { state.isAsleep = false }
      return state.isAsleep
    }
    if wakes { shared.wakeUp.signal() }
  }

  /// How many lines were lost since the start, by level; levels without any are left out.
  public var lost: [Logger.Level: Int] {
    let lost = shared.state.withLockedValue { $0.ring.lost }
    return Dictionary(
      uniqueKeysWithValues: zip(Logger.Level.allCases, lost).filter { $0.1 > 0 }.map { ($0.0, $0.1) })
  }

  /// Returns when all that was logged before is written, and after a time in any case: the end of the program doesn't wait for a reader.
  public func flush(within limit: Duration = lastWords) async {
    await withCheckedContinuation { continuation in
      let once = NIOLockedValueBox<CheckedContinuation<Void, Never>?>(continuation)
      let end: @Sendable () -> Void = { once.withLockedValue { $0.take() }?.resume() }
      let isDone = shared.state.withLockedValue { state in
        guard state.isWriting || !state.ring.isEmpty else { return true }
        state.waiters.append(end)
        return false
      }
      if isDone { return end() }
      let milliseconds = Int(limit.components.seconds * 1000 + limit.components.attoseconds / 1_000_000_000_000_000)
      DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds), execute: end)
    }
  }

  // MARK: The thread

  private enum Turn {
    case write([LogLine])
    case sleep
    case end
  }

  private static func write(_ shared: Shared, _ sink: Sink) {
    while true {
      let (turn, done) = shared.state.withLockedValue { nextTurn(&$0) }
      for waiter in done { waiter() }
      switch turn {
      case .write(let lines):
        let unwritten = sink(lines)
        if !unwritten.isEmpty {
          shared.state.withLockedValue { state in
            for line in unwritten { state.ring.lose(severity: line.level.severity) }
          }
        } else {
          tellOfLost(shared, sink)
        }
      case .sleep: shared.wakeUp.wait()
      case .end: return
      }
    }
  }

  private static func nextTurn(_ state: inout State) -> (Turn, done: [@Sendable () -> Void]) {
    var lines: [LogLine] = []
    while lines.count < largestBatch, let line = state.ring.popFirst() { lines.append(line) }
    state.isWriting = !lines.isEmpty
    guard lines.isEmpty else { return (.write(lines), []) }
    defer { state.waiters = [] }
    state.isAsleep = !state.isEnding
    return (state.isEnding ? .end : .sleep, state.waiters)
  }

  /// After lines could be written: there is room again.
  private static func tellOfLost(_ shared: Shared, _ sink: Sink) {
    let (lost, told) = shared.state.withLockedValue { ($0.ring.lost, $0.told) }
    guard lost != told else { return }
    let news = zip(Logger.Level.allCases, zip(lost, told).map { $0 - $1 }).filter { $0.1 > 0 }
    let counts = news.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
    let count = news.reduce(0) { $0 + $1.1 }
    let line = LogLine(
      .warning, "\(count) log lines were lost, as nobody took them in time: \(counts)",
      metadata: [LogMessageID.metadataKey: "\(LogMessageID.logLinesLost.rawValue)"])
    if sink([line]).isEmpty { shared.state.withLockedValue { $0.told = lost } }
  }
}

/// Signals are for the program's other threads; SIGPIPE, when the reader has gone, is for nobody. Those of a crash stay.
private func blockSignals() {
  var signals = sigset_t()
  sigfillset(&signals)
  for crash in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT] { sigdelset(&signals, crash) }
  pthread_sigmask(SIG_BLOCK, &signals, nil)
}
