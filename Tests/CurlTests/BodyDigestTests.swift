import Testing

@testable import Curl

@Suite struct BodyDigestTests {
  /// SplitMix64: the key follows from the seed.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
  }

  /// Around the borders of words, pairs and blocks.
  private static let sizes = [0, 1, 7, 8, 15, 16, 17, 31, 32, 2047, 2048, 2049, 4095, 4096, 6007]

  @Test("The digest is the one that its description gives: NH of each block, and two polynomials over their sums")
  func definition() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = Generator(state: seed)
    var same = Generator(state: seed)
    let digester = BodyDigester(using: &generator)
    let key = (0..<256).map { _ in same.next() }
    let prime: UInt128 = (1 << 61) - 1
    let points = (0..<2).map { _ in UInt128(UInt64.random(in: 0..<UInt64(prime), using: &same)) }
    for size in Self.sizes {
      let body = (0..<size).map { _ in UInt8.random(in: 0...255, using: &same) }
      var values: [UInt128] = [0, 0]
      for start in stride(from: 0, to: size, by: 2048) {
        let block = Array(body[start..<min(start + 2048, size)])
        let words = stride(from: 0, to: (block.count + 15) / 16 * 16, by: 8).map { place in
          (0..<8).reduce(UInt64(0)) { word, byte in
            place + byte < block.count ? word | UInt64(block[place + byte]) << UInt64(8 * byte) : word
          }
        }
        var sum: UInt128 = 0
        for index in stride(from: 0, to: words.count, by: 2) {
          sum &+= UInt128(words[index] &+ key[index]) &* UInt128(words[index + 1] &+ key[index + 1])
        }
        for part in [sum & ((1 << 43) - 1), sum >> 43 & ((1 << 43) - 1), sum >> 86] {
          for which in 0..<2 { values[which] = (values[which] * points[which] + part) % prime }
        }
      }
      let digest = digester.digest(of: body)
      #expect([digest.first, digest.second] == values.map { UInt64($0) }, "seed \(seed), \(size) bytes")
      #expect(digest.count == size)
    }
  }

  @Test("Another byte anywhere, a byte more or less and blocks that change places make another digest")
  func differences() {
    let digester = BodyDigester()
    for size in Self.sizes {
      let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 / 3) }
      var digests: Set<BodyDigest> = [digester.digest(of: body)]
      #expect(digests.contains(digester.digest(of: body)))
      for place in body.indices {
        var other = body
        other[place] ^= 1
        digests.insert(digester.digest(of: other))
      }
      digests.insert(digester.digest(of: body + [0]))
      digests.insert(digester.digest(of: [0] + body))
      if size > 0 { digests.insert(digester.digest(of: body.dropLast() + [])) }
      // The empty answer and a zero have one neighbour in common.
      #expect(digests.count >= size + (size == 0 ? 2 : 3))
    }
    let blocks = [UInt8](repeating: 1, count: 2048) + [UInt8](repeating: 2, count: 2048)
    #expect(digester.digest(of: blocks) != digester.digest(of: blocks.suffix(2048) + blocks.prefix(2048)))
  }

  @Test("No two digesters agree: what looks alike to one is not known to anybody beforehand")
  func keys() {
    let body = [UInt8](repeating: 7, count: 100)
    #expect(BodyDigester().digest(of: body) != BodyDigester().digest(of: body))
  }
}
