import Testing

@testable import GreenAPI

@Suite struct ElementDigesterTests {
  /// Around the borders of words, pairs and steps of 64 bytes, and the longest.
  private static let counts = [16, 17, 23, 24, 31, 32, 33, 63, 64, 65, 79, 80, 127, 128, 129, 400, 2_401, 131_072]

  @Test(
    "The digest is the one that its description gives: NH with an overlapping end, then a multiplication")
  func definition() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    var same = SeededGenerator(seed: seed)
    let digester = ElementDigester(using: &random)
    let key = (0..<ElementDigester.counts.upperBound / 8).map { _ in same.next() }
    let low = UInt128.random(in: 0...UInt128.max, using: &same)
    let high = UInt128.random(in: 0...UInt128.max, using: &same)
    for count in Self.counts {
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &same) }
      func word(at place: Int) -> UInt64 { (0..<8).reduce(0) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) } }
      var sum: UInt128 = 0
      for (pair, place) in stride(from: 0, to: count, by: 16).enumerated() {
        let start = min(place, count - 16)
        sum &+= UInt128(word(at: start) &+ key[2 * pair]) * UInt128(word(at: start + 8) &+ key[2 * pair + 1])
      }
      let digest = UInt64(truncatingIfNeeded: (low &* (sum & UInt128(UInt64.max)) &+ high &* (sum >> 64)) >> 64)
      for padding in [0, 1, 7] {
        let padded = [UInt8](repeating: 9, count: padding) + bytes + [UInt8](repeating: 9, count: padding)
        #expect(
          digester.digest(padded.span.bytes, from: padding, count: count) == digest, "seed \(seed), \(count) bytes")
      }
    }
  }

  @Test(
    "Another byte anywhere makes another digest, and so do words that change places", arguments: [16, 40, 100, 400])
  func differences(count: Int) {
    let digester = ElementDigester.shared
    func digest(_ bytes: [UInt8]) -> UInt64 { digester.digest(bytes.span.bytes, from: 0, count: count) }
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 3) }
    var digests: Set = [digest(bytes)]
    for place in bytes.indices {
      var other = bytes
      other[place] ^= 1
      digests.insert(digest(other))
    }
    digests.insert(digest(Array(bytes[8..<16] + bytes[..<8] + bytes[16...])))
    #expect(digests.count == count + 2)
    #expect(digests.contains(digest(bytes)))
  }

  @Test("No two digesters agree: what looks alike to one is not known to anybody beforehand")
  func keys() {
    var random = SystemRandomNumberGenerator()
    let bytes = [UInt8](repeating: 7, count: 100)
    let digests = (0..<2).map { _ in
      ElementDigester(using: &random).digest(bytes.span.bytes, from: 0, count: 100)
    }
    #expect(digests[0] != digests[1])
  }
}
