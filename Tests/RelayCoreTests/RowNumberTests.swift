import RelayCore
import Testing

@Suite struct RowNumberTests {
  @Test("Numbers that follow each other, near or far, are strewn over a table", arguments: [1, 2, 64, 1000])
  func spread(step: Int64) {
    for seed in [0, 1, 4711, -1] {
      let places = Set((1...1024).map { DeliveryID(rawValue: $0 * step)._rawHashValue(seed: seed) & 1023 })
      // As many as of random places: 1 - 1/e of them. Far fewer would make every look-up walk.
      #expect(places.count > 500, "step \(step), seed \(seed)")
    }
  }

  @Test("Sets find what they hold, and nothing else")
  func sets() {
    let held = Set((0..<5000).map { DeliveryID(rawValue: $0 * 3) })
    #expect(held.count == 5000)
    #expect((0..<15_000).allSatisfy { held.contains(DeliveryID(rawValue: $0)) == ($0 % 3 == 0) })
  }
}
