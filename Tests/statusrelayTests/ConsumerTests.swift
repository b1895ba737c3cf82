import Foundation
import GreenAPI
import RelayCore
import Testing

@testable import statusrelay

@Suite("The consumer's decisions")
struct ConsumerTests {
  private static let secret = Secret("whsec_" + Data(repeating: 7, count: 32).base64EncodedString())
  private static let privateKey = Secret("whsk_" + Data(repeating: 9, count: 32).base64EncodedString())
  private static let now = Date(timeIntervalSince1970: 1_755_591_520.5)

  private static func notification(_ status: MessageStatus = .delivered, message: String = "M1") -> [UInt8] {
    OutgoingMessageStatus(
      chatId: "79991234567@c.us", idInstance: 1_101_000_001, wid: "79991234567@c.us", typeInstance: .whatsapp,
      timestamp: 1_755_591_519, idMessage: message, status: status, sendByApi: true
    ).encoded()
  }

  private static func request(
    _ body: [UInt8] = notification(), id: String? = nil, authorization: String? = nil
  ) -> ReceivedRequest {
    var headers: [ReceivedRequest.Header] = []
    if let id { headers.append(.init(name: "Webhook-Id", value: id)) }
    if let authorization { headers.append(.init(name: "authorization", value: authorization)) }
    return ReceivedRequest(headers: headers, body: body)
  }

  private static func signed(
    _ body: [UInt8] = notification(), by secret: Secret = secret, id: String = "msg_1", age: Int64 = 0,
    sent: String? = nil
  ) throws -> ReceivedRequest {
    let timestamp = Int64(now.timeIntervalSince1970) - age
    let signature = try SigningSecret(secret).signature(webhookID: id, timestamp: timestamp, body: body)
    return ReceivedRequest(
      headers: [
        .init(name: "webhook-id", value: id), .init(name: "webhook-timestamp", value: sent ?? "\(timestamp)"),
        .init(name: "webhook-signature", value: signature),
      ], body: body)
  }

  private static func verifying(_ secret: Secret = secret) throws -> Consumer {
    Consumer(Consumer.Policy(secret: try SigningSecret(secret)))
  }

  // MARK: Token

  @Test(
    "The Authorization header is compared as GREEN-API sends it",
    arguments: [
      ("T", "Bearer T", TokenCheck.ok), ("T", "Bearer t", .wrong), ("T", "T", .wrong), ("T", "Basic T", .wrong),
      ("T", "", .wrong), ("Basic dTpw", "Basic dTpw", .ok), ("Basic dTpw", "Bearer Basic dTpw", .wrong),
      ("Bearer T", "Bearer T", .ok), ("Bearer T", "Bearer Bearer T", .wrong), ("Basics", "Bearer Basics", .ok),
      ("T", nil, .missing), (nil, "Bearer T", .unchecked), (nil, nil, .none),
    ] as [(String?, String?, TokenCheck)])
  func tokens(token: String?, header: String?, expected: TokenCheck) {
    var consumer = Consumer(Consumer.Policy(token: token.map(Secret.init)))
    let receipt = consumer.receive(Self.request(authorization: header), at: Self.now)
    #expect(receipt.token == expected)
    #expect(receipt.answer.httpStatus == (expected == .wrong || expected == .missing ? 401 : 200))
  }

  // MARK: Signature

  @Test("A signature by the secret is good, HMAC and ed25519 alike", arguments: [secret, privateKey])
  func goodSignature(secret: Secret) throws {
    var consumer = try Self.verifying(secret)
    let receipt = consumer.receive(try Self.signed(by: secret), at: Self.now)
    #expect(receipt.signature == .ok)
    #expect(receipt.answer == Receipt.Answer(httpStatus: 200))
  }

  @Test("A signature by another secret, or over another body, is bad and answered 401")
  func badSignature() throws {
    let other = Secret("whsec_" + Data(repeating: 8, count: 32).base64EncodedString())
    var changed = try Self.signed()
    changed.body = Self.notification(.read)
    for request in [try Self.signed(by: other), changed] {
      var consumer = try Self.verifying()
      let receipt = consumer.receive(request, at: Self.now)
      #expect(receipt.signature == .bad("it is not by this secret"))
      #expect(receipt.answer.httpStatus == 401)
      #expect(consumer.tally.refused == 1)
    }
  }

