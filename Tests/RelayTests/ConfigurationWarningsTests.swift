import GreenAPI
import RelayCore
import Testing

@testable import Relay

@Suite("A configuration that works, with something to look at")
struct ConfigurationWarningsTests {
  typealias Sample = ConfigurationSample

  private func warnings(_ yaml: String, _ sample: Sample = Sample()) throws -> [String] {
    try sample.load(yaml).warnings.map(\.description)
  }

  @Test(
    "A secret file, key file or configuration that others may read is named",
    arguments: [0o640, 0o604, 0o644] as [UInt32])
  func readable(mode: UInt32) throws {
    let text = "0" + String(mode, radix: 8)
    var sample = Sample()
    sample.mode = mode
    sample.files = [
      "/etc/relay/t": .text("t", mode: mode), "/k": .text("K", mode: mode), "/c": .text("C", mode: 0o644),
    ]
    #expect(try warnings(Sample.good, sample).isEmpty)
    #expect(
      try warnings(
        Sample.with(destination: "webhookUrlToken: {file: t}\ntls: {clientKeyFile: /k, clientCertificateFile: /c}"),
        sample)
        == [
          "c.yaml:7:29: others may read the secret in /etc/relay/t (mode \(text)); run: chmod 600 /etc/relay/t",
          "c.yaml:8:26: others may read the secret in /k (mode \(text)); run: chmod 600 /k",
        ])
    let open = [
      "c.yaml: others may read the secret in /etc/relay/c.yaml (mode \(text)); run: chmod 600 /etc/relay/c.yaml"
    ]
    #expect(try warnings(Sample.with(destination: "webhookUrlToken: t"), sample) == open)
    #expect(try warnings(Sample.good.replacing("https://", with: "https://u:p@"), sample) == open)
  }

  @Test("A credential is systemd's to guard, and a file of its owner's alone is fine")
  func guarded() throws {
    var sample = Sample()
    sample.variables["CREDENTIALS_DIRECTORY"] = "/cred"
    sample.files = ["/cred/t": .text("t", mode: 0o440), "/t": .text("t", mode: 0o600)]
    #expect(try warnings(Sample.with(destination: "webhookUrlToken: {credential: t}"), sample).isEmpty)
    #expect(try warnings(Sample.with(destination: "webhookUrlToken: {file: /t}"), sample).isEmpty)
    #expect(
      sample.errors(Sample.with(destination: "webhookUrlToken: {credential: ../t}")) == [
        "c.yaml:7:35: '../t' is no name of a credential, expected the name alone, without a path"
      ])
    #expect(
      sample.errors(Sample.with(destination: "webhookUrlToken: {credential: u}")) == [
        "c.yaml:7:35: the file /cred/u for webhookUrlToken does not exist, expected a readable file of at most 64 KiB"
      ])
  }

  @Test("A status or messenger that isn't documented is taken, with a warning")
  func undocumented() throws {
    let yaml = Sample.with(account: "typeInstance: whatsap", destination: "statuses: [raed, viewed, pending]")
    let configuration = try Sample().load(yaml)
    #expect(
      configuration.destinations[0].statuses == Set(["raed", "viewed", "pending"].compactMap(MessageStatus.init)))
    #expect(configuration.accounts[0].typeInstance == TypeInstance(rawValue: "whatsap"))
    let known =
      "expected sent, delivered, read, failed, noAccount, notInGroup, noActiveSession, yellowCard or suspended"
    #expect(
      configuration.warnings.map(\.description) == [
        "c.yaml:4:19: typeInstance 'whatsap' is not one documented, expected whatsapp, v3 or telegram, did you mean 'whatsapp'?",
        "c.yaml:8:16: status 'raed' is not one documented, \(known), did you mean 'read'?",
        "c.yaml:8:22: status 'viewed' is not one documented, \(known)",
        "c.yaml:8:30: status 'pending' is never announced, \(known)",
      ])
  }

  @Test("A token sent in the clear, TLS for nothing, TLS unchecked, and an account without a destination")
  func others() throws {
    let yaml =
      Sample.with(account: "apiUrl: http://1101.api.green-api.com", destination: "accounts: [7]\ntls: {verify: false}")
      .replacing("https://crm", with: "http://crm").replacing(
        "destinations:",
        with: "  - {idInstance: 7, apiTokenInstance: {env: TOKEN}, apiUrl: http://127.0.0.1:9000}\ndestinations:")
    #expect(
      try warnings(yaml) == [
        "c.yaml:2:17: no destination takes the account 1101000001, so its notifications go nowhere",
        "c.yaml:4:13: apiUrl is http, so apiTokenInstance can be read on the way, expected https",
        "c.yaml:10:10: tls has no effect on an http url, expected an https url",
        "c.yaml:10:19: verify is off, so anyone on the way can pose as the consumer, expected caFile for an authority of your own",
      ])
  }

  @Test(
    "GREEN-API's hosts have a hyphen in their name or none: over https neither is warned about, in the clear both are",
    arguments: ["api.green-api.com", "7107.api.greenapi.com", "api.greenapi.com"])
  func hosts(_ host: String) throws {
    #expect(try warnings(Sample.with(account: "apiUrl: https://\(host)")) == [])
    #expect(
      try warnings(Sample.with(account: "apiUrl: http://\(host)")) == [
        "c.yaml:4:13: apiUrl is http, so apiTokenInstance can be read on the way, expected https"
      ])
  }

  @Test("A filter that nothing passes, or that knows types nobody else does, is told")
  func filters() throws {
    let yaml = Sample.with(
      destination: "filter: {chatId: [], typeMessage: [imagemessage, reactionMessage, audioMessage]}")
    let known = "expected extendedTextMessage, imageMessage, videoMessage or audioMessage"
    #expect(
      try warnings(yaml) == [
        "c.yaml:7:22: chatId is an empty list, so the destination gets nothing, expected a chatId or a list of them, where * stands for any text and ? for one character",
        "c.yaml:7:40: typeMessage 'imagemessage' is not one documented, \(known), did you mean 'imageMessage'?",
        "c.yaml:7:54: typeMessage 'reactionMessage' is not one documented, \(known)",
      ])
    let empty = try Sample().load(Sample.with(destination: "filter: {typeMessage: []}"))
    #expect(empty.destinations[0].filter.typeMessages == [])
    #expect(empty.warnings.count == 1)
  }

  @Test("A proxy's password makes the file a secret one; a proxy without is none")
  func proxyPassword() throws {
    var sample = Sample()
    sample.mode = 0o644
    sample.variables["PROXY"] = "http://me:s3cret@proxy:3128"
    #expect(try warnings(Sample.with(destination: "proxy: http://proxy:3128"), sample).isEmpty)
    #expect(try warnings(Sample.with(destination: "proxy: {env: PROXY}"), sample).isEmpty)
    let told = try warnings(Sample.with(destination: "proxy: http://me:s3cret@proxy:3128"), sample)
    #expect(told.count == 1 && told[0].contains("others may read the secret") && !told[0].contains("s3cret"))
  }
}
