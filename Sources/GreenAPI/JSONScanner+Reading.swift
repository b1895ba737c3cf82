import Foundation

/// Values read leniently: GREEN-API gives numbers as strings and strings as numbers at times.
extension JSONScanner.Value {
  /// The bytes of a string, or of a number, as they stand in the text.
  func bytes(in text: Span<UInt8>) -> [UInt8] {
    text.extracting(start..<end).withUnsafeBufferPointer { [UInt8]($0) }
  }

  /// A string, or a whole number as its digits; `nil` for anything else, and for a string with half a surrogate pair.
  func string(in text: Span<UInt8>) -> String? {
    switch kind {
    case .string: text.extracting(start..<end).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    case .escapedString: unescaped(in: text)
    case .integer, .number:
      wholeNumber(Int64.self, in: text).map { String($0) }
        ?? wholeNumber(UInt64.self, in: text).map { String($0) }
    default: nil
    }
  }

  /// A whole number, one with a fraction without it, or a string that holds one.
  func integer(in text: Span<UInt8>) -> Int64? {
    switch kind {
    case .integer, .number: wholeNumber(Int64.self, in: text) ?? Self.integer(digits(in: text))
    case .string, .escapedString: string(in: text).flatMap { Int64($0) ?? Self.integer($0) }
    default: nil
    }
  }

  /// A boolean, `0` or `1`, or a string that says so.
  func boolean(in text: Span<UInt8>) -> Bool? {
    switch kind {
    case .true: true
    case .false: false
    default:
      switch string(in: text)?.lowercased() {
      case "true", "1", "yes": true
      case "false", "0", "no": false
      default: nil
      }
    }
  }

  private func digits(in text: Span<UInt8>) -> String { String(decoding: bytes(in: text), as: UTF8.self) }

  private static func integer(_ number: String) -> Int64? {
    Double(number).flatMap { Int64(exactly: $0.rounded(.towardZero)) }
  }

  private func wholeNumber<Number: FixedWidthInteger & Decodable>(
    _ type: Number.Type, in text: Span<UInt8>
  ) -> Number? {
    if kind == .integer { return Number(digits(in: text)) }
    // Whether `1.50e1` is whole is for a decoder of numbers; nobody has seen GREEN-API write one so.
    return try? JSONDecoder().decode(type, from: Data(bytes(in: text)))
  }

  /// The text of a string that has escapes.
  private func unescaped(in text: Span<UInt8>) -> String? {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(end - start)
    var position = start
    while position < end {
      let byte = text[position]
      position += 1
      guard byte == .backslash else {
        decoded.append(byte)
        continue
      }
      let escape = text[position]
      position += 1
      switch escape {
      case UInt8(ascii: "b"): decoded.append(0x08)
      case UInt8(ascii: "f"): decoded.append(0x0C)
      case UInt8(ascii: "n"): decoded.append(0x0A)
      case UInt8(ascii: "r"): decoded.append(0x0D)
      case UInt8(ascii: "t"): decoded.append(0x09)
      case UInt8(ascii: "u"):
        guard let scalar = scalar(in: text, at: &position) else { return nil }
        decoded.append(contentsOf: UTF8.encode(scalar)!)
      default: decoded.append(escape)
      }
    }
    return String(decoding: decoded, as: UTF8.self)
  }

  /// The scalar of one `\u` escape, or of the two that make a surrogate pair.
  private func scalar(in text: Span<UInt8>, at position: inout Int) -> Unicode.Scalar? {
    let first = unit(in: text, at: &position)
    guard UTF16.isLeadSurrogate(first) else { return Unicode.Scalar(first) }
    guard end - position >= 6, text[position] == .backslash, text[position + 1] == UInt8(ascii: "u") else { return nil }
    position += 2
    let second = unit(in: text, at: &position)
    return UTF16.isTrailSurrogate(second) ? UTF16.decode(.init([first, second])) : nil
  }

  private func unit(in text: Span<UInt8>, at position: inout Int) -> UInt16 {
    defer { position += 4 }
    return (position..<position + 4).reduce(0) { $0 << 4 | UInt16(text[$1].hexadecimalValue ?? 0) }
  }
}
