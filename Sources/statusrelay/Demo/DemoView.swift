import GreenAPI

/// The demo as a terminal shows it: a table of status posts and their states, counts, and the latest events below.
struct DemoView {
  let board: DemoBoard
  let elapsed: Duration
  /// Said at the bottom of the head, such as how to end it.
  let hint: String
  let marks: Marks

  /// How far a state has come, in one character each; beyond ASCII only where the terminal knows it.
  struct Marks: Sendable, Hashable {
    var polled: String
    var recorded: String
    var attempted: String
    var received: String
    var skipped: String

    static let unicode = Marks(polled: "○", recorded: "◐", attempted: "↻", received: "✓", skipped: "–")
    static let ascii = Marks(polled: "o", recorded: "+", attempted: "~", received: "*", skipped: "-")
  }

  private static let columns: [(status: MessageStatus, width: Int)] = [
    (.pending, 10), (.sent, 12), (.delivered, 12), (.read, 12), (.failed, 11),
  ]
  private static let titleWidth = 22
  /// The columns' words need as much; a narrower terminal gets the marks alone.
  private static let widthForWords = titleWidth + columns.reduce(0) { $0 + $1.width }
  private static let narrowWidths = [8, 5, 10, 5, 7]
  private static let mostEvents = 14

  /// As many lines as there are `rows`, at most, always as many for one size; each to be cut to `columns`.
  func lines(columns: Int, rows: Int) -> [StyledLine] {
    let isWide = columns >= Self.widthForWords
    var lines = DemoText.introduction.enumerated().map { StyledLine($1, $0 == 0 ? .bold : .plain) }
    lines.append(StyledLine())
    lines.append(head(isWide))
    lines += board.rows.map { row($0, isWide) }
    // The table has its room from the beginning, so that what is below doesn't move.
    lines += Array(repeating: StyledLine(), count: max(0, DemoScript.acts.count - board.rows.count))
    lines += [StyledLine(), legend, consumer, countLine, StyledLine()]
    let room = min(Self.mostEvents, rows - lines.count)
    if room > 0 {
      let latest = board.latest.suffix(room)
      lines += latest.map(eventLine)
      lines += Array(repeating: StyledLine(), count: room - latest.count)
    }
    return Array(lines.prefix(max(1, rows)))
  }

  private func head(_ isWide: Bool) -> StyledLine {
    var line = StyledLine()
    line.addCell("status post", width: Self.titleWidth, .bold)
    for (index, column) in Self.columns.enumerated() {
      line.addCell(column.status.rawValue, width: isWide ? column.width : Self.narrowWidths[index], .bold)
    }
    return line
  }

  private func row(_ row: DemoBoard.Row, _ isWide: Bool) -> StyledLine {
    var line = StyledLine()
    line.addCell("\(row.number) \(row.act.title)", width: Self.titleWidth)
    for (index, column) in Self.columns.enumerated() {
      let (mark, word, style) = cell(column.status, of: row)
      if isWide {
        line.addCell("\(mark) \(word)", width: column.width, style)
      } else {
        line.addCell(mark, width: Self.narrowWidths[index], style)
      }
    }
    return line
  }

  private func cell(_ status: MessageStatus, of row: DemoBoard.Row) -> (String, String, StyledLine.Style) {
    guard let cell = row.cells[status] else {
      return isSkipped(status, in: row) ? (marks.skipped, "skipped", .dim) : ("", "", .plain)
    }
    if cell.isReceived {
      return (marks.received, cell.attempts > 1 ? "\(cell.attempts) tries" : "received", .green)
    }
    if cell.attempts > 0 { return (marks.attempted, "try \(cell.attempts)", .yellow) }
    if cell.isRecorded { return (marks.recorded, "recorded", .cyan) }
    return (marks.polled, "polled", .dim)
  }

  /// Whether progress has gone past a state that GREEN-API never showed.
  private func isSkipped(_ status: MessageStatus, in row: DemoBoard.Row) -> Bool {
    guard let rank = status.rank else { return false }
    return row.polled.contains { $0.rank.map { $0 > rank } ?? false }
  }

  private var legend: StyledLine {
    var line = StyledLine()
    line.add("\(marks.polled) polled  ", .dim)
    line.add("\(marks.recorded) recorded  ", .cyan)
    line.add("\(marks.attempted) refused, tried again  ", .yellow)
    line.add("\(marks.received) received  ", .green)
    line.add("\(marks.skipped) skipped", .dim)
    return line
  }

  private var consumer: StyledLine {
    var line = StyledLine("consumer: ")
    if board.isConsumerDown {
      line.add("down, answers 503", .red)
    } else {
      line.add("up", .green)
    }
    line.add("   \(DemoText.seconds(elapsed, width: 0))   polls \(board.polls)   \(hint)")
    return line
  }

  private var countLine: StyledLine {
    let counts = board.counts
    return StyledLine(
      "changes \(counts.changes)  recorded \(counts.recorded)  attempts \(counts.attempts)  "
        + "retries \(counts.retries)  received \(counts.received)  repeats \(counts.repeats)")
  }

  private func eventLine(_ event: DemoEvent) -> StyledLine {
    let style: StyledLine.Style =
      switch event.kind {
      case .received(_, .first): .green
      case .attempted(_, let attempt): attempt.succeeded ? .plain : .yellow
      case .recorded: .cyan
      case .unacceptable, .givenUp, .received, .consumer(isDown: true): .red
      case .polled, .changed: .dim
      case .posted, .consumer, .relay: .plain
      }
    return StyledLine(DemoText.line(event, on: board), style)
  }
}
