import Foundation
import RelayCore

/// How far a long piece of work has come, in one line on stderr that is painted over; nothing where that is no terminal.
struct ProgressBar {
  private let total: Int
  private let isShown: Bool
  private let columns: Int
  private let began: ContinuousClock.Instant
  private var painted: ContinuousClock.Instant?

  /// No eye follows more than so many pictures.
  private static let interval = Duration.milliseconds(100)
  private static let widest = 40

  /// - Parameter total: what is all of it; more may come.
  init(total: Int) {
    self.total = total
    isShown = isatty(STDERR_FILENO) == 1 && (ProcessInfo.processInfo.environment["TERM"] ?? "") != "dumb"
    columns = Self.terminalWidth
    began = .now
  }

  mutating func show(_ done: Int) {
    let now = ContinuousClock.now
    guard isShown, painted.map({ now - $0 >= Self.interval }) ?? true else { return }
    painted = now
    write("\r" + Self.line(done: done, total: total, elapsed: now - began, columns: columns - 1) + "\u{1B}[K")
  }

  /// Leaves no trace.
  mutating func erase() {
    if painted != nil { write("\r\u{1B}[K") }
    painted = nil
  }

  /// `[####      ]  40%  4000 of 10000  1200/s`; what doesn't fit is left out, the bar first.
  static func line(done: Int, total: Int, elapsed: Duration, columns: Int) -> String {
    let share = total > 0 ? min(1, Double(done) / Double(total)) : 1
    let percent = "\(Int(share * 100))%"
    let seconds = Double(elapsed.milliseconds) / 1000
    let rate = seconds > 0.5 ? "  \(Int(Double(done) / seconds))/s" : ""
    let text = String(repeating: " ", count: 4 - percent.count) + percent + "  \(done) of \(max(total, done))" + rate
    let width = min(widest, columns - text.count - 3)
    guard width >= 5 else { return String(text.prefix(max(0, columns))) }
    let filled = Int(share * Double(width))
    return "[" + String(repeating: "#", count: filled) + String(repeating: " ", count: width - filled) + "] " + text
  }

  private static var terminalWidth: Int {
    var window = winsize()
    return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &window) == 0 && window.ws_col > 0 ? Int(window.ws_col) : 80
  }

  private func write(_ text: String) { StandardError.write(text) }
}
