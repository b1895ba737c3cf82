/// A line for a terminal: pieces of text, each in one style. Every character takes one column.
struct StyledLine: Sendable, Hashable {
  enum Style: String, Sendable {
    case plain = ""
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
  }

  private(set) var pieces: [(text: String, style: Style)] = []

  init(_ text: String = "", _ style: Style = .plain) { add(text, style) }

  mutating func add(_ text: String, _ style: Style = .plain) {
    if !text.isEmpty { pieces.append((text, style)) }
  }

  /// Fills up or cuts to `width`, with one column left before what follows.
  mutating func addCell(_ text: String, width: Int, _ style: Style = .plain) {
    add(DemoText.padded(String(text.prefix(max(0, width - 1))), width), style)
  }

  /// Cut to `width` columns, and with its colours only where they are wanted.
  func rendered(width: Int, isColored: Bool) -> String {
    var result = ""
    var left = width
    for piece in pieces where left > 0 {
      let text = piece.text.prefix(left)
      left -= text.count
      result += isColored && piece.style != .plain ? "\u{1B}[\(piece.style.rawValue)m\(text)\u{1B}[0m" : text
    }
    return result
  }

  static func == (a: Self, b: Self) -> Bool {
    a.pieces.elementsEqual(b.pieces) { $0 == $1 }
  }

  func hash(into hasher: inout Hasher) {
    for piece in pieces {
      hasher.combine(piece.text)
      hasher.combine(piece.style)
    }
  }
}
