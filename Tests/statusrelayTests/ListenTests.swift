import Curl
import Foundation
import GreenAPI
import RelayCore
import Testing

@testable import statusrelay

@Suite("statusrelay listen")
struct ListenTests {
  private static let body = OutgoingMessageStatus(
    chatId: "79991234567@c.us", idInstance: 1_101_000_001, wid: "79991234567@c.us", typeInstance: .whatsapp,
    timestamp: 1_755_591_519, idMessage: "BAE5", status: .delivered, sendByApi: true
  ).encoded()

  /// Where a listening process can be reached.
  private static func url(_ process: StatusrelayProcess) async throws -> String {
    let line = try await process.line(containing: "listening on http://")
    return String(line.dropFirst("listening on ".count))
  }

  private static func post(
    _ client: CurlClient, _ url: String, _ headers: [(name: String, value: String)] = [], body: [UInt8] = body
  ) async throws -> HTTPResponse {
    try await client.execute(
      HTTPRequest(method: .post, url: RequestURL(url), headers: headers, body: body, proxy: ""))
  }

  /// - Returns: The answer's HTTP status.
  private static func postOnce(_ url: String) async throws -> Int {
    var status = 0
    try await withClient { status = try await post($0, url).status }
    return status
  }

  private static func withClient(_ use: (CurlClient) async throws -> Void) async throws {
    let client = try CurlClient()
    do {
      try await use(client)
    } catch {
      await client.shutDown()
      throw error
    }
    await client.shutDown()
  }

  @Test("Prints one line a notification on stdout, a summary on stderr, and ends with 0", arguments: [SIGINT, SIGTERM])
  func printsAndEnds(signal: Int32) async throws {
    try await withStatusrelay("listen", "--listen", "127.0.0.1:0", "--token", "T") { process in
      let url = try await Self.url(process)
      try await Self.withClient { client in
        let authorized = [(name: "Authorization", value: "Bearer T"), (name: "webhook-id", value: "msg_1")]
        let first = try await Self.post(client, url, authorized)
        #expect(first.status == 200)
        // The connection stays open until the end, which must not hold it up.
        #expect(try await Self.post(client, url + "/any/path?x=1", authorized).status == 200)
        #expect(try await Self.post(client, url, [(name: "Authorization", value: "Bearer X")]).status == 401)
        #expect(try await Self.post(client, url).status == 401)
        try await process.line(of: .output, containing: "token missing")
        process.send(signal)
        let result = try await process.result()
        #expect(result.exit == .code(0))
        let lines = result.outputLines
        #expect(lines.count == 4)
        #expect(lines[0].hasSuffix("1101000001    BAE5              delivered  first     token ok  signature none"))
        #expect(lines[1].hasSuffix("delivered  repeat    token ok  signature none"))
        #expect(lines[2].hasSuffix("answered 401 (the token is wrong)  token wrong  signature none"))
        #expect(result.error.contains("4 requests: 1 first, 1 repeats, 0 out of order, 2 refused"))
      }
    }
  }

  @Test("Verifies signatures, and answers 401 to a bad one")
  func signatures() async throws {
    let text = "whsec_" + Data(repeating: 3, count: 32).base64EncodedString()
    let secret = try SigningSecret(Secret(text))
    try await withStatusrelay("listen", "--listen", "127.0.0.1:0", "--secret", text) { process in
      let url = try await Self.url(process)
      let now = Int64(Date.now.timeIntervalSince1970)
      func headers(_ body: [UInt8]) -> [(name: String, value: String)] {
        [
          ("webhook-id", "msg_1"), ("webhook-timestamp", "\(now)"),
          ("webhook-signature", secret.signature(webhookID: "msg_1", timestamp: now, body: body)),
        ]
      }
      try await Self.withClient { client in
        #expect(try await Self.post(client, url, headers(Self.body)).status == 200)
        let bad = try await Self.post(client, url, headers([]))
        #expect(bad.status == 401)
        #expect(String(decoding: bad.body, as: UTF8.self).contains("signature is bad"))
      }
      try await process.line(of: .output, containing: "first     token none  signature ok")
      try await process.line(of: .output, containing: "signature bad")
    }
  }

