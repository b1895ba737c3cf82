/// A text with escapes of one kind undone, which knows where in the original each of its bytes stands. What is no whole escape stays as it
/// is.
struct DecodedText {
  enum Escapes: CaseIterable {
    /// `%2F`.
    case percent
    /// `\/`, `\n`, `\x2f`, `\u002f`.
    case backslash
    /// `&amp;`, `&#47;`, `&#x2f;`.
    case ampersand
  }

  private(set) var bytes: [UInt8] = []
  /// Where in the original each byte's own text begins, and where it ends.
  private(set) var starts: [Int32] = []
  private(set) var ends: [Int32] = []
  /// Whether there was any escape.
  private(set) var hasEscapes = false

  /// A text as it stands.
  init(_ text: [UInt8]) {
    bytes = text
    starts = (0..<Int32(text.count)).map(\.self)
    ends = starts.map { $0 + 1 }
  }

  /// The same with the escapes of one kind undone once.
  init(_ text: DecodedText, without escapes: Escapes) {
    bytes.reserveCapacity(text.bytes.count)
    var position = 0
    while position < text.bytes.count {
      let (decoded, length) = Self.decoded(escapes, in: text.bytes, at: position)
      if decoded.isEmpty {
        append([text.bytes[position]], text.starts[position], text.ends[position])
        position += 1
      } else {
        append(decoded, text.starts[position], text.ends[position + length - 1])
        position += length
        hasEscapes = true
      }
    }
  }

  private mutating func append(_ decoded: [UInt8], _ start: Int32, _ end: Int32) {
    for byte in decoded {
      bytes.append(byte)
      starts.append(start)
      ends.append(end)
    }
  }

  /// Where in the original a part of this text stands.
  func original(_ part: Range<Int>) -> Range<Int> {
    part.isEmpty ? 0..<0 : Int(starts[part.lowerBound])..<Int(ends[part.upperBound - 1])
  }

  // MARK: Escapes

  /// The longest that is looked for: `&#x10ffff;`.
  static let longestEscape = 10

  /// - Returns: what an escape at this place stands for, and how long it is; nothing when there is none.
  private static func decoded(
    _ escapes: Escapes, in text: [UInt8], at position: Int
  ) -> (decoded: [UInt8], length: Int) {
    switch (escapes, text[position]) {
    case (.percent, UInt8(ascii: "%")):
      guard let value = number(text, position + 1, count: 2, radix: 16) else { return ([], 0) }
      return ([UInt8(value)], 3)
    case (.backslash, UInt8(ascii: "\\")):
      guard position + 1 < text.count else { return ([], 0) }
      return jsonEscape(in: text, at: position)
    case (.ampersand, UInt8(ascii: "&")): return entity(in: text, at: position)
    default: return ([], 0)
    }
  }

  private static func jsonEscape(in text: [UInt8], at position: Int) -> (decoded: [UInt8], length: Int) {
    switch text[position + 1] {
    case UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): return ([text[position + 1]], 2)
    case UInt8(ascii: "n"): return ([0x0A], 2)
    case UInt8(ascii: "t"): return ([0x09], 2)
    case UInt8(ascii: "r"): return ([0x0D], 2)
    case UInt8(ascii: "x"):
      guard let value = number(text, position + 2, count: 2, radix: 16) else { return ([], 0) }
      return ([UInt8(value)], 4)
    case UInt8(ascii: "u"):
      guard let value = number(text, position + 2, count: 4, radix: 16) else { return ([], 0) }
      // Half of a pair: both together are one character.
      if (0xD800..<0xDC00).contains(value), position + 7 < text.count, text[position + 6] == UInt8(ascii: "\\"),
        text[position + 7] == UInt8(ascii: "u"), let low = number(text, position + 8, count: 4, radix: 16),
        (0xDC00..<0xE000).contains(low)
      {
        return (utf8(0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)), 12)
      }
      return (utf8(value), 6)
    default: return ([], 0)
    }
  }

  private static let entities: [(name: [UInt8], value: UInt8)] = [
    ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&sol;", "/"),
  ].map { (Array($0.0.utf8), $0.1.utf8.first!) }

  private static func entity(in text: [UInt8], at position: Int) -> (decoded: [UInt8], length: Int) {
    for (name, value) in entities where text[position...].starts(with: name) { return ([value], name.count) }
    guard position + 2 < text.count, text[position + 1] == UInt8(ascii: "#") else { return ([], 0) }
    let isHexadecimal = text[position + 2] | 0x20 == UInt8(ascii: "x")
    let digits = position + (isHexadecimal ? 3 : 2)
    var end = digits
    while end < text.count, end - digits < 7, hexadecimalDigit(text[end]) != nil { end += 1 }
    guard end < text.count, text[end] == UInt8(ascii: ";"), end > digits,
      let value = number(text, digits, count: end - digits, radix: isHexadecimal ? 16 : 10)
    else { return ([], 0) }
    return (utf8(value), end + 1 - position)
  }

  private static func utf8(_ value: UInt32) -> [UInt8] {
    Unicode.Scalar(value).map { Array(String(Character($0)).utf8) } ?? []
  }

  private static func number(_ text: [UInt8], _ start: Int, count: Int, radix: UInt32) -> UInt32? {
    guard start + count <= text.count else { return nil }
    var value: UInt32 = 0
    for byte in text[start..<start + count] {
      guard let digit = hexadecimalDigit(byte), digit < radix else { return nil }
      value = value &* radix &+ digit
    }
    return value
  }

  private static func hexadecimalDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
    default: nil
    }
  }
}
