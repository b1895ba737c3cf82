import Foundation

/// Where the demo is shown.
protocol DemoDisplay {
  mutating func show(_ board: DemoBoard, news: [DemoEvent], elapsed: Duration) throws(StandardOutput.Closed)
  /// Leaves the terminal as it was found, and `text` below all that was shown.
  mutating func end(_ board: DemoBoard, elapsed: Duration, with text: String) throws(StandardOutput.Closed)
}

/// One line an event: for pipes and files.
struct PlainDisplay: DemoDisplay {
  private var hasBegun = false

  mutating func show(_ board: DemoBoard, news: [DemoEvent], elapsed: Duration) throws(StandardOutput.Closed) {
    var text = ""
    if !hasBegun {
      hasBegun = true
      text += DemoText.introduction.joined(separator: "\n") + "\n\n"
    }
    for event in news { text += DemoText.line(event, on: board) + "\n" }
    if !text.isEmpty { try StandardOutput.write(text) }
  }

  mutating func end(_ board: DemoBoard, elapsed: Duration, with text: String) throws(StandardOutput.Closed) {
    try StandardOutput.write("\n\(text)\n")
  }
}

/// A view that is painted over in place, and stays on the screen at the end.
struct TerminalDisplay: DemoDisplay {
  private let hint: String
  private let isColored: Bool
  private let marks: DemoView.Marks
  private var painted: (lines: Int, size: Size)?

  struct Size: Equatable {
    var columns: Int
    var rows: Int
  }

  private static let hideCursor = "\u{1B}[?25l"
  private static let showCursor = "\u{1B}[?25h"
  private static let clearScreen = "\u{1B}[2J\u{1B}[H"
  private static let clearLine = "\u{1B}[K"
  private static let clearBelow = "\u{1B}[J"

  init(hint: String, environment: [String: String]) {
    self.hint = hint
    // https://no-color.org
    isColored = (environment["NO_COLOR"] ?? "").isEmpty
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
    let knowsUnicode = locale.lowercased().replacing("-", with: "").contains("utf8")
    marks = knowsUnicode ? .unicode : .ascii
  }

  /// Whether stdout is a terminal that can be painted on.
  static func isPossible(environment: [String: String]) -> Bool {
    StandardOutput.isTerminal && !["", "dumb"].contains(environment["TERM"] ?? "")
  }

  mutating func show(_ board: DemoBoard, news: [DemoEvent], elapsed: Duration) throws(StandardOutput.Closed) {
    try StandardOutput.write(frame(board, elapsed, rowsBelow: 0))
  }

  mutating func end(_ board: DemoBoard, elapsed: Duration, with text: String) throws(StandardOutput.Closed) {
    // The table is to stay in sight above the text.
    let rows = text.split(separator: "\n", omittingEmptySubsequences: false).count + 1
    let frame = frame(board, elapsed, rowsBelow: rows)
    try StandardOutput.write("\(frame)\(Self.showCursor)\n\(text)\n")
    painted = nil
  }

  private mutating func frame(_ board: DemoBoard, _ elapsed: Duration, rowsBelow: Int) -> String {
    let size = Self.size
    let view = DemoView(board: board, elapsed: elapsed, hint: hint, marks: marks)
    // The cursor stands in a line of its own below.
    let lines = view.lines(columns: size.columns, rows: size.rows - 1 - rowsBelow)
    var frame = ""
    switch painted {
    case nil: frame += Self.hideCursor
    // A terminal of another width has broken the painted lines otherwise.
    case .some(let earlier) where earlier.size != size: frame += Self.clearScreen
    case .some(let earlier): frame += "\r\u{1B}[\(earlier.lines)A"
    }
    for line in lines {
      // One column stays free: a terminal may break a line that fills it.
      frame += line.rendered(width: size.columns - 1, isColored: isColored) + Self.clearLine + "\n"
    }
    painted = (lines.count, size)
    return frame + Self.clearBelow
  }

  private static var size: Size {
    var window = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
      return Size(columns: 80, rows: 24)
    }
    return Size(columns: Int(window.ws_col), rows: Int(window.ws_row))
  }
}
