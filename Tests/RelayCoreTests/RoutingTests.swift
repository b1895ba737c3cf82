import GreenAPI
import RelayCore
import Testing

@Suite struct RoutingTests {
  private func notification(_ account: IDInstance, _ id: String, _ status: MessageStatus, chat: String = "c")
    -> Notification
  {
    Notification(
      Announcement(
        idMessage: id, status: status, timestamp: 1, chatId: chat, sendByApi: true, typeMessage: "imageMessage"),
      of: account, identity: AccountIdentity(wid: "w", typeInstance: .whatsapp))
  }

  @Test("A notification goes to every destination whose accounts and statuses hold it")
  func routes() {
    let router = Router(rules: [
      .init(destination: .init(rawValue: 1)),
      .init(destination: .init(rawValue: 2), accounts: [7]),
      .init(destination: .init(rawValue: 3), statuses: [.read, .failed]),
      .init(destination: .init(rawValue: 4), accounts: [7], statuses: [.read]),
    ])
    func destinations(_ notification: Notification) -> [Int64] {
      router.routes(for: notification).map(\.destination.rawValue)
    }
    #expect(destinations(notification(7, "A", .read)) == [1, 2, 3, 4])
    #expect(destinations(notification(7, "A", .sent)) == [1, 2])
    #expect(destinations(notification(8, "A", .failed)) == [1, 3])
  }

  @Test("A lane is shared by just what the ordering keeps in order")
  func lanes() {
    let sent = notification(7, "A", .sent)
    let read = notification(7, "A", .read)
    let neighbour = notification(7, "B", .sent)
    let otherChat = notification(7, "C", .sent, chat: "d")
    let otherAccount = notification(8, "A", .sent)
    #expect(Ordering.message.lane(of: sent) == Ordering.message.lane(of: read))
    #expect(Ordering.message.lane(of: sent) != Ordering.message.lane(of: neighbour))
    #expect(Ordering.message.lane(of: sent) != Ordering.message.lane(of: otherAccount))
    #expect(Ordering.chat.lane(of: sent) == Ordering.chat.lane(of: neighbour))
    #expect(Ordering.chat.lane(of: sent) != Ordering.chat.lane(of: otherChat))
    #expect(Ordering.account.lane(of: sent) == Ordering.account.lane(of: otherChat))
    #expect(Ordering.account.lane(of: sent) != Ordering.account.lane(of: otherAccount))
    #expect(Ordering.none.lane(of: sent) != Ordering.none.lane(of: read))
  }

  @Test("A lane's number stays what it is, as the outbox keeps it across versions")
  func stableLane() {
    #expect(Ordering.message.lane(of: notification(7, "A", .sent)).rawValue == -1_809_479_615_894_383_213)
  }
}
