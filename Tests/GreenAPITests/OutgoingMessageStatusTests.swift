import Foundation
import GreenAPI
import Testing

@Suite struct OutgoingMessageStatusTests {
  static let documented: [(String, OutgoingMessageStatus)] = [
    (
      "whatsapp",
      OutgoingMessageStatus(
        chatId: "11001234567890@c.us", idInstance: 1234, wid: "11001234567@c.us", typeInstance: .whatsapp,
        timestamp: 1_586_700_802, idMessage: "3EB0608D6A2901063D63", status: .noAccount, sendByApi: true)
    ),
    (
      "waba-failed",
      OutgoingMessageStatus(
        chatId: "11001234567890@c.us", idInstance: 1234, wid: "11001234567@c.us", typeInstance: .whatsapp,
        timestamp: 1_586_700_802, idMessage: "3EB0608D6A2901063D63", status: .failed,
        description: "Parameter value is not valid, Invalid phone number or wa_id", sendByApi: true)
    ),
    (
      "v3",
      OutgoingMessageStatus(
        chatId: "10000000", idInstance: 3_100_000_000, wid: "79991234567@c.us", typeInstance: .v3,
        timestamp: 1_755_591_519, idMessage: "115054445839974415", status: .sent, sendByApi: false)
    ),
  ]

  @Test("A notification's bytes are the documented ones", arguments: documented)
  func bytes(name: String, notification: OutgoingMessageStatus) throws {
    var expected = try fixture("outgoing-message-status/\(name).json")
    if expected.last == UInt8(ascii: "\n") { expected.removeLast() }  // the file's, not the body's
    #expect(notification.encoded() == expected)
  }

  @Test("An empty description is left out")
  func emptyDescription() {
    var notification = Self.documented[0].1
    let plain = notification.encoded()
    notification.description = ""
    #expect(notification.encoded() == plain)
  }

  @Test(
    "Whatever the texts hold, a JSON reader gets them back",
    arguments: [
      "", "\"", "\\", "/", "\\\"\\", "\u{0}", String((0..<0x20).map { Character(Unicode.Scalar($0)) }), "\u{7F}",
      "\r\n", "a\tb", "é", "👍🏽", "\u{2028}\u{2029}", "</script>", "x\u{FEFF}", "прочитано", "\u{10FFFF}", "e\u{301}",
    ])
  func escapes(text: String) throws {
    let notification = OutgoingMessageStatus(
      chatId: text, idInstance: 1, wid: text, typeInstance: TypeInstance(rawValue: text), timestamp: .min,
      idMessage: text,
      status: MessageStatus(rawValue: "x" + text)!, description: "y" + text, sendByApi: false)
    let object = try JSONSerialization.jsonObject(with: Data(notification.encoded()))
    let body = try #require(object as? [String: Any])
    func same(_ value: Any?, _ expected: String) -> Bool {
      (value as? String).map { Array($0.utf8) == Array(expected.utf8) } ?? false
    }
    #expect(same(body["chatId"], text))
    #expect(same(body["idMessage"], text))
    #expect(same(body["status"], "x" + text))
    #expect(same(body["description"], "y" + text))
    #expect(body["timestamp"] as? Int64 == .min)
    let instance = try #require(body["instanceData"] as? [String: Any])
    #expect(same(instance["wid"], text))
    #expect(same(instance["typeInstance"], text))
    #expect(Set(body.keys).count == 8)
  }

  @Test("Control characters are escaped in their shortest form, other characters not at all")
  func shortestEscapes() {
    var notification = Self.documented[0].1
    notification.chatId = "\u{1}\u{8}\t\n\u{B}\u{C}\r\u{1F}\"\\/é"
    let text = String(decoding: notification.encoded(), as: UTF8.self)
    #expect(text.contains(#""chatId":"\u0001\b\t\n\u000b\f\r\u001f\"\\/é""#))
  }
}