  @Test(
    "A signed request is believed for five minutes before and after",
    arguments: [(300, true), (302, false), (-299, true), (-302, false)] as [(Int64, Bool)])
  func tolerance(age: Int64, isGood: Bool) throws {
    var consumer = try Self.verifying()
    let receipt = consumer.receive(try Self.signed(age: age), at: Date(timeIntervalSince1970: 1_755_591_520))
    #expect((receipt.signature == .ok) == isGood)
    if !isGood {
      let direction = age > 0 ? "old" : "ahead"
      #expect(receipt.signature == .bad("webhook-timestamp is more than 5 minutes \(direction)"))
    }
  }

  @Test("A signature without an id or a usable timestamp is bad")
  func incompleteSignature() throws {
    var consumer = try Self.verifying()
    var request = try Self.signed(sent: "yesterday")
    #expect(
      consumer.receive(request, at: Self.now).signature == .bad("webhook-timestamp is missing or no number"))
    request.headers.removeFirst()
    #expect(consumer.receive(request, at: Self.now).signature == .bad("webhook-id is missing"))
  }

  @Test("A missing signature is refused where one is expected; one that can't be checked is let pass")
  func missingSignature() throws {
    var strict = try Self.verifying()
    let refused = strict.receive(Self.request(id: "msg_1"), at: Self.now)
    #expect(refused.signature == .missing && refused.answer.httpStatus == 401)
    var open = Consumer()
    #expect(open.receive(try Self.signed(), at: Self.now).signature == .unchecked)
    #expect(open.receive(Self.request(), at: Self.now).signature == .none)
    #expect(open.tally.refused == 0)
  }

  // MARK: Shape

  @Test(
    "GREEN-API's documented bodies are taken",
    arguments: [
      #"{"typeWebhook":"outgoingMessageStatus","chatId":"10000000","instanceData":{"idInstance":3100000000,"wid":"79991234567@c.us","typeInstance":"v3"},"timestamp":1755591519,"idMessage":"115054445839974415","status":"sent","sendByApi":false}"#,
      #"{"typeWebhook":"outgoingMessageStatus","chatId":"11001234567890@c.us","instanceData":{"idInstance":1234,"wid":"11001234567@c.us","typeInstance":"whatsapp"},"timestamp":1586700802,"idMessage":"3EB0608D6A2901063D63","status":"failed","description":"Parameter value is not valid, Invalid phone number or wa_id","sendByApi":true}"#,
      #"{"typeWebhook":"outgoingMessageStatus","chatId":"11001234567890@c.us","instanceData":{"idInstance":1234,"wid":"11001234567@c.us","typeInstance":"whatsapp"},"timestamp":1586700802,"idMessage":"3EB0608D6A2901063D63","status":"noAccount","sendByApi":true,"new":[]}"#,
    ])
  func documentedBodies(body: String) {
    var consumer = Consumer()
    let receipt = consumer.receive(Self.request(Array(body.utf8)), at: Self.now)
    #expect(receipt.answer.httpStatus == 200)
    #expect(receipt.arrival == .first)
  }

  @Test(
    "What is wrong with a body is said, all of it",
    arguments: [
      ("", ["the body is empty"]), ("[]", ["the body is no JSON object"]), ("<p>", ["the body is no JSON object"]),
      (#"{"typeWebhook":""}"#, ["typeWebhook is empty"]),
      (
        "{}",
        [
          "typeWebhook is missing", "chatId is missing", "instanceData is missing", "timestamp is missing",
          "idMessage is missing", "status is missing", "sendByApi is missing",
        ]
      ),
      (
        #"{"typeWebhook":"outgoingMessageStatus","chatId":7,"instanceData":{"idInstance":"1101","wid":null},"timestamp":"1","idMessage":"","status":"pending","description":1,"sendByApi":1}"#,
        [
          "chatId is not text", "idInstance is not an integer", "wid is not text", "typeInstance is missing",
          "timestamp is not an integer", "idMessage is empty",
          "status is pending, which is never sent as a notification", "description is not text",
          "sendByApi is not true or false",
        ]
      ),
      (
        #"{"typeWebhook":"outgoingMessageStatus","chatId":"","instanceData":[],"timestamp":0,"idMessage":"M","status":"","sendByApi":true}"#,
        ["instanceData is not an object", "timestamp is not above 0", "status is empty"]
      ),
      (
        #"{"typeWebhook":"outgoingMessageStatus","chatId":"","instanceData":{"idInstance":1234567890123456789,"wid":"","typeInstance":""},"timestamp":1,"idMessage":"M","status":"read","sendByApi":true}"#,
        ["idInstance has not 1 to 18 digits"]
      ),
    ] as [(String, [String])])
  func malformedBodies(body: String, problems: [String]) {
    var consumer = Consumer()
    let receipt = consumer.receive(Self.request(Array(body.utf8)), at: Self.now)
    #expect(receipt.content == .malformed(problems))
    #expect(receipt.answer == Receipt.Answer(httpStatus: 400, reason: problems.joined(separator: ", ")))
    #expect(receipt.arrival == nil)
  }

  @Test("GREEN-API's other notifications are taken, and counted apart")
  func otherNotifications() {
    var consumer = Consumer()
    let body = Array(#"{"typeWebhook":"incomingMessageReceived","senderData":{}}"#.utf8)
    let receipt = consumer.receive(Self.request(body), at: Self.now)
    #expect(receipt.content == .other("incomingMessageReceived"))
    #expect(receipt.answer.httpStatus == 200 && receipt.arrival == nil)
    #expect(consumer.tally.other == 1 && consumer.tally.accepted == 0)
  }

  @Test("Only POST will do")
  func otherMethods() {
    var consumer = Consumer()
    let receipt = consumer.receive(ReceivedRequest(method: "GET"), at: Self.now)
    #expect(receipt.answer.httpStatus == 405)
  }

  // MARK: Repeats and order

  @Test("The same again under the same webhook-id is a repeat; under another one, or one used before, it is told apart")
  func repeats() {
    var consumer = Consumer()
    func arrival(_ status: MessageStatus, _ id: String?, message: String = "M1") -> Arrival? {
      consumer.receive(Self.request(Self.notification(status, message: message), id: id), at: Self.now).arrival
    }
    #expect(arrival(.sent, "a") == .first)
    #expect(arrival(.sent, "a") == .repeated)
    #expect(arrival(.sent, "b") == .repeatedUnderAnotherID)
    #expect(arrival(.sent, nil) == .repeatedUnderAnotherID)
    #expect(arrival(.delivered, "a") == .idReused)
    #expect(arrival(.sent, "c", message: "M2") == .first)
    // As GREEN-API itself sends them.
    #expect(arrival(.sent, nil, message: "M3") == .first)
    #expect(arrival(.sent, nil, message: "M3") == .repeated)
    #expect(consumer.tally.arrivals == [.first: 3, .repeated: 2, .repeatedUnderAnotherID: 2, .idReused: 1])
  }

  @Test("Progress behind what was accepted of the same message is out of order; a status outside progress never is")
  func order() {
    var consumer = Consumer()
    func arrival(_ status: MessageStatus, message: String = "M1") -> Arrival? {
      let body = Self.notification(status, message: message)
      return consumer.receive(Self.request(body, id: "\(message)\(status)"), at: Self.now).arrival
    }
    #expect(arrival(.delivered) == .first)
    #expect(arrival(.sent) == .outOfOrder)
    #expect(arrival(.failed) == .first)
    #expect(arrival(.read) == .first)
    #expect(arrival(.delivered) == .repeated)
    #expect(arrival(.sent, message: "M2") == .first)
  }

  @Test("What was refused has not arrived: it comes first when it comes again")
  func refusedThenAccepted() {
    var consumer = Consumer()
    consumer.isDown = true
    let refused = consumer.receive(Self.request(Self.notification(.sent), id: "a"), at: Self.now)
    #expect(refused.answer.httpStatus == 503 && refused.arrival == nil)
    consumer.isDown = false
    #expect(consumer.receive(Self.request(Self.notification(.sent), id: "a"), at: Self.now).arrival == .first)
    #expect(consumer.tally.requests == 2 && consumer.tally.refused == 1 && consumer.tally.accepted == 1)
  }

  @Test("The ledger remembers at least as many as it has room for, and forgets in the end")
  func boundedLedger() {
    var ledger = ArrivalLedger(capacity: 10)
    func accept(_ number: Int) -> Arrival {
      let notification = OutgoingMessageStatus(
        chatId: "", idInstance: 1, wid: "", typeInstance: .whatsapp, timestamp: 1, idMessage: "\(number)",
        status: .sent, sendByApi: true)
      return ledger.accept(notification, webhookID: "\(number)")
    }
    for number in 0..<25 { #expect(accept(number) == .first) }
    for number in 15..<25 { #expect(accept(number) == .repeated) }
    #expect(accept(0) == .first)
  }

  // MARK: Misbehaving

  @Test("With a fail rate that share is answered 503, the same ones for the same seed")
  func failRate() {
    func answers(seed: UInt64) -> [Int] {
      var consumer = Consumer(Consumer.Policy(failRate: 0.3, seed: seed))
      return (0..<1000).map { consumer.receive(Self.request(id: "\($0)"), at: Self.now).answer.httpStatus }
    }
    let answers1 = answers(seed: 1)
    #expect((250...350).contains(answers1.count { $0 == 503 }))
    #expect(answers1 == answers(seed: 1))
    #expect(answers1 != answers(seed: 2))
  }

  @Test("A status code asked for is the answer to what is right; an error code accepts nothing")
  func statusCode() {
    var accepting = Consumer(Consumer.Policy(statusCode: 204))
    #expect(accepting.receive(Self.request(id: "a"), at: Self.now).arrival == .first)
    #expect(accepting.receive(Self.request([], id: "b"), at: Self.now).answer.httpStatus == 400)
    var gone = Consumer(Consumer.Policy(statusCode: 410))
    let receipt = gone.receive(Self.request(id: "a"), at: Self.now)
    #expect(receipt.answer == Receipt.Answer(httpStatus: 410, reason: "as asked for"))
    #expect(receipt.arrival == nil && gone.tally.refused == 1)
  }

  // MARK: Printing

  @Test("A receipt is one line with time, account, message, status, arrival, token and signature")
  func line() throws {
    var consumer = Consumer(Consumer.Policy(token: Secret("T"), secret: try SigningSecret(Self.secret)))
    var request = try Self.signed()
    request.headers.append(.init(name: "Authorization", value: "Bearer T"))
    let utc = try #require(TimeZone(identifier: "UTC"))
    let line = ReceiptText.line(consumer.receive(request, at: Self.now), timeZone: utc)
    #expect(
      line == "08:18:40.500  1101000001    M1                delivered  first     token ok  signature ok")
    let wrong = consumer.receive(Self.request(authorization: "Bearer X"), at: Self.now)
    #expect(
      ReceiptText.line(wrong, timeZone: utc)
        == "08:18:40.500  1101000001    M1                delivered  answered 401 (the token is wrong)  token wrong  signature missing"
    )
  }

  @Test("Nothing received can break the line or steer the terminal")
  func controlCharacters() {
    var consumer = Consumer()
    let receipt = consumer.receive(
      Self.request(Self.notification(message: "a\nb\u{1B}[2Jc\u{202E}d")), at: Self.now)
    let line = ReceiptText.line(receipt)
    #expect(line.contains("a·b·[2Jc·d"))
    #expect(line.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
  }

  @Test("The JSON line holds what was received, and never the Authorization header's secret")
  func jsonLine() throws {
    var consumer = Consumer(Consumer.Policy(token: Secret("hush")))
    let receipt = consumer.receive(Self.request(id: "msg_1", authorization: "Bearer hush"), at: Self.now)
    let line = ReceiptText.json(receipt)
    #expect(!line.contains("\n") && !line.contains("hush"))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["time"] as? String == "2025-08-19T08:18:40.500Z")
    #expect(object["headers"] as? [String: String] == ["webhook-id": "msg_1", "authorization": "Bearer ***"])
    #expect(object["body"] as? String == String(decoding: Self.notification(), as: UTF8.self))
    #expect(object["idMessage"] as? String == "M1" && object["status"] as? String == "delivered")
    #expect(object["arrival"] as? String == "first" && object["token"] as? String == "ok")
    #expect(object["httpStatus"] as? Int == 200)
  }
}
