/// A small gzip stream that unpacks to a JSON array of nothing but spaces, written by hand since it needs no compressor.
///
/// It is one DEFLATE block of fixed codes (RFC 1951 section 3.2.6): `[`, a space, then over and over "the last 258 bytes from one byte back",
/// 13 bits each, and `]`. Eight of those fill 13 bytes exactly, so the middle of the stream is ``unit`` repeated.
struct GzipBomb: Hashable, Sendable {
  let head: [UInt8]
  let unitCount: Int
  let tail: [UInt8]

  /// Unpacks to ``unitSize`` spaces.
  static let unit: [UInt8] = {
    var bits = Bits()
    for _ in 0..<8 { bits.appendRun() }
    return bits.bytes
  }()
  static let unitSize = 8 * 258

  /// - Parameter size: The bytes it unpacks to, roughly: what whole units make of it.
  init(unpackingTo size: Int) {
    unitCount = max(1, size / Self.unitSize)
    let spaces = 1 + 258 + unitCount * Self.unitSize

    var start = Bits(bytes: [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF])
    start.append(1, count: 1)  // the last block
    start.append(1, count: 2)  // of fixed codes
    start.appendLiteral(UInt8(ascii: "["))
    start.appendLiteral(UInt8(ascii: " "))
    start.appendRun()  // 3 + 8 + 8 + 13 bits: whole bytes again
    head = start.bytes

    var end = Bits()
    end.appendLiteral(UInt8(ascii: "]"))
    end.append(0, count: 7)  // the end of the block
    let checksum = CRC32.of(UInt8(ascii: "["), thenSpaces: spaces, then: UInt8(ascii: "]"))
    tail = end.bytes + checksum.littleEndianBytes + UInt32(truncatingIfNeeded: spaces + 2).littleEndianBytes
  }

  var size: Int { head.count + unitCount * Self.unit.count + tail.count }
}

/// Bits packed from the lowest of each byte, as DEFLATE has them.
private struct Bits {
  var bytes: [UInt8] = []
  /// Bits used of the last byte; 0: all of it.
  private var used = 0

  init(bytes: [UInt8] = []) { self.bytes = bytes }

  mutating func append(_ value: UInt32, count: Int) {
    for position in 0..<count {
      if used == 0 { bytes.append(0) }
      bytes[bytes.count - 1] |= UInt8((value >> UInt32(position)) & 1) << UInt8(used)
      used = (used + 1) % 8
    }
  }

  /// A Huffman code goes in from its highest bit.
  private mutating func appendCode(_ code: UInt32, count: Int) {
    for position in (0..<count).reversed() { append(code >> UInt32(position), count: 1) }
  }

  /// A byte below 144, by the fixed code.
  mutating func appendLiteral(_ byte: UInt8) { appendCode(0x30 + UInt32(byte), count: 8) }

  /// Length 258 (symbol 285), distance 1 (symbol 0).
  mutating func appendRun() {
    appendCode(0b1100_0101, count: 8)
    appendCode(0, count: 5)
  }
}

/// The checksum of gzip, of a long run without running through it: taking in a byte is an affine map of the 32 bits of state,
/// and maps are raised to a power by squaring.
private struct CRC32 {
  /// Where each bit of the state goes, and what is added.
  private var columns: [UInt32]
  private var constant: UInt32

  static func of(_ first: UInt8, thenSpaces count: Int, then last: UInt8) -> UInt32 {
    var state = CRC32(takingIn: first).apply(to: .max)
    var power = CRC32(takingIn: UInt8(ascii: " "))
    var count = count
    while count > 0 {
      if count & 1 == 1 { state = power.apply(to: state) }
      power = power.followed(by: power)
      count >>= 1
    }
    return ~CRC32(takingIn: last).apply(to: state)
  }

  private init(takingIn byte: UInt8) {
    func step(_ state: UInt32) -> UInt32 {
      (0..<8).reduce(state) { state, _ in (state >> 1) ^ (state & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    columns = (0..<32).map { step(1 << UInt32($0)) }
    constant = step(UInt32(byte))
  }

  private func linear(_ state: UInt32) -> UInt32 {
    var result: UInt32 = 0
    for bit in 0..<32 where state >> UInt32(bit) & 1 == 1 { result ^= columns[bit] }
    return result
  }

  private func apply(to state: UInt32) -> UInt32 { linear(state) ^ constant }

  private func followed(by next: CRC32) -> CRC32 {
    var both = next
    both.columns = columns.map(next.linear)
    both.constant = next.apply(to: constant)
    return both
  }
}

extension UInt32 {
  fileprivate var littleEndianBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> (8 * $0)) } }
}
