import Testing

@testable import RelayCore

@Suite struct MessageTableTests {
  private struct Known: Equatable {
    var documented: UInt16
    var hasOthers: Bool
    var lastSeen: UInt32
  }

  private struct Broken: Error {
    var seed: UInt64
    var what: String
  }

  /// One table's life beside that of a dictionary.
  private struct History {
    let seed: UInt64
    var random: SeededGenerator
    var table = MessageTable()
    var model: [[UInt8]: Known] = [:]

    init(seed: UInt64) {
      self.seed = seed
      random = SeededGenerator(seed: seed)
    }

    /// Short ones come again and again, long ones fill pages.
    mutating func id() -> [UInt8] {
      let number = Int.random(in: 0..<500, using: &random)
      switch number % 5 {
      case 0: return [UInt8](repeating: UInt8(number % 251), count: 1 + number % 256)
      case 1: return Array("café\(number)".utf8)
      default: return Array("BAE5\(number)".utf8)
      }
    }

    mutating func step() throws {
      let id = id()
      if Int.random(in: 0..<5, using: &random) < 3 {
        let known = Known(
          documented: UInt16.random(in: 0...UInt16.max, using: &random), hasOthers: Bool.random(using: &random),
          lastSeen: UInt32.random(in: 0...UInt32.max, using: &random))
        set(known, id)
      } else {
        table.remove(id.span)
        model[id] = nil
      }
      try check(id)
    }

    mutating func set(_ known: Known, _ id: [UInt8]) {
      table.set(
        MessageTable.Entry(documented: known.documented, hasOthers: known.hasOthers, lastSeen: known.lastSeen),
        for: id.span)
      model[id] = known
    }

    /// As when a snapshot forgets: most of the messages at once.
    mutating func removeMost() {
      for id in model.keys.shuffled(using: &random).dropLast(20) {
        table.remove(id.span)
        model[id] = nil
      }
    }

    func check(_ id: [UInt8]) throws {
      guard table.count == model.count else { throw Broken(seed: seed, what: "\(table.count) of \(model.count)") }
      guard known(id) == model[id] else { throw Broken(seed: seed, what: "\(id)") }
    }

    func checkAll() throws {
      table.checkInvariants()
      for id in model.keys { try check(id) }
      let all = table.indices { _ in true }
      guard Set(all.map(table.id)) == Set(model.keys), all.count == model.count else {
        throw Broken(seed: seed, what: "the indices are not those of the messages")
      }
    }

    private func known(_ id: [UInt8]) -> Known? {
      guard let index = table.index(of: id.span) else { return nil }
      let entry = table[index]
      return Known(documented: entry.documented, hasOthers: entry.hasOthers, lastSeen: entry.lastSeen)
    }
  }

  @Test("Over random histories the table holds what a dictionary holds")
  func model() async throws {
    var seeds = SystemRandomNumberGenerator()
    for _ in 0..<40 {
      var history = History(seed: seeds.next())
      for round in 0..<600 {
        try history.step()
        if round % 60 == 0 { try history.checkAll() }
        if round % 200 == 199 { history.removeMost() }
      }
      try history.checkAll()
      await Task.yield()
    }
  }

  @Test("Many pages are filled, emptied and filled again")
  func manyPages() throws {
    var history = History(seed: 1)
    for round in 0..<3 {
      for number in 0..<10_000 {
        let id = Array("BAE5\(round)-\(number)-\(String(repeating: "0", count: number % 30))".utf8)
        history.set(Known(documented: UInt16(number), hasOthers: number % 7 == 0, lastSeen: UInt32(round)), id)
      }
      try history.checkAll()
      history.removeMost()
      try history.checkAll()
    }
  }

  @Test("A copy stays as it was while the other changes")
  func copies() throws {
    var history = History(seed: 2)
    for number in 0..<9000 {
      history.set(Known(documented: 1, hasOthers: false, lastSeen: 0), Array("BAE5\(number)".utf8))
    }
    let copy = history
    for number in stride(from: 0, to: 9000, by: 2) {
      history.set(Known(documented: 2, hasOthers: true, lastSeen: 1), Array("BAE5\(number)".utf8))
    }
    history.set(Known(documented: 3, hasOthers: false, lastSeen: 0), [1])
    history.removeMost()
    try copy.checkAll()
    try history.checkAll()
  }

  @Test("The longest id there is room for is held")
  func longest() throws {
    var history = History(seed: 3)
    for length in [1, 255, 256, 257, MessageTable.maximumIDLength - 1, MessageTable.maximumIDLength] {
      for byte in [UInt8(1), 2, 3] {
        history.set(
          Known(documented: 1, hasOthers: byte == 1, lastSeen: .max), [UInt8](repeating: byte, count: length))
      }
    }
    try history.checkAll()
  }

  @Test("An empty table finds nothing")
  func empty() {
    var table = MessageTable()
    #expect(table.index(of: [1].span) == nil)
    table.remove([1].span)
    #expect(table.count == 0)
    table.checkInvariants()
  }
}
