import GreenAPI
import RelayCore
import Testing

@Suite struct NotificationTests {
  private let change = Announcement(
    idMessage: "BAE5018000000000", status: .delivered, timestamp: 1_710_134_811, chatId: "70000000001@c.us",
    sendByApi: true, typeMessage: "imageMessage", description: nil)

  @Test("The webhook-id of a status of a message never changes: consumers remember it across releases")
  func webhookID() {
    #expect(
      Notification.makeWebhookID(1_101_000_001, "BAE5018000000000", .delivered)
        == "msg_47293d480b94f48043032503adcc2dca")
  }

  @Test("Another instance, message or status has another webhook-id")
  func distinct() {
    var ids: Set<String> = []
    for instance: IDInstance in [1, 11] {
      for message in ["1", "11", "", "é", "a\nb"] {
        for status in MessageStatus.documented { ids.insert(Notification.makeWebhookID(instance, message, status)) }
      }
    }
    #expect(ids.count == 2 * 5 * MessageStatus.documented.count)
    for id in ids { #expect(id.wholeMatch(of: /msg_[0-9a-f]{32}/) != nil) }
  }

  @Test("A notification has the announcement's fields and the account's identity")
  func fields() {
    let identity = AccountIdentity(wid: "79991234567@c.us", typeInstance: .v3)
    let notification = Notification(change, of: 1_101_000_001, identity: identity)
    #expect(
      String(decoding: notification.body, as: UTF8.self)
        == #"{"typeWebhook":"outgoingMessageStatus","chatId":"70000000001@c.us","instanceData":{"idInstance":1101000001,"#
        + #""wid":"79991234567@c.us","typeInstance":"v3"},"timestamp":1710134811,"idMessage":"BAE5018000000000","#
        + #""status":"delivered","sendByApi":true}"#)
    #expect(notification.webhookID == "msg_47293d480b94f48043032503adcc2dca")
    #expect(notification.typeMessage == "imageMessage")
    #expect(notification.chatId == change.chatId)
    #expect(notification.timestamp == change.timestamp)
  }

  /// What is posted for the only change of an account's first answer.
  private func notification(of element: String) throws -> Notification {
    let answer = try RecordsAnswer(decoding: [UInt8]("[\(element)]".utf8))
    let changes = Snapshot().changes(
      from: answer, receivedAt: nil, at: Watch().now, policy: PollPolicy(startFrom: .beginning))
    let change = try #require(changes.announcements.first)
    #expect(changes.announcements.count == 1)
    return Notification(
      change, of: 1_101_000_001, identity: AccountIdentity(wid: "79991234567@c.us", typeInstance: .whatsapp))
  }

  private func body(_ id: String, _ status: String, chatId: String = "70000000001@c.us", description: String? = nil)
    -> String
  {
    #"{"typeWebhook":"outgoingMessageStatus","chatId":"\#(chatId)","instanceData":{"idInstance":1101000001,"#
      + #""wid":"79991234567@c.us","typeInstance":"whatsapp"},"timestamp":1699999999,"idMessage":"\#(id)","#
      + #""status":"\#(status)","\#(description.map { #"description":"\#($0)",""# } ?? "")sendByApi":true}"#
  }

  @Test(
    "Whatever else a record holds, the body has the documented fields in their order: seven, and the description of an error"
  )
  func nothingElse() throws {
    let fields =
      #""idMessage":"A","timestamp":1699999999,"chatId":"70000000001@c.us","sendByApi":true,"typeMessage":"imageMessage""#
    let others =
      #""type":"outgoing","isForwarded":true,"participants":["1@lid"],"typeWebhook":"x","instanceData":{"wid":"y"},"#
      + #""status":"read","deletedMessageId":"D","editedMessageId":"","a ninth field":{"idMessage":[null,1e9]},"caption":"c""#
    for (status, description) in [("read", nil), ("failed", "no such number"), ("Viewed", "who knows")] {
      let said = #""statusMessage":"\#(status)","description":"\#(description ?? "chatter")""#
      let plain = try notification(of: "{\(fields),\(said)}")
      #expect(String(decoding: plain.body, as: UTF8.self) == body("A", status, description: description))
      #expect(try notification(of: "{\(others),\(said),\(fields)}") == plain)
      #expect(try notification(of: "{\(fields),\(others),\(said)}") == plain)
    }
  }

  @Test(
    "A chatId is passed on as it is",
    arguments: [
      "123456789012345@lid", "70000000001:3@c.us", "70000000001@s.whatsapp.net", "120363043968066561@g.us", "-10000000",
      " 70000000001@c.us ", "status@broadcast",
    ])
  func chatIDs(chatId: String) throws {
    let notification = try notification(
      of: #"{"idMessage":"A","statusMessage":"sent","timestamp":1699999999,"chatId":"\#(chatId)","sendByApi":true}"#)
    #expect(notification.chatId == chatId)
    #expect(String(decoding: notification.body, as: UTF8.self) == body("A", "sent", chatId: chatId))
  }

  @Test("White space and case make no other notification: body and webhook-id are those of the id and the status")
  func oddlySpelt() throws {
    let notification = try notification(
      of: #"{"idMessage":" A\n","statusMessage":"\u0020Delivered ","timestamp":"1699999999000","#
        + #""chatId":"70000000001@c.us","sendByApi":true}"#)
    #expect(notification.idMessage == "A" && notification.status == .delivered)
    #expect(notification.webhookID == Notification.makeWebhookID(1_101_000_001, "A", .delivered))
    #expect(String(decoding: notification.body, as: UTF8.self) == body("A", "delivered"))
  }

  @Test("The account's identity and the time are no part of the webhook-id")
  func identityAndTime() {
    var later = change
    later.timestamp += 99
    later.chatId = "other"
    let one = Notification(change, of: 5, identity: AccountIdentity(wid: "a", typeInstance: .whatsapp))
    let other = Notification(later, of: 5, identity: AccountIdentity(wid: "b", typeInstance: .telegram))
    #expect(one.webhookID == other.webhookID)
    #expect(one.body != other.body)
  }
}

@Suite struct RecordedStatusesTests {
  @Test("Each documented status has its bit, a ranked one that of its rank")
  func bits() {
    for (index, status) in MessageStatus.documented.enumerated() {
      var recorded = RecordedStatuses()
      recorded.insert(status)
      #expect(recorded.documented == 1 << UInt16(index))
      #expect(recorded.others.isEmpty)
      #expect(recorded.contains(status))
      #expect(recorded.highestRank == status.rank)
    }
  }

  @Test("The highest rank is the highest recorded, whatever the order")
  func highestRank() {
    var recorded = RecordedStatuses()
    #expect(recorded.highestRank == nil)
    for (status, rank) in [(MessageStatus.failed, nil), (.delivered, 2), (.pending, 2), (.read, 3), (.yellowCard, 3)] {
      recorded.insert(status)
      #expect(recorded.highestRank == rank)
    }
  }

  @Test("A status that was recorded before it was documented is one recorded")
  func documentedSince() {
    let strange = MessageStatus(rawValue: "strange")!
    let recorded = RecordedStatuses(documented: 2, others: [strange, .suspended])
    #expect(recorded.contains(.sent) && recorded.contains(.suspended) && recorded.contains(strange))
    #expect(recorded.others == [strange])
    #expect(recorded == RecordedStatuses(documented: 2 | 1 << 9, others: [strange]))
  }

  @Test("Unknown statuses are kept by name, once each and not without end")
  func others() {
    var recorded = RecordedStatuses()
    for number in 0..<100 {
      recorded.insert(MessageStatus(rawValue: "s\(number)")!)
      recorded.insert(MessageStatus(rawValue: "s\(number)")!)
    }
    #expect(recorded.others.count == RecordedStatuses.maximumOthers)
    #expect(recorded.contains(MessageStatus(rawValue: "s999")!))
    #expect(!recorded.contains(.sent))
  }
}

@Suite struct MomentTests {
  @Test("Durations are whole milliseconds and saturate")
  func milliseconds() {
    #expect(Duration.milliseconds(1999).milliseconds == 1999)
    #expect(Duration.microseconds(1999).milliseconds == 1)
    #expect(Duration.seconds(Int64.max).milliseconds == .max)
    #expect(Duration.seconds(Int64.min).milliseconds == .min)
  }

  @Test("Unix seconds are rounded down")
  func seconds() {
    #expect(UnixTime(milliseconds: 1999).seconds == 1)
    #expect(UnixTime(milliseconds: -1).seconds == -1)
    #expect(UnixTime(seconds: -7).seconds == -7)
    #expect(UnixTime(milliseconds: 9_007_199_254_740_993_999).seconds == 9_007_199_254_740_993)
  }

  @Test("Times at the end of days saturate instead of ending the relay")
  func saturation() {
    let end = SteadyTime(milliseconds: .max)
    #expect(end + .seconds(1) == end)
    #expect(SteadyTime(milliseconds: .min) - .seconds(1) == SteadyTime(milliseconds: .min))
    #expect(SteadyTime(milliseconds: 0) + .seconds(Int64.max) == end)
    #expect(end - SteadyTime(milliseconds: .min) == .milliseconds(Int64.max))
    #expect(SteadyTime(milliseconds: .min) - end == .milliseconds(Int64.min))
    #expect(UnixTime(seconds: .max) == UnixTime(milliseconds: .max))
    #expect(UnixTime(seconds: .max) + .seconds(1) == UnixTime(milliseconds: .max))
    #expect(UnixTime(milliseconds: .max) - UnixTime(milliseconds: -1) == .milliseconds(Int64.max))
  }
}
