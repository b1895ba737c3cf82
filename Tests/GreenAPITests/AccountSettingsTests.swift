import GreenAPI
import Testing

@Suite struct AccountSettingsTests {
  private func decode(_ json: String) throws -> AccountSettings { try AccountSettings(decoding: [UInt8](json.utf8)) }

  @Test("What matters here is read")
  func documented() throws {
    let settings = try decode(
      #"""
      {"wid":"79991234567@c.us","countryInstance":"","typeAccount":"","typeInstance":"v3","webhookUrl":"https://crm.example.com/hook",
      "webhookUrlToken":"tok","delaySendMessagesMilliseconds":1000,"outgoingWebhook":"yes","stateWebhook":"no"}
      """#)
    #expect(
      settings
        == AccountSettings(
          wid: "79991234567@c.us", typeInstance: .v3, outgoingWebhook: true, webhookURL: "https://crm.example.com/hook",
          webhookURLToken: Secret("tok")))
  }

  @Test(
    "Absent, empty and wrongly typed settings are as if not said",
    arguments: [
      "{}", #"{"wid":"","typeInstance":"","outgoingWebhook":"","webhookUrl":"","webhookUrlToken":""}"#,
      #"{"wid":null,"typeInstance":{},"outgoingWebhook":[],"webhookUrl":5,"webhookUrlToken":true}"#,
    ])
  func absent(json: String) throws { #expect(try decode(json) == AccountSettings()) }

  @Test(
    "outgoingWebhook is yes or no, also as a boolean",
    arguments: [
      (#""yes""#, true), (#""no""#, false), ("true", true), ("false", false), (#""Yes""#, true), (#""true""#, true),
    ])
  func outgoingWebhook(json: String, isOn: Bool) throws {
    #expect(try decode(#"{"outgoingWebhook":\#(json)}"#).outgoingWebhook == isOn)
  }

  @Test(
    "A body that is no object is refused with its reason",
    arguments: [
      ("", .empty), ("<html>", .html), ("[]", .notAnObject), ("null", .notAnObject), ("1", .notAnObject),
      (#""x""#, .notAnObject), ("{", .notJSON), ("nope", .notJSON),
    ] as [(String, AnswerFault.Kind)])
  func bad(body: String, kind: AnswerFault.Kind) {
    do {
      _ = try AccountSettings(decoding: [UInt8](body.utf8))
      Issue.record("it was read")
    } catch {
      #expect(error.kind == kind)
      #expect(!error.description.isEmpty)
    }
  }
}
