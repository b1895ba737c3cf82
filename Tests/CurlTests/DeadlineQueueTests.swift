import Testing

@testable import Curl

@Suite struct DeadlineQueueTests {
  @Test("Behaves like a plain list of deadlines, through thousands of random steps")
  func againstModel() {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SplitMix(state: seed)
    var queue = DeadlineQueue()
    var model: [Int: UInt64] = [:]
    for step in 0..<20_000 {
      let slot = Int.random(in: 0..<40, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0, 1:
        let deadline = UInt64.random(in: 0..<1000, using: &random)
        queue.schedule(slot, at: deadline)
        model[slot] = deadline
      case 2:
        queue.remove(slot)
        model[slot] = nil
      default:
        let now = UInt64.random(in: 0..<400, using: &random)
        let popped = queue.popExpired(at: now)
        let earliest = model.values.min().flatMap { $0 <= now ? $0 : nil }
        #expect(popped.map { model[$0] } == earliest.map(Optional.some), "seed \(seed), step \(step)")
        if let popped { model[popped] = nil }
      }
      #expect(queue.next == model.values.min(), "seed \(seed), step \(step)")
      #expect(queue.count == model.count, "seed \(seed), step \(step)")
    }
  }
}

/// A small random source that can be replayed from its seed.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
