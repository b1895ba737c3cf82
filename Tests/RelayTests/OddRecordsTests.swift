import Foundation
import GreenAPI
import Relay
import RelayCore
import TestServers
import Testing

/// Records as GREEN-API's journals have shown them, end to end: they are lived with, and consumers see nothing of what is odd about them.
@Suite struct OddRecordsTests {
  /// What a record of post A is, apart from its status.
  private static func record(_ id: String, _ status: String, _ time: String, chatId: String) -> String {
    #"{"type":"outgoing","idMessage":"\#(id)","timestamp":\#(time),"typeMessage":"imageMessage","chatId":"\#(chatId)","#
      + #""isForwarded":false,"participants":[],"statusMessage":"\#(status)","sendByApi":true,"ninth":{"field":[1]}}"#
  }

  private static func body(_ status: String, _ time: Int64, chatId: String) -> String {
    #"{"typeWebhook":"outgoingMessageStatus","chatId":"\#(chatId)","instanceData":{"idInstance":1101000001,"#
      + #""wid":"79991234567@c.us","typeInstance":"whatsapp"},"timestamp":\#(time),"idMessage":"A","status":"\#(status)","#
      + #""sendByApi":true}"#
  }

  @Test("A post is announced once with each status, however oddly it is shown; what is no record of a post is counted")
  func oddities() async throws {
    try await RelayHarness.run { harness in
      let time = harness.time.now().unix.seconds
      let (lid, phone) = ("123456789012345@lid", "79991234567:3@c.us")
      func poll(_ elements: String...) async throws -> RelayStatus.Account {
        try await harness.spoil(.status(200, body: "[\(elements.joined(separator: ", "))]"))
        return try await harness.poll()
      }
      // In milliseconds, with white space and capitals, and twice.
      var account = try await poll(
        Self.record(" A", #"Sent\n"#, "\(time)123", chatId: lid), Self.record("A", "sent", "\(time)", chatId: phone),
        Self.record("B", " ", "\(time)", chatId: lid), Self.record(#" \t"#, "sent", "\(time)", chatId: lid),
        Self.record("C", String(repeating: "s", count: 65), "\(time)", chatId: lid),
        Self.record("D", "sent", "\(time)", chatId: lid).replacing("outgoing", with: "incoming"))
      #expect(account.state == "healthy")
      #expect(account.trackedMessages == 1)
      #expect(
        account.faults == [
          "missingIDMessage": 1, "missingStatusMessage": 1, "otherType": 1, "unusableStatusMessage": 1,
        ])
      try await harness.delivered(1)

      _ = try await poll(Self.record("A", "SENT", "\(time)", chatId: phone))
      account = try await poll(Self.record(#"A\u0020"#, "failed", "\(time + 1)", chatId: phone))
      #expect(account.trackedMessages == 1)
      try await harness.delivered(2)
      // After a failure, and with a state skipped.
      _ = try await poll(Self.record("A", "READ", "\"\(time + 2)000\"", chatId: lid))
      try await harness.delivered(3)

      await harness.stop()
      try await harness.start()
      account = try await poll(
        Self.record("A", " read", "\(time + 9)", chatId: phone), Self.record("A ", "Failed", "\(time + 9)", chatId: lid)
      )
      #expect(account.trackedMessages == 1 && account.events == 3)

      let requests = harness.consumer.requests
      #expect(
        requests.map { String(decoding: $0.body, as: UTF8.self) } == [
          Self.body("sent", time, chatId: lid), Self.body("failed", time + 1, chatId: phone),
          Self.body("read", time + 2, chatId: lid),
        ])
      #expect(
        requests.map { $0.header("webhook-id") }
          == [.sent, .failed, .read].map { Notification.makeWebhookID(RelayHarness.account, "A", $0) })
    }
  }
}
