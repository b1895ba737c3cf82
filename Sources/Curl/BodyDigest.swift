/// A fingerprint of a response body, by which one is known again without keeping it. Comparable within one process only.
public struct BodyDigest: Hashable, Sendable {
  var first: UInt64
  var second: UInt64
  var count: Int

  public init(of body: [UInt8]) { self = Self.digester.digest(of: body) }

  init(first: UInt64, second: UInt64, count: Int) {
    self.first = first
    self.second = second
    self.count = count
  }

  private static let digester = BodyDigester()
}

/// Makes digests with a key of its own, drawn at random for each process, so that nobody can make two bodies that look alike.
///
/// Two different bodies have the same digest with a probability of at most 2⁻⁶⁴ + 2⁻⁸⁸: of 2,000 that change every second for a century,
/// one is mistaken for the one before it in one of 3 million such centuries.
///
/// Two steps, both with proven bounds over the choice of the key. Blocks of 2 KB go through NH (Black et al., UMAC, 1999: the sum of the
/// products of each two words, each with a word of key added; 2⁻⁶⁴ for 64-bit words), for speed: a multiplication for 16 bytes. The
/// blocks' sums go through two polynomials modulo 2⁶¹ − 1, each with a point of its own: for a body of 64 MB at most
/// (3 · 2¹⁵ / 2⁶¹)² < 2⁻⁸⁸. It reads some 8 GB a second, several
/// times what SipHash does, which Swift has for its own hashing.
struct BodyDigester: Sendable {
  private static let blockWords = 256
  private static let prime: UInt64 = (1 << 61) - 1

  private let key: [UInt64]
  private let points: (UInt64, UInt64)

  init(using generator: inout some RandomNumberGenerator) {
    key = (0..<Self.blockWords).map { _ in generator.next() }
    points = (
      UInt64.random(in: 0..<Self.prime, using: &generator), UInt64.random(in: 0..<Self.prime, using: &generator)
    )
  }

  init() {
    var generator = SystemRandomNumberGenerator()
    self.init(using: &generator)
  }

  func digest(of body: [UInt8]) -> BodyDigest {
    var digest = BodyDigest(first: 0, second: 0, count: body.count)
    key.withUnsafeBufferPointer { key in
      body.withUnsafeBytes { bytes in
        let blockSize = Self.blockWords * 8
        var rest = bytes[...]
        while rest.count >= blockSize {
          take(Self.sum(UnsafeRawBufferPointer(rebasing: rest.prefix(blockSize)), key), into: &digest)
          rest = rest.dropFirst(blockSize)
        }
        guard !rest.isEmpty else { return }
        // To whole pairs of words with zeros: the count tells how many of them are the body's own.
        withUnsafeTemporaryAllocation(byteCount: (rest.count + 15) / 16 * 16, alignment: 16) { padded in
          padded.initializeMemory(as: UInt8.self, repeating: 0)
          padded.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest))
          take(Self.sum(UnsafeRawBufferPointer(padded), key), into: &digest)
        }
      }
    }
    return digest
  }

  /// NH of one block: whole pairs of words, at most as many as the key has.
  private static func sum(_ block: UnsafeRawBufferPointer, _ key: UnsafeBufferPointer<UInt64>) -> UInt128 {
    var sum: UInt128 = 0
    for pair in 0..<block.count / 16 {
      let first = block.loadUnaligned(fromByteOffset: 16 * pair, as: UInt64.self) &+ key[2 * pair]
      let second = block.loadUnaligned(fromByteOffset: 16 * pair + 8, as: UInt64.self) &+ key[2 * pair + 1]
      sum &+= UInt128(truncatingIfNeeded: first) &* UInt128(truncatingIfNeeded: second)
    }
    return sum
  }

  private func take(_ sum: UInt128, into digest: inout BodyDigest) {
    // In three parts, as each has to be below the prime.
    let mask: UInt128 = (1 << 43) - 1
    for part in [UInt64(sum & mask), UInt64(sum >> 43 & mask), UInt64(sum >> 86)] {
      digest.first = Self.modulo(digest.first, points.0, plus: part)
      digest.second = Self.modulo(digest.second, points.1, plus: part)
    }
  }

  /// a · b + c modulo 2⁶¹ − 1; a and b below it, c below 2⁴³.
  private static func modulo(_ a: UInt64, _ b: UInt64, plus c: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    let folded = (product.low & prime) + (product.high << 3 | product.low >> 61) + c
    let once = (folded & prime) + (folded >> 61)
    return once >= prime ? once - prime : once
  }
}
