import Testing

@testable import Relay

@Suite(.timeLimit(.minutes(1))) struct InboxTests {
  @Test("What has come is taken all at once, in its order, and only once")
  func order() async {
    let inbox = Inbox<Int>()
    for number in 1...3 { inbox.add(number) }
    #expect(await inbox.next() == [1, 2, 3])
    inbox.add(4)
    #expect(await inbox.next() == [4])
  }

  @Test("Whoever waits goes on with what comes, cancelled or not")
  func waiting() async {
    let inbox = Inbox<Int>()
    // Immediate: it waits when the next line is reached.
    let waiting = Task.immediate { await inbox.next() }
    waiting.cancel()
    inbox.add(1)
    #expect(await waiting.value == [1])
  }

  @Test("Nothing is lost or taken twice, however many add at once, and each one's keep their order")
  func many() async {
    let inbox = Inbox<Int>()
    let count = 4 * 500
    let taken = await withTaskGroup(of: Void.self) { group in
      for giver in 0..<4 {
        group.addTask { for step in 0..<500 { inbox.add(giver * 1000 + step) } }
      }
      var taken: [Int] = []
      while taken.count < count { taken += await inbox.next() }
      return taken
    }
    for giver in 0..<4 { #expect(taken.filter { $0 / 1000 == giver } == Array(giver * 1000..<giver * 1000 + 500)) }
  }
}
