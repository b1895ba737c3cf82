/// A YAML text as libyaml counts it: by Unicode scalars, with lines and columns from 1.
struct YAMLText {
  /// From 1 each.
  typealias Position = (line: Int, column: Int)

  private var scalars: [Unicode.Scalar]

  init(_ text: String) { scalars = Array(text.unicodeScalars) }

  var string: String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  /// Private-use characters that don't occur in the text. A text that has them all gets the first ones: it loses the
  /// meaning of a few characters that have none.
  func unusedScalars(_ count: Int) -> [Unicode.Scalar] {
    let privateUse = (0xE000...0xF8FF).compactMap(Unicode.Scalar.init)
    let used = Set(scalars.lazy.filter { (0xE000...0xF8FF).contains($0.value) })
    let unused = privateUse.filter { !used.contains($0) }
    return Array((unused + privateUse).prefix(count))
  }

  /// The first character outside YAML's printable ones (YAML 1.1, 5.1), and where it stands.
  func forbiddenScalar() -> (position: Position, scalar: Unicode.Scalar)? {
    guard let index = scalars.firstIndex(where: { !Self.isAllowed($0) }) else { return nil }
    var position = (line: 1, column: 1)
    for i in 0..<index {
      position = endsLine(at: i) ? (position.line + 1, 1) : (position.line, position.column + 1)
    }
    return (position, scalars[index])
  }

  mutating func replaceAll(_ old: Unicode.Scalar, with new: Unicode.Scalar) {
    for index in scalars.indices where scalars[index] == old { scalars[index] = new }
  }

  /// Puts `new` in place of the first character of the key that stands there; false when that can't be done.
  mutating func rename(keyAt position: Position, with new: Unicode.Scalar) -> Bool {
    guard var index = index(of: position) else { return false }
    if scalars[index] == "\"" || scalars[index] == "'" { index += 1 }
    guard index < scalars.count, !"\"'\\&!?|> \t\r\n".unicodeScalars.contains(scalars[index]),
      !(0xE000...0xF8FF).contains(scalars[index].value)
    else { return false }
    scalars[index] = new
    return true
  }

  func scalar(at position: Position) -> Unicode.Scalar? { index(of: position).map { scalars[$0] } }

  private func index(of position: Position) -> Int? {
    var line = 1
    var index = 0
    while line < position.line, index < scalars.count {
      if endsLine(at: index) { line += 1 }
      index += 1
    }
    index += position.column - 1
    return scalars.indices.contains(index) ? index : nil
  }

  private func endsLine(at index: Int) -> Bool {
    switch scalars[index] {
    case "\n", "\u{85}", "\u{2028}", "\u{2029}": true
    case "\r": index + 1 >= scalars.count || scalars[index + 1] != "\n"
    default: false
    }
  }

  private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0x85, 0xA0...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF: true
    default: false
    }
  }
}
