import RelayCore
import Testing

@Suite struct AttemptBudgetTests {
  private func id(_ number: Int) -> DestinationID { DestinationID(rawValue: Int64(number)) }

  private func budget(_ most: Int, destinations: Int) -> AttemptBudget {
    var budget = AttemptBudget(most: most)
    for number in 0..<destinations { budget.enter(id(number)) }
    return budget
  }

  @Test("One destination alone has all the room")
  func alone() {
    var budget = budget(1024, destinations: 1)
    #expect(budget.room(for: id(0)) == 1024)
    budget.started(1000, at: id(0))
    #expect(budget.room(for: id(0)) == 24)
    #expect(budget.total == 1000)
  }

  @Test("A destination that takes all it can leaves each of the others its share")
  func greedy() {
    var budget = budget(1024, destinations: 4)
    budget.started(budget.room(for: id(0)), at: id(0))
    #expect(budget.total == 512 + 128)
    #expect(budget.room(for: id(0)) == 0)
    for number in 1...3 {
      #expect(budget.room(for: id(number)) == 128)
      budget.started(128, at: id(number))
      #expect(budget.room(for: id(number)) == 0)
    }
    #expect(budget.total == 1024)
  }

  @Test("What ends makes room, the common half first for whoever is over its share")
  func ended() {
    var budget = budget(16, destinations: 2)
    budget.started(12, at: id(0))
    #expect(budget.room(for: id(1)) == 4)
    budget.ended(3, at: id(0))
    #expect(budget.room(for: id(1)) == 7)
    budget.ended(9, at: id(0))
    #expect(budget.room(for: id(0)) == 12)
    #expect(budget.room(for: id(1)) == 12)
    #expect(budget.total == 0)
  }

  @Test("With more destinations than places each still has one")
  func many() {
    var budget = budget(8, destinations: 100)
    budget.started(budget.room(for: id(0)), at: id(0))
    #expect(budget.total == 5)
    for number in 1..<100 { #expect(budget.room(for: id(number)) == 1) }
  }

  @Test("The shares follow the destinations that come and go")
  func comeAndGo() {
    var budget = budget(16, destinations: 1)
    budget.started(16, at: id(0))
    budget.enter(id(1))
    budget.enter(id(1))
    #expect(budget.room(for: id(1)) == 4, "though the first had all")
    #expect(budget.room(for: id(0)) == 0)
    budget.leave(id(0))
    #expect(budget.total == 0)
    #expect(budget.room(for: id(1)) == 16)
    #expect(budget.room(for: id(0)) == 0, "it takes no part")
    budget.ended(at: id(0))
    #expect(budget.total == 0)
  }

  @Test("Through any history a share is never less than fair, and the room never overdrawn")
  func randomHistory() {
    var random = SeededGenerator(seed: 1)
    var budget = AttemptBudget(most: 64)
    var model: [Int: Int] = [:]
    for _ in 0..<3000 {
      let number = Int.random(in: 0..<10, using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0:
        budget.enter(id(number))
        model[number] = model[number] ?? 0
      case 1 where model.count > 3:
        budget.leave(id(number))
        model[number] = nil
      case 2..<6:
        guard let count = model[number] else { continue }
        let room = budget.room(for: id(number))
        let started = Int.random(in: 0...max(0, room), using: &random)
        budget.started(started, at: id(number))
        model[number] = count + started
        #expect(started == 0 || model.values.reduce(0, +) <= 64 + model.values.reduce(0) { $0 + max(0, $1 - 32) })
      default:
        guard let count = model[number], count > 0 else { continue }
        let ended = Int.random(in: 1...count, using: &random)
        budget.ended(ended, at: id(number))
        model[number] = count - ended
      }
      #expect(budget.total == model.values.reduce(0, +))
      let share = 32 / max(1, model.count)
      for (number, count) in model { #expect(budget.room(for: id(number)) >= share - count) }
    }
  }
}
