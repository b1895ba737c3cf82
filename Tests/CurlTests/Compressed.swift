/// Compressed bodies, made without a compressor.
enum Compressed {
  static let gzipHello: [UInt8] = [
    0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x86,
    0xA6, 0x10, 0x36, 0x05, 0x00, 0x00, 0x00,
  ]
  static let brotliHello: [UInt8] = [0x0B, 0x02, 0x80] + Array("hello".utf8) + [0x03]

  /// A gzip stream that unfolds to that many zeros or a few more, 158 times its own size: a literal zero, then "repeat the
  /// last byte 258 times", in 13 bits each, over and over (RFC 1951, 3.2.6). The checksum at the end is left out.
  static func gzipBomb(unfoldingTo size: Int) -> [UInt8] {
    var bits = BitWriter()
    // Last block, fixed Huffman codes.
    bits.write(0b1, count: 1)
    bits.write(0b01, count: 2)
    bits.writeCode(0b0011_0000, count: 8)
    for _ in 0...(size / 258) {
      // Length 258 is symbol 285; distance 1 is symbol 0.
      bits.writeCode(0b1100_0101, count: 8)
      bits.writeCode(0, count: 5)
    }
    bits.writeCode(0, count: 7)
    return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF] + bits.bytes + [0]
  }

  /// A gzip stream of stored blocks (RFC 1951, 3.2.4).
  static func gzipStored(_ bytes: [UInt8]) -> [UInt8] {
    func littleEndian(_ value: UInt32, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
    }
    var stream: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]
    for start in stride(from: 0, to: bytes.count, by: 60_000) {
      let block = bytes[start..<min(start + 60_000, bytes.count)]
      let length = UInt32(block.count)
      stream += [block.endIndex == bytes.count ? 1 : 0] + littleEndian(length, 2) + littleEndian(~length, 2) + block
    }
    return stream + littleEndian(checksum(bytes), 4) + littleEndian(UInt32(bytes.count), 4)
  }

  /// CRC-32, bit by bit (RFC 1952, section 8).
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var sum = ~UInt32(0)
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
    }
    return ~sum
  }
}

/// Fills bytes from their lowest bit, as deflate does.
private struct BitWriter {
  private(set) var bytes: [UInt8] = []
  private var pending: UInt32 = 0
  private var pendingCount: UInt32 = 0

  mutating func write(_ value: UInt32, count: UInt32) {
    pending |= value << pendingCount
    pendingCount += count
    while pendingCount >= 8 {
      bytes.append(UInt8(truncatingIfNeeded: pending))
      pending >>= 8
      pendingCount -= 8
    }
  }

  /// Huffman codes go in from their highest bit.
  mutating func writeCode(_ code: UInt32, count: UInt32) {
    for bit in (0..<count).reversed() { write((code >> bit) & 1, count: 1) }
  }
}
