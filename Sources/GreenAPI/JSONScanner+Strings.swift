extension JSONScanner {
  /// Passes a string, checking its escapes and its UTF-8.
  mutating func string(in text: Span<UInt8>) throws(Malformed) -> Value {
    position &+= 1
    let start = position
    var kind = Kind.string
    while true {
      skipPlain(in: text)
      switch next(in: text) {
      case .quote:
        position &+= 1
        return Value(kind: kind, start: start, end: position - 1)
      case .backslash:
        kind = .escapedString
        try escape(in: text)
      case 0x80...: try multibyteScalars(in: text)
      default: throw Malformed()
      }
    }
  }

  /// Passes the bytes of a string that stand for themselves: ASCII but quotes, backslashes and control characters.
  /// Here and in ``skipMuchPlain(in:)`` as many bytes are left as the unchecked steps read.
  @inline(__always)
  private mutating func skipPlain(in text: Span<UInt8>) {
    // Most strings end within a few words; one that doesn't is worth the wider steps.
    for _ in 0..<4 where text.count &- position >= 8 {
      if skipPlainWord(in: text) { return }
    }
    skipMuchPlain(in: text)
  }

  @inline(never)
  private mutating func skipMuchPlain(in text: Span<UInt8>) {
    while text.count &- position >= 64, Self.isPlain(text.bytes, at: position) { position &+= 64 }
    while text.count &- position >= 8 {
      if skipPlainWord(in: text) { return }
    }
    while position < text.count, Self.isPlain(text[position]) { position &+= 1 }
  }

  /// Passes the plain bytes of the next eight.
  /// - Returns: whether one that is not plain comes next.
  @inline(__always)
  private mutating func skipPlainWord(in text: Span<UInt8>) -> Bool {
    let special = Self.special(text.bytes, at: position)
    position &+= special.trailingZeroBitCount / 8
    return special != 0
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    byte != .quote && byte != .backslash && (0x20..<0x80).contains(byte)
  }

  /// The high bit of each byte that is no plain one, in the machine's word of little end; those after the first may be wrong, as
  /// subtracting borrows from the bytes above one that is special (https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord).
  @inline(__always)
  private static func special(_ bytes: RawSpan, at position: Int) -> UInt64 {
    let word = UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self))
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = (word ^ (ones &* UInt64(UInt8.quote))) &- ones
    let backslashes = (word ^ (ones &* UInt64(UInt8.backslash))) &- ones
    let controls = word &- (ones &* 0x20)
    return (quotes | backslashes | controls | word) & (ones &* 0x80)
  }

  /// Whether 64 bytes are plain ones. A loop without a branch or a check in it, so that the compiler makes it SIMD.
  @inline(__always)
  private static func isPlain(_ bytes: RawSpan, at position: Int) -> Bool {
    var special: UInt8 = 0
    for offset in 0..<64 {
      let byte = bytes.unsafeLoad(fromUncheckedByteOffset: position &+ offset, as: Int8.self)
      // As a signed byte, one from 0x80 on is less than a space too.
      special |= (byte < 0x20 ? 1 : 0) | (byte == 0x22 ? 1 : 0) | (byte == 0x5C ? 1 : 0)
    }
    return special == 0
  }

  private mutating func escape(in text: Span<UInt8>) throws(Malformed) {
    position &+= 1
    switch next(in: text) {
    case .quote, .backslash, UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
      UInt8(ascii: "r"), UInt8(ascii: "t"):
      position &+= 1
    case UInt8(ascii: "u"):
      position &+= 1
      for _ in 0..<4 {
        guard next(in: text).hexadecimalValue != nil else { throw Malformed() }
        position &+= 1
      }
    default: throw Malformed()
    }
  }

  /// Passes scalars of two to four bytes up to the next of one, by the Unicode Standard's table 3-7, "Well-Formed UTF-8 Byte
  /// Sequences".
  private mutating func multibyteScalars(in text: Span<UInt8>) throws(Malformed) {
    while true {
      var followers: Int
      var second: ClosedRange<UInt8> = 0x80...0xBF
      switch next(in: text) {
      case 0..<0x80: return
      case 0xC2...0xDF: followers = 1
      case 0xE0: (followers, second) = (2, 0xA0...0xBF)
      case 0xED: (followers, second) = (2, 0x80...0x9F)
      case 0xE1...0xEF: followers = 2
      case 0xF0: (followers, second) = (3, 0x90...0xBF)
      case 0xF1...0xF3: followers = 3
      case 0xF4: (followers, second) = (3, 0x80...0x8F)
      default: throw Malformed()
      }
      position &+= 1
      guard second.contains(next(in: text)) else { throw Malformed() }
      position &+= 1
      followers -= 1
      while followers > 0 {
        guard (0x80...0xBF).contains(next(in: text)) else { throw Malformed() }
        position &+= 1
        followers -= 1
      }
    }
  }
}

extension UInt8 {
  /// What a digit of a `\u` escape stands for.
  var hexadecimalValue: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
