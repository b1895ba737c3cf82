import RelayCore
import Testing

@Suite struct LogRingTests {
  private static func ring(_ lines: Int = 3, bytes: Int = 1000) -> LogRing<String> {
    LogRing(mostLines: lines, mostBytes: bytes)
  }

  private static func popAll(_ ring: inout LogRing<String>) -> [String] {
    var lines: [String] = []
    while let line = ring.popFirst() { lines.append(line) }
    return lines
  }

  @Test("Lines come out in the order they came in, whatever their severity")
  func order() {
    var ring = Self.ring()
    for (line, severity) in [("a", 5), ("b", 1), ("c", 3)] { ring.append(line, severity: severity, bytes: 1) }
    let lines = Self.popAll(&ring)
    #expect(lines == ["a", "b", "c"])
    #expect(ring.isEmpty && ring.lost == [0, 0, 0, 0, 0, 0, 0])
  }

  @Test("When it is full the oldest of the least severe lines makes room; a line less severe than all is lost")
  func full() {
    var ring = Self.ring()
    for (line, severity) in [("debug 1", 1), ("info", 2), ("debug 2", 1)] {
      ring.append(line, severity: severity, bytes: 1)
    }
    ring.append("error", severity: 5, bytes: 1)
    ring.append("warning", severity: 4, bytes: 1)
    #expect(ring.lost == [0, 2, 0, 0, 0, 0, 0])
    ring.append("debug 3", severity: 1, bytes: 1)
    #expect(ring.lost == [0, 3, 0, 0, 0, 0, 0])
    ring.append("info 2", severity: 2, bytes: 1)
    #expect(ring.lost == [0, 3, 1, 0, 0, 0, 0])
    let lines = Self.popAll(&ring)
    #expect(lines == ["error", "warning", "info 2"])
  }

  @Test("Of lines of one severity the latest stay: they say how things stand")
  func latest() {
    var ring = Self.ring()
    for number in 1...5 { ring.append("error \(number)", severity: 5, bytes: 1) }
    let lines = Self.popAll(&ring)
    #expect(lines == ["error 3", "error 4", "error 5"])
    #expect(ring.lost[5] == 2)
  }

  @Test("Bytes are bounded as lines are; a line larger than all there is room for is lost")
  func bytes() {
    var ring = Self.ring(100, bytes: 10)
    ring.append("info", severity: 2, bytes: 6)
    ring.append("warning", severity: 4, bytes: 6)
    #expect(ring.lost[2] == 1 && ring.count == 1)
    ring.append("too large", severity: 6, bytes: 11)
    #expect(ring.lost[4] == 1 && ring.lost[6] == 1 && ring.isEmpty)
    ring.append("fits", severity: 0, bytes: 10)
    let lines = Self.popAll(&ring)
    #expect(lines == ["fits"])
  }

  @Test("Random histories agree with a plain list")
  func random() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      var ring = LogRing<Int>(mostLines: 8, mostBytes: 100)
      var model: [(line: Int, severity: Int, bytes: Int)] = []
      var lost = [Int](repeating: 0, count: 7)
      for line in 0..<200 {
        if Int.random(in: 0..<3, using: &generator) == 0 {
          let line = ring.popFirst()
          #expect(line == model.first?.line, "seed \(seed)")
          if !model.isEmpty { model.removeFirst() }
          continue
        }
        let severity = Int.random(in: 0..<7, using: &generator)
        let bytes = Int.random(in: 1...30, using: &generator)
        ring.append(line, severity: severity, bytes: bytes)
        model.append((line, severity, bytes))
        while model.count > 8 || model.reduce(0, { $0 + $1.bytes }) > 100 {
          guard let least = model.map(\.severity).min(), let place = model.firstIndex(where: { $0.severity == least })
          else { break }
          lost[least] += 1
          model.remove(at: place)
        }
        #expect(ring.count == model.count && ring.lost == lost, "seed \(seed)")
      }
    }
  }
}
