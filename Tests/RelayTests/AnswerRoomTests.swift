import Testing

@testable import Relay

@Suite struct AnswerRoomTests {
  @Test("Answers are kept while there is room, if they are large and asked for again soon")
  func room() throws {
    let room = AnswerRoom()
    #expect(room.share(for: AnswerRoom.leastAnswer - 1, askedAgainIn: .seconds(1)) == nil)
    #expect(room.share(for: AnswerRoom.leastAnswer, askedAgainIn: .seconds(11)) == nil)
    var first = room.share(for: AnswerRoom.size - 1_000_000, askedAgainIn: .seconds(5))
    #expect(first != nil)
    let second = try #require(room.share(for: 1_000_000, askedAgainIn: .seconds(5)))
    #expect(room.share(for: AnswerRoom.leastAnswer, askedAgainIn: .seconds(5)) == nil)
    withExtendedLifetime(first) {}
    first = nil
    #expect(room.share(for: AnswerRoom.size - 1_000_000, askedAgainIn: .seconds(5)) != nil)
    withExtendedLifetime(second) {}
  }
}
