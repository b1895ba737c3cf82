import GreenAPI
import Testing

@Suite struct MessageStatusTests {
  @Test("Progress has ranks 0 to 3, other statuses none")
  func ranks() {
    #expect([.pending, .sent, .delivered, .read].map(\MessageStatus.rank) == [0, 1, 2, 3])
    for status in MessageStatus.documented.dropFirst(4) { #expect(status.rank == nil) }
    #expect(MessageStatus(rawValue: "READ")?.rank == nil)
  }

  @Test("Read and the failures for good are final; a yellow card and the unknown are not")
  func finality() {
    let final = MessageStatus.documented.filter(\.isFinal)
    #expect(final == [.read, .failed, .noAccount, .notInGroup, .noActiveSession])
  }

  @Test("Any text of 1 to 128 bytes is a status")
  func bounds() {
    #expect(MessageStatus(rawValue: "") == nil)
    #expect(MessageStatus(rawValue: String(repeating: "é", count: 64)) != nil)
    #expect(MessageStatus(rawValue: String(repeating: "é", count: 65)) == nil)
    #expect(MessageStatus(rawValue: "sent") == .sent)
  }
}
