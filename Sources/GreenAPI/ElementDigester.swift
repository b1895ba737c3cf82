/// Makes fingerprints of the elements of answers, by which an element is known again without keeping it. The key is drawn at random for
/// each process, so that nobody can make two elements that look alike.
///
/// Two different elements of the same length have the same digest with a probability of at most 2⁻⁶³: of 10,000 records that change
/// every second, each held against 256 others as long as itself, one is mistaken for one of those in a thousand centuries.
///
/// Two steps, both with proven bounds over the choice of the key. NH (Black et al., UMAC, 1999) is the sum of the products of each two
/// words, each with a word of the key added: 2⁻⁶⁴ for words of 64 bits, and a multiplication for 16 bytes, which makes it faster than
/// what memory delivers. Its 128 bits become 64 by a multiplication with a random number (Dietzfelbinger, 1996; for two words Thorup,
/// "High Speed Hashing for Integers and Strings", section 3.3): 2⁻⁶⁴ once more.
struct ElementDigester: @unchecked Sendable {
  /// How long the elements are that there are digests of. The last 16 bytes are read at once, whether or not some have been before; and
  /// the longest takes as much key. A text message has 20,000 characters at most, in JSON six bytes each.
  static let counts = 16...128 << 10

  /// A process has one of these, and it stays: nothing ever writes to the key or frees it, which is why it may be shared.
  static let shared = {
    var generator = SystemRandomNumberGenerator()
    return ElementDigester(using: &generator)
  }()

  private let key: UnsafePointer<UInt64>
  private let low: UInt128
  private let high: UInt128

  /// The memory of its key is never freed.
  init(using generator: inout some RandomNumberGenerator) {
    let key = UnsafeMutablePointer<UInt64>.allocate(capacity: Self.counts.upperBound / 8)
    for place in 0..<Self.counts.upperBound / 8 { (key + place).initialize(to: generator.next()) }
    self.key = UnsafePointer(key)
    low = UInt128.random(in: 0...UInt128.max, using: &generator)
    high = UInt128.random(in: 0...UInt128.max, using: &generator)
  }

  /// The digest of `count` bytes from an offset on: as many as ``counts`` allows, all within `bytes`.
  @inline(__always)
  func digest(_ bytes: RawSpan, from start: Int, count: Int) -> UInt64 {
    // Two sums, as one alone would wait for its own carries.
    var first: UInt128 = 0
    var second: UInt128 = 0
    var offset = 0
    while offset &+ 64 <= count {
      first &+= product(bytes, from: start, offset)
      second &+= product(bytes, from: start, offset &+ 16)
      first &+= product(bytes, from: start, offset &+ 32)
      second &+= product(bytes, from: start, offset &+ 48)
      offset &+= 64
    }
    while offset &+ 16 <= count {
      first &+= product(bytes, from: start, offset)
      offset &+= 16
    }
    if offset < count {
      // The last words overlap those before. Of bytes of one length every one still has its place, so that the bound holds.
      second &+= product(bytes, at: start &+ count &- 16, offset)
    }
    let sum = first &+ second
    let mixed = low &* UInt128(truncatingIfNeeded: UInt64(truncatingIfNeeded: sum)) &+ high &* (sum >> 64)
    return UInt64(truncatingIfNeeded: mixed >> 64)
  }

  @inline(__always)
  private func product(_ bytes: RawSpan, from start: Int, _ offset: Int) -> UInt128 {
    product(bytes, at: start &+ offset, offset)
  }

  /// Of two words, with the words of the key that belong to this offset in the element.
  @inline(__always)
  private func product(_ bytes: RawSpan, at place: Int, _ offset: Int) -> UInt128 {
    let first = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: place, as: UInt64.self)
    let second = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: place &+ 8, as: UInt64.self)
    let keys = UnsafeRawPointer(key) + offset
    let a = first &+ keys.loadUnaligned(as: UInt64.self)
    let b = second &+ keys.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    return UInt128(truncatingIfNeeded: a) &* UInt128(truncatingIfNeeded: b)
  }
}