  @Test("Prints JSON lines, and answers as told to")
  func jsonAndAnswers() async throws {
    try await withStatusrelay(
      "listen", "--listen", "127.0.0.1:0", "--json", "--status-code", "500", "--delay", "10ms"
    ) { process in
      let url = try await Self.url(process)
      let status = try await Self.postOnce(url)
      #expect(status == 500)
      let line = try await process.line(of: .output) { _ in true }
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      #expect(object["httpStatus"] as? Int == 500)
      #expect(object["body"] as? String == String(decoding: Self.body, as: UTF8.self))
    }
  }

  @Test("With a fail rate of 1 everything is answered 503")
  func failRate() async throws {
    try await withStatusrelay("listen", "--listen", "127.0.0.1:0", "--fail-rate", "1") { process in
      let url = try await Self.url(process)
      let status = try await Self.postOnce(url)
      #expect(status == 503)
    }
  }

  @Test("A delayed answer does not hold up the end")
  func endsWhileDelaying() async throws {
    try await withStatusrelay("listen", "--listen", "127.0.0.1:0", "--delay", "1h") { process in
      let url = try await Self.url(process)
      try await Self.withClient { client in
        async let answer = Self.post(client, url)
        try await process.line(of: .output, containing: "first")
        process.send(SIGTERM)
        #expect(try await process.result().exit == .code(0))
        _ = try? await answer
      }
    }
  }

  @Test("A body above a megabyte is answered 413")
  func largeBody() async throws {
    try await withStatusrelay("listen", "--listen", "127.0.0.1:0") { process in
      let url = try await Self.url(process)
      try await Self.withClient { client in
        let large = [UInt8](repeating: 0x20, count: (1 << 20) + 1)
        let refused = try await Self.post(client, url, body: large)
        #expect(refused.status == 413)
        let taken = try await Self.post(client, url)
        #expect(taken.status == 200)
        try await process.line(of: .output, containing: "answered 413 (the body is larger than 1048576 bytes)")
      }
    }
  }

  @Test("A port in use is said clearly, with exit code 69")
  func portInUse() async throws {
    try await withStatusrelay("listen", "--listen", "127.0.0.1:0") { process in
      let address = String(try await Self.url(process).dropFirst("http://".count))
      let result = try await StatusrelayProcess.run("listen", "--listen", address)
      #expect(result.exit == .code(69))
      #expect(
        result.error
          == "statusrelay: can't listen on \(address): another program listens there. End it, or choose another port with --listen (0: any free one)\n"
      )
    }
  }

  @Test(
    "Unusable options are wrong usage",
    arguments: [
      ("--listen", "localhost", "expected HOST:PORT"), ("--listen", "::1:80", "stands in brackets"),
      ("--listen", "127.0.0.1:70000", "expected HOST:PORT"), ("--listen", ":8467", "no host"),
      ("--secret", "T0pSecret", "begins with whsec_"), ("--fail-rate", "1.5", "expected 0 to 1"),
      ("--fail-rate", "nan", "expected 0 to 1"), ("--delay", "5 sec", "Did you mean 5s?"),
      ("--status-code", "99", "expected 200 to 599"),
    ])
  func usage(option: String, value: String, text: String) async throws {
    let result = try await StatusrelayProcess.run("listen", option, value)
    #expect(result.exit == .code(64))
    #expect(result.error.contains(text))
    #expect(!result.error.contains("T0pSecret"))
    #expect(result.output.isEmpty)
  }

  @Test(
    "Addresses are read with host and port, or as a port of this machine",
    arguments: [
      ("127.0.0.1:80", "127.0.0.1", 80, "127.0.0.1:80"), ("[::1]:0", "::1", 0, "[::1]:0"),
      ("example.com:65535", "example.com", 65535, "example.com:65535"), ("8467", "127.0.0.1", 8467, "127.0.0.1:8467"),
    ])
  func addresses(text: String, host: String, port: Int, description: String) throws {
    let address = try ListenAddress(argument: text)
    #expect(address == ListenAddress(host: host, port: port))
    #expect(address.description == description)
  }
}
