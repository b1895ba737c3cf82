/// JSON written straight into bytes, for bodies whose field order is fixed (a keyed encoder promises none).
struct CompactJSON {
  private(set) var bytes: [UInt8] = []

  init(reservingCapacity capacity: Int) { bytes.reserveCapacity(capacity) }

  /// Text that is JSON already.
  mutating func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }

  /// A JSON string: only what RFC 8259 section 7 demands is escaped; other characters stand as UTF-8.
  mutating func string(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): raw(#"\""#)
      case UInt8(ascii: "\\"): raw(#"\\"#)
      case 0x08: raw(#"\b"#)
      case 0x09: raw(#"\t"#)
      case 0x0A: raw(#"\n"#)
      case 0x0C: raw(#"\f"#)
      case 0x0D: raw(#"\r"#)
      case 0..<0x20:
        raw(byte < 0x10 ? #"\u000"# : #"\u001"#)
        raw(String(byte & 0x0F, radix: 16))
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
