import GreenAPI
import Testing

@Suite struct MessageStatusTests {
  @Test("Progress has ranks 0 to 3, other statuses none")
  func ranks() {
    #expect([.pending, .sent, .delivered, .read].map(\MessageStatus.rank) == [0, 1, 2, 3])
    for status in MessageStatus.documented.dropFirst(4) { #expect(status.rank == nil) }
    #expect(MessageStatus(rawValue: "READ")?.rank == nil)
  }

  @Test("The documented statuses keep their places, which outboxes hold, and new ones are put behind them")
  func places() {
    let places = [
      "pending", "sent", "delivered", "read", "failed", "noAccount", "notInGroup", "noActiveSession", "yellowCard",
      "suspended",
    ]
    #expect(MessageStatus.documented.prefix(places.count).map(\.rawValue) == places)
    #expect(MessageStatus.documented.count <= UInt16.bitWidth)
  }

  @Test("The documented statuses are letters, and short: the reader compares them so")
  func letters() {
    for status in MessageStatus.documented {
      #expect(status.rawValue.utf8.count < 16)
      #expect(status.rawValue.allSatisfy { $0.isASCII && $0.isLetter })
    }
  }

  @Test("Read and the failures for good are final; a yellow card, a suspension and the unknown are not")
  func finality() {
    let final = MessageStatus.documented.filter(\.isFinal)
    #expect(final == [.read, .failed, .noAccount, .notInGroup, .noActiveSession])
  }

  @Test("Any text but an empty one is a status")
  func bounds() {
    #expect(MessageStatus(rawValue: "") == nil)
    #expect(MessageStatus(rawValue: "sent") == .sent)
    #expect(MessageStatus(rawValue: String(repeating: "é", count: 64))?.rawValue.utf8.count == 128)
  }
}
