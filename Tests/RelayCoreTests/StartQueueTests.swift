import Testing

@testable import RelayCore

@Suite struct StartQueueTests {
  private let start = SteadyTime(milliseconds: 1_700_000_000_000)
  private let host = "https://1101.api.green-api.com"

  private func at(_ milliseconds: Int64) -> SteadyTime { start + .milliseconds(milliseconds) }

  private func enter(
    _ queue: inout StartQueue, _ ids: [UInt64], host: String? = nil, isUnderWay: Bool = false, notBefore: Int64 = 0,
    at now: Int64 = 0
  ) {
    for id in ids {
      queue.enter(
        id, apiURL: host ?? self.host, isUnderWay: isUnderWay, notBefore: at(notBefore), at: at(now))
    }
  }

  /// Wakes whenever the queue asks for it, and tells who was let go when.
  private func all(_ queue: inout StartQueue) -> [(at: Int64, ids: [UInt64])] {
    var steps: [(at: Int64, ids: [UInt64])] = []
    while let next = queue.nextTime, steps.count < 10_000 {
      steps.append(((next - start).milliseconds, queue.due(at: next)))
    }
    return steps
  }

  @Test("A thousand accounts are let go one every ten milliseconds, those under way first, else in the order they came")
  func thousand() {
    var queue = StartQueue()
    enter(&queue, Array(1...900), notBefore: 1000)
    enter(&queue, Array(901...1000), isUnderWay: true, notBefore: 1000)
    let steps = all(&queue)
    #expect(steps.map(\.at) == (0..<1000).map { 1000 + 10 * $0 })
    #expect(steps.flatMap(\.ids) == Array(901...1000) + Array(1...900))
    #expect(queue.nextTime == nil)
  }

  @Test("Nobody is let go before its own time, and the queue says when that is")
  func notBefore() {
    var queue = StartQueue()
    enter(&queue, [1], notBefore: 1000)
    enter(&queue, [2], notBefore: 700)
    #expect(queue.nextTime == at(700))
    #expect(queue.due(at: at(699)) == [])
    #expect(queue.due(at: at(700)) == [2])
    #expect(queue.nextTime == at(1000))
    #expect(queue.due(at: at(999)) == [])
    #expect(queue.due(at: at(1000)) == [1])
    enter(&queue, [3], at: 5000)
    #expect(queue.due(at: at(5000)) == [3], "its time has passed, and nobody else waits")
  }

  @Test("One under way that comes late goes before all that wait with nothing on its way")
  func late() {
    var queue = StartQueue()
    enter(&queue, Array(1...500))
    #expect(queue.due(at: at(20)) == [1, 2, 3])
    enter(&queue, [900], isUnderWay: true, at: 25)
    enter(&queue, [901], at: 25)
    #expect(queue.due(at: at(30)) == [900])
    #expect(queue.due(at: at(40)) == [4])
    #expect(all(&queue).last?.ids == [901])
  }

  @Test("Accounts of another apiUrl don't wait, and each apiUrl keeps its own pace")
  func hosts() {
    var queue = StartQueue()
    enter(&queue, Array(1...300))
    enter(&queue, Array(301...303), host: "https://7107.api.greenapi.com", at: 1)
    #expect(queue.due(at: at(1)).sorted() == [1, 301])
    #expect(queue.due(at: at(10)) == [2])
    #expect(queue.due(at: at(11)) == [302])
    #expect(queue.due(at: at(21)).sorted() == [3, 303])
  }

  @Test("What a late wake-up missed is made up for, up to a second's; what passed while nobody waited is not")
  func lateWakeUps() {
    var queue = StartQueue()
    enter(&queue, Array(1...1000), notBefore: 1000)
    #expect(queue.due(at: at(1095)).count == 10)
    #expect(queue.due(at: at(3_600_000)).count == 101)
    #expect(queue.due(at: at(3_600_000)).isEmpty)
    var idle = StartQueue()
    enter(&idle, [1])
    #expect(idle.due(at: at(0)) == [1])
    // A reload an hour later.
    enter(&idle, Array(2...100), at: 3_600_000)
    #expect(idle.due(at: at(3_600_000)) == [2])
    #expect(idle.due(at: at(3_600_010)) == [3])
  }

  @Test("A second account right after the first waits for the next slot, though nobody waited in between")
  func slotIsKept() {
    var queue = StartQueue()
    enter(&queue, [1])
    #expect(queue.due(at: at(0)) == [1])
    enter(&queue, [2], at: 3)
    #expect(queue.due(at: at(3)) == [])
    #expect(queue.nextTime == at(10))
    #expect(queue.due(at: at(10)) == [2])
  }

  @Test("Whoever is called off is not let go and takes no slot; without anybody there is no next time")
  func calledOff() {
    var queue = StartQueue()
    enter(&queue, Array(1...6))
    enter(&queue, [7], notBefore: 500)
    for id: UInt64 in [1, 3, 7] { queue.callOff(id) }
    #expect(queue.due(at: at(0)) == [2])
    #expect(queue.due(at: at(10)) == [4])
    for id: UInt64 in [5, 6] { queue.callOff(id) }
    #expect(queue.nextTime == nil)
    #expect(queue.due(at: at(9999)) == [])
  }

  @Test("Whatever comes and goes, one apiUrl never lets go more than its slots allow, and nobody is forgotten")
  func model() {
    for _ in 0..<200 {
      let seed = UInt64.random(in: 0...(.max))
      var random = SeededGenerator(seed: seed)
      var queue = StartQueue()
      var waiting: [UInt64: Int64] = [:]
      var letGo: [Int64] = []
      var now: Int64 = 0
      for id: UInt64 in 1...200 {
        now += .random(in: 0...15, using: &random)
        let notBefore = now + .random(in: -100...300, using: &random)
        enter(&queue, [id], isUnderWay: .random(using: &random), notBefore: notBefore, at: now)
        waiting[id] = notBefore
        if Int.random(in: 0..<8, using: &random) == 0, let other = waiting.keys.randomElement(using: &random) {
          queue.callOff(other)
          waiting[other] = nil
        }
        for id in queue.due(at: at(now)) {
          #expect(waiting.removeValue(forKey: id).map { $0 <= now } == true, "seed \(seed)")
          letGo.append(now)
        }
      }
      for step in all(&queue) {
        for id in step.ids { #expect(waiting.removeValue(forKey: id).map { $0 <= step.at } == true, "seed \(seed)") }
        letGo += step.ids.map { _ in step.at }
      }
      #expect(waiting.isEmpty, "seed \(seed)")
      // Looked at every 15 ms at the latest, no 100 ms have more than their slots and those of one look.
      for (index, time) in letGo.enumerated() {
        #expect(letGo[index...].prefix { $0 < time + 100 }.count <= 12, "seed \(seed)")
      }
    }
  }
}
