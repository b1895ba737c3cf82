/// Walks over one JSON text (RFC 8259), checks every byte of it and builds nothing.
///
/// It takes what the grammar takes and refuses the rest, with the choices the RFC leaves open: a byte order mark at the start is
/// passed over (section 8.1), nesting ends at ``maximumDepth`` (section 9), and the escape of half a surrogate pair is taken
/// (section 8.2), as only who wants that string's text has to know that it has none. Text must be UTF-8 throughout.
///
/// Bytes are read through `Span`, which checks every index, so that no text, however broken, makes it read beyond the end. Strings
/// are stepped through by words and by 64 bytes, which check for their whole width before (``skipPlain(in:)``): the thumbnails
/// in an answer, five sixths of it, pass at 10 GB/s, where checking bytes one by one takes ten times as long.
struct JSONScanner {
  struct Malformed: Error {}

  /// What a value is.
  enum Kind: UInt8 {
    case null, `false`, `true`
    /// A number of digits alone, with or without a minus sign.
    case integer
    /// A number with a fraction or an exponent.
    case number
    case string, escapedString
    case array, object
  }

  /// A value's place. A string's is that of the bytes between its quotes.
  struct Value {
    var kind: Kind
    var start: Int
    var end: Int
  }

  /// Arrays and objects in one another; the same limit as JSONDecoder’s.
  static let maximumDepth = 512

  /// Of the byte that comes next.
  var position: Int

  init(at position: Int = 0) { self.position = position }

  // MARK: Between values

  /// The byte that comes next; 0 at the end, which fits nowhere outside a string either.
  @inline(__always)
  func next(in text: Span<UInt8>) -> UInt8 { position < text.count ? text[position] : 0 }

  mutating func skipByteOrderMark(in text: Span<UInt8>) {
    if text.count >= 3, text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF { position = 3 }
  }

  @inline(__always)
  mutating func skipWhitespace(in text: Span<UInt8>) {
    // Compact JSON has none.
    if next(in: text) <= 0x20 { skipSomeWhitespace(in: text) }
  }

  private mutating func skipSomeWhitespace(in text: Span<UInt8>) {
    while position < text.count {
      switch text[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position &+= 1
      default: return
      }
    }
  }

  private mutating func expect(_ byte: UInt8, in text: Span<UInt8>) throws(Malformed) {
    guard next(in: text) == byte else { throw Malformed() }
    position &+= 1
  }

  /// Passes an opening bracket.
  /// - Returns: whether anything stands before the closing one, which is passed too otherwise.
  mutating func open(until closing: UInt8, in text: Span<UInt8>) -> Bool {
    position &+= 1
    skipWhitespace(in: text)
    guard next(in: text) == closing else { return true }
    position &+= 1
    return false
  }

  /// Passes the comma after an element or a member, or the closing bracket.
  /// - Returns: whether it was a comma.
  mutating func goesOn(until closing: UInt8, in text: Span<UInt8>) throws(Malformed) -> Bool {
    skipWhitespace(in: text)
    if next(in: text) == closing {
      position &+= 1
      return false
    }
    try expect(.comma, in: text)
    skipWhitespace(in: text)
    return true
  }

  /// Passes a member's name and the colon.
  mutating func name(in text: Span<UInt8>) throws(Malformed) -> Value {
    guard next(in: text) == .quote else { throw Malformed() }
    let name = try string(in: text)
    skipWhitespace(in: text)
    try expect(.colon, in: text)
    skipWhitespace(in: text)
    return name
  }

  // MARK: Values

