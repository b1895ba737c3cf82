/// RFC 8259's grammar, written down as plainly as it can be: over an array of scalars, one function a production, no speed.
/// The scanner is held against it.
struct JSONModel {
  private var scalars: [Unicode.Scalar]
  private var position = 0

  private struct Refused: Error {}

  /// Whether a text is JSON, nested 512 deep at most.
  static func takes(_ text: [UInt8]) -> Bool {
    guard let string = String(validating: text, as: UTF8.self) else { return false }
    var model = JSONModel(scalars: Array(string.unicodeScalars))
    if model.scalars.first == "\u{FEFF}" { model.position = 1 }
    do {
      try model.element(depth: 0)
      return model.position == model.scalars.count
    } catch {
      return false
    }
  }

  private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  private mutating func take(_ taken: (Unicode.Scalar) -> Bool) throws {
    guard let next, taken(next) else { throw Refused() }
    position += 1
  }

  private mutating func take(_ text: String) throws {
    for scalar in text.unicodeScalars { try take { $0 == scalar } }
  }

  private mutating func space() {
    while let next, " \t\r\n".unicodeScalars.contains(next) { position += 1 }
  }

  /// A value with whitespace around it.
  private mutating func element(depth: Int) throws {
    space()
    switch next {
    case "n": try take("null")
    case "t": try take("true")
    case "f": try take("false")
    case "\"": try string()
    case "[": try list("[", "]", depth: depth) { model in try model.element(depth: depth + 1) }
    case "{":
      try list("{", "}", depth: depth) { model in
        model.space()
        try model.string()
        model.space()
        try model.take(":")
        try model.element(depth: depth + 1)
      }
    default: try number()
    }
    space()
  }

  private mutating func list(
    _ opening: String, _ closing: String, depth: Int, _ item: (inout JSONModel) throws -> Void
  ) throws {
    guard depth < 512 else { throw Refused() }
    try take(opening)
    space()
    if (try? take(closing)) != nil { return }
    try item(&self)
    space()
    while (try? take(closing)) == nil {
      try take(",")
      try item(&self)
      space()
    }
  }

  private mutating func number() throws {
    if next == "-" { position += 1 }
    if next == "0" { position += 1 } else { try digits() }
    if next == "." {
      position += 1
      try digits()
    }
    if next == "e" || next == "E" {
      position += 1
      if next == "+" || next == "-" { position += 1 }
      try digits()
    }
  }

  private mutating func digits() throws {
    try take { ("0"..."9").contains($0) }
    while let next, ("0"..."9").contains(next) { position += 1 }
  }

  private mutating func string() throws {
    try take("\"")
    while next != "\"" {
      if next == "\\" {
        position += 1
        if next == "u" {
          position += 1
          for _ in 0..<4 { try take { $0.isASCII && $0.properties.isASCIIHexDigit } }
        } else {
          try take { "\"\\/bfnrt".unicodeScalars.contains($0) }
        }
      } else {
        try take { $0 >= " " }
      }
    }
    position += 1
  }
}
