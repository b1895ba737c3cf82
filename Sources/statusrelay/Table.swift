import Foundation

/// Rows under titles, in aligned columns. Long lists come in pieces; the titles stand over the first.
struct Table {
  struct Column {
    var title: String
    var isNumber: Bool

    /// Left-aligned.
    static func text(_ title: String) -> Column { Column(title: title, isNumber: false) }
    /// Right-aligned.
    static func number(_ title: String) -> Column { Column(title: title, isNumber: true) }
  }

  private let columns: [Column]
  private var widths: [Int]
  private var hasTitles = false

  /// A longer cell is cut.
  private static let widestCell = 100

  init(_ columns: Column...) {
    self.columns = columns
    widths = columns.map(\.title.count)
  }

  /// The next rows as text; empty for none.
  /// - Parameter rows: a cell for each column.
  mutating func text(_ rows: [[String]]) -> String {
    guard !rows.isEmpty else { return "" }
    let cells = rows.map { row in row.map { Self.cell($0) } }
    for row in cells { widths = zip(widths, row).map { max($0, $1.count) } }
    let titles = hasTitles ? [] : [columns.map(\.title)]
    hasTitles = true
    return (titles + cells).map { line($0) + "\n" }.joined()
  }

  private func line(_ cells: [String]) -> String {
    let padded = zip(zip(columns, widths), cells).map { column, cell in
      let padding = String(repeating: " ", count: column.1 - cell.count)
      return column.0.isNumber ? padding + cell : cell + padding
    }
    return padded.joined(separator: "  ").trimmingSuffix { $0 == " " }
  }

  private static func cell(_ text: String) -> String {
    let text = text.printable
    return text.isEmpty ? "-" : text.count > widestCell ? text.prefix(widestCell - 1) + "…" : text
  }
}

extension String {
  /// Fit for a terminal, in one line: what comes from the network may hold control characters, and those that turn the direction of
  /// writing.
  var printable: String { filtered { _ in false } }

  /// The same, with its line breaks and tabs.
  var printableLines: String { filtered { $0 == "\n" || $0 == "\t" } }

  private func filtered(_ isKept: (Unicode.Scalar) -> Bool) -> String {
    var result = UnicodeScalarView()
    for scalar in unicodeScalars {
      let isDirection = (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
      let isHarmless = scalar.properties.generalCategory != .control && !isDirection
      result.append(isHarmless || isKept(scalar) ? scalar : "\u{FFFD}")
    }
    return String(result)
  }

  fileprivate func trimmingSuffix(_ isTrimmed: (Character) -> Bool) -> String {
    var text = self[...]
    while let last = text.last, isTrimmed(last) { text.removeLast() }
    return String(text)
  }
}