  /// Passes a value.
  /// - Parameter depth: in how many arrays and objects it stands.
  mutating func value(in text: Span<UInt8>, depth: Int) throws(Malformed) -> Value {
    let start = position
    let kind: Kind
    switch next(in: text) {
    case .quote: return try string(in: text)
    case UInt8(ascii: "{"):
      try container(until: .closingBrace, in: text, depth: depth)
      kind = .object
    case UInt8(ascii: "["):
      try container(until: .closingBracket, in: text, depth: depth)
      kind = .array
    case UInt8(ascii: "n"): kind = try word("null", .null, in: text)
    case UInt8(ascii: "t"): kind = try word("true", .true, in: text)
    case UInt8(ascii: "f"): kind = try word("false", .false, in: text)
    default: kind = try number(in: text)
    }
    return Value(kind: kind, start: start, end: position)
  }

  private mutating func container(until closing: UInt8, in text: Span<UInt8>, depth: Int) throws(Malformed) {
    guard depth < Self.maximumDepth else { throw Malformed() }
    guard open(until: closing, in: text) else { return }
    repeat {
      if closing == .closingBrace { _ = try name(in: text) }
      _ = try value(in: text, depth: depth + 1)
    } while try goesOn(until: closing, in: text)
  }

  private mutating func word(
    _ word: StaticString, _ kind: Kind, in text: Span<UInt8>
  ) throws(Malformed) -> Kind {
    guard text.extracting(position...).starts(with: word) else { throw Malformed() }
    position += word.utf8CodeUnitCount
    return kind
  }

  private mutating func number(in text: Span<UInt8>) throws(Malformed) -> Kind {
    if next(in: text) == UInt8(ascii: "-") { position &+= 1 }
    if next(in: text) == UInt8(ascii: "0") { position &+= 1 } else { try digits(in: text) }
    var kind = Kind.integer
    if next(in: text) == UInt8(ascii: ".") {
      position &+= 1
      try digits(in: text)
      kind = .number
    }
    if next(in: text) | 0x20 == UInt8(ascii: "e") {
      position &+= 1
      if [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(next(in: text)) { position &+= 1 }
      try digits(in: text)
      kind = .number
    }
    return kind
  }

  private mutating func digits(in text: Span<UInt8>) throws(Malformed) {
    let start = position
    while position < text.count, text[position] &- 0x30 < 10 { position &+= 1 }
    if position == start { throw Malformed() }
  }
}

extension JSONScanner {
  /// Whether a text is JSON.
  static func isText(_ text: Span<UInt8>) -> Bool {
    var scanner = JSONScanner()
    scanner.skipByteOrderMark(in: text)
    scanner.skipWhitespace(in: text)
    guard (try? scanner.value(in: text, depth: 0)) != nil else { return false }
    scanner.skipWhitespace(in: text)
    return scanner.position == text.count
  }
}

extension UInt8 {
  static let quote = UInt8(ascii: "\"")
  static let backslash = UInt8(ascii: "\\")
  static let comma = UInt8(ascii: ",")
  static let colon = UInt8(ascii: ":")
  static let closingBrace = UInt8(ascii: "}")
  static let closingBracket = UInt8(ascii: "]")

  /// A space, or a control character from the tab to the carriage return.
  fileprivate var isWhiteSpace: Bool { self <= 0x20 && (self == 0x20 || self &- 0x09 < 5) }
}

extension Span<UInt8> {
  func starts(with text: StaticString) -> Bool {
    guard count >= text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { expected in
      for index in expected.indices where self[index] != expected[index] { return false }
      return true
    }
  }
}

extension Span<UInt8> {
  /// A part without the ASCII white space at its ends: nearly always two bytes are looked at, and it is the part itself.
  @inline(__always)
  func trimmed(_ part: Range<Int>) -> Range<Int> {
    var (start, end) = (part.lowerBound, part.upperBound)
    while start < end, self[start].isWhiteSpace { start &+= 1 }
    while start < end, self[end &- 1].isWhiteSpace { end &-= 1 }
    return start..<end
  }
}

extension [UInt8] {
  mutating func append(contentsOf bytes: Span<UInt8>) {
    bytes.withUnsafeBufferPointer { append(contentsOf: $0) }
  }
}
