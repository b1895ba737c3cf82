import Foundation
import GreenAPI
import Testing

/// A file of `fixtures/`: the documented bodies.
func fixture(_ path: String) throws -> [UInt8] {
  let url = try #require(Bundle.module.resourceURL).appendingPathComponent("fixtures/\(path)")
  return try [UInt8](Data(contentsOf: url))
}

@Suite struct RecordsAnswerTests {
  private func decode(_ json: String) throws -> RecordsAnswer { try RecordsAnswer(decoding: [UInt8](json.utf8)) }

  /// The only record of an array with this object in it.
  private func record(_ fields: String) throws -> Record {
    let answer = try decode("[{\(fields)}]")
    #expect(answer.faults == [:])
    return try #require(answer.records.first)
  }

  private func kind(of body: [UInt8]) -> AnswerFault.Kind? {
    do {
      _ = try RecordsAnswer(decoding: body)
      return nil
    } catch {
      return error.kind
    }
  }

  // MARK: Good answers

  @Test("The documented answer is read")
  func documented() throws {
    let answer = try RecordsAnswer(decoding: fixture("get-outgoing-statuses/documented.json"))
    #expect(
      Array(answer.records) == [
        Record(
          idMessage: "BAE5018000000000", status: .read, timestamp: 1_710_134_811, chatId: "70000000001@c.us",
          sendByApi: true, typeMessage: "extendedTextMessage"),
        Record(
          idMessage: "BAE5207000000000", status: .read, timestamp: 1_710_134_814, chatId: "70000000001@c.us",
          sendByApi: true, typeMessage: "imageMessage"),
      ])
    #expect(answer.faults == [:])
  }

  @Test("An empty array is an answer without records", arguments: ["[]", " [ ]\r\n", "\u{FEFF}[]"])
  func emptyArray(json: String) throws { #expect(try decode(json) == RecordsAnswer()) }

  @Test("A record needs an id and a status, nothing else")
  func leastRecord() throws {
    #expect(
      try record(#""idMessage":"A","statusMessage":"sent""#)
        == Record(idMessage: "A", status: .sent, timestamp: nil, chatId: "", sendByApi: false, typeMessage: ""))
  }

  @Test("The array's order and repeated ids are kept")
  func order() throws {
    let answer = try decode(
      #"[{"idMessage":"B","statusMessage":"sent"},{"idMessage":"A","statusMessage":"read"},{"idMessage":"B","statusMessage":"read"}]"#
    )
    #expect(answer.records.map { "\($0.idMessage) \($0.status)" } == ["B sent", "A read", "B read"])
  }

  // MARK: Leniency

  @Test(
    "A timestamp may be a number, a string that holds one, one with a fraction, and in milliseconds",
    arguments: [
      ("1710134811", 1_710_134_811), (#""1710134811""#, 1_710_134_811), ("1710134811.9", 1_710_134_811),
      (#""1710134811.9""#, 1_710_134_811), ("1.710134811e9", 1_710_134_811), ("-1", -1), ("0", 0),
      ("9223372036854775807", nil), ("1710134811000", 1_710_134_811),
      (#""1710134811999""#, 1_710_134_811), ("1710134811999.9", 1_710_134_811), ("1.710134811e12", 1_710_134_811),
      ("99999999999", 99_999_999_999), ("100000000000", 100_000_000), ("99999999999999", 99_999_999_999),
      ("100000000000000", nil), ("1710134811000000", nil), ("-1710134811000", -1_710_134_811_000), (#""""#, nil),
      (#""soon""#, nil), ("null", nil), ("true", nil), ("{}", nil),
      ("[1]", nil), ("1e999", nil), ("1e300", nil), (#""1e300""#, nil), (#""nan""#, nil), (#""inf""#, nil),
      ("9223372036854775808", nil), ("123456789012345678901234567890", nil),
    ] as [(String, Int64?)])
  func timestamps(json: String, seconds: Int64?) throws {
    #expect(try record(#""idMessage":"A","statusMessage":"sent","timestamp":\#(json)"#).timestamp == seconds)
  }

  @Test("Strings given as numbers are read as their digits")
  func numbersForStrings() throws {
    let read = try record(
      #""idMessage":115054445839974415,"statusMessage":404,"chatId":10000000,"typeMessage":7,"description":5"#)
    #expect(read.idMessage == "115054445839974415")
    #expect(read.status.rawValue == "404")
    #expect(read.chatId == "10000000")
    #expect(read.typeMessage == "7")
    #expect(read.description == "5")
    #expect(try record(#""idMessage":18446744073709551615,"statusMessage":"sent""#).idMessage == "18446744073709551615")
  }

  @Test(
    "sendByApi may be a boolean, 0 or 1, or a string that says so; else it is false",
    arguments: [
      ("true", true), ("false", false), ("1", true), ("0", false), (#""true""#, true), (#""Yes""#, true),
      (#""false""#, false), (#""maybe""#, false), ("null", false), ("{}", false), ("2", false),
    ])
  func sendByApi(json: String, expected: Bool) throws {
    #expect(try record(#""idMessage":"A","statusMessage":"sent","sendByApi":\#(json)"#).sendByApi == expected)
  }

  @Test("Wrong types in fields that can be missed are as if the fields were missing")
  func wrongTypes() throws {
    let read = try record(
      #""idMessage":"A","statusMessage":"sent","chatId":{},"typeMessage":[],"description":false,"timestamp":[]"#)
    #expect(read == Record(idMessage: "A", status: .sent, timestamp: nil, sendByApi: false))
  }

  @Test("Unknown fields are ignored, whatever they hold")
  func unknownFields() throws {
    let read = try record(
      #""x":{"y":[1e999,null,{"idMessage":"no"}]},"idMessage":"A","":0,"statusMessage":"sent","type":"outgoing""#)
    #expect(read.idMessage == "A")
  }

  @Test("Any text is a status, known or not")
  func anyStatus() throws {
    #expect(try record(#""idMessage":"A","statusMessage":"noActiveSession""#).status == .noActiveSession)
    let unknown = try record(#""idMessage":"A","statusMessage":"прочитано""#).status
    #expect(unknown.rawValue == "прочитано")
    #expect(unknown.rank == nil)
    #expect(!unknown.isFinal)
  }

  @Test(
    "White space around an id and a status is no part of it, however it is written",
    arguments: [
      (" A", "sent "), ("A  ", "  sent"), (#"\nA\r"#, #"\tsent\n"#), (#"\u0020A\u000b"#, #"\fsent\u000c"#),
      (#" \t\u0009A \r\n "#, #"\u000Dsent\u0020 "#), (String(repeating: " ", count: 1000) + "A", "sent"),
      ("A", "sent" + String(repeating: #"\n"#, count: 1000)),
    ])
  func whiteSpace(id: String, status: String) throws {
    let read = try record(#""idMessage":"\#(id)","statusMessage":"\#(status)""#)
    #expect(read == Record(idMessage: "A", status: .sent, timestamp: nil, sendByApi: false))
  }

  @Test("White space within an id or a status stays, and so do other characters that aren't seen")
  func innerWhiteSpace() throws {
    let read = try record(#""idMessage":" A \n B\u00a0","statusMessage":"\u0000re ad\u0008""#)
    #expect(read.idMessage == "A \n B\u{A0}")
    #expect(read.status.rawValue == "\u{0}re ad\u{8}")
  }

  @Test(
    "The case of a documented status doesn't matter; another one stays as it is",
    arguments: [
      ("Sent", "sent"), ("READ", "read"), ("noaccount", "noAccount"), ("NOACTIVESESSION", "noActiveSession"),
      (#"\nYellowCard "#, "yellowCard"), ("Suspended", "suspended"), (#"\u0044elivered"#, "delivered"),
      ("Viewed", "Viewed"), (" VIEWED", "VIEWED"), ("no Account", "no Account"), ("Sent.", "Sent."),
      ("\u{17F}ent", "\u{17F}ent"), ("3ent", "3ent"), (#"\u0000sent"#, "\u{0}sent"), (#"se\u000et"#, "se\u{E}t"),
    ])
  func statusCase(status: String, expected: String) throws {
    let read = try record(#""idMessage":"A","statusMessage":"\#(status)""#)
    #expect(read.status.rawValue == expected)
  }

  @Test(
    "A record is used when its type is outgoing, in whatever case, or doesn't tell",
    arguments: [
      #""outgoing""#, #""OUTGOING""#, #""Outgoing\n""#, #"" outgoing ""#, #""\u006futgoing""#, "null", #""""#, #"" ""#,
    ])
  func outgoing(type: String) throws {
    let read = try record(#""type":\#(type),"idMessage":"A","statusMessage":"sent""#)
    #expect(read == Record(idMessage: "A", status: .sent, timestamp: nil, sendByApi: false))
  }

  @Test("A key given twice does no harm: one of its values counts")
  func duplicateKeys() throws {
    let read = try record(#""idMessage":"A","idMessage":"B","statusMessage":"sent","statusMessage":"read""#)
    #expect(["A", "B"].contains(read.idMessage))
    #expect([.sent, .read].contains(read.status))
  }

  // MARK: Bad records

  @Test(
    "A bad record is passed over and counted by reason, the others are used",
    arguments: [
      ("null", .notAnObject), ("1", .notAnObject), (#""A""#, .notAnObject), ("[]", .notAnObject),
      ("[[[]]]", .notAnObject), ("{}", .missingIDMessage),
      (#"{"type":"outgoing","typeMessage":""}"#, .missingIDMessage),
      (#"{"type":"incoming","idMessage":"A","statusMessage":"sent"}"#, .otherType),
      (#"{"type":"incoming"}"#, .otherType),
      (#"{"idMessage":"A","statusMessage":"sent","type":"Incoming "}"#, .otherType),
      (#"{"type":"outgoings","idMessage":"A","statusMessage":"sent"}"#, .otherType),
      (#"{"type":"/utgoing","idMessage":"A","statusMessage":"sent"}"#, .otherType),
      (#"{"type":1,"idMessage":"A","statusMessage":"sent"}"#, .otherType),
      (#"{"type":1.5,"idMessage":"A","statusMessage":"sent"}"#, .otherType),
      (#"{"type":true,"idMessage":"A","statusMessage":"sent"}"#, .otherType),
      (#"{"type":["outgoing"],"idMessage":"A","statusMessage":"sent"}"#, .otherType),
      (#"{"idMessage":"","statusMessage":"sent"}"#, .missingIDMessage),
      (#"{"idMessage":"  ","statusMessage":"sent"}"#, .missingIDMessage),
      (#"{"idMessage":"\n\u0020","statusMessage":"sent"}"#, .missingIDMessage),
      (#"{"idMessage":"\#(String(repeating: " ", count: 300))","statusMessage":"sent"}"#, .missingIDMessage),
      (#"{"idMessage":null,"statusMessage":"sent"}"#, .missingIDMessage),
      (#"{"idMessage":{},"statusMessage":"sent"}"#, .unusableIDMessage),
      (#"{"idMessage":["A"],"statusMessage":"sent"}"#, .unusableIDMessage),
      (#"{"idMessage":true,"statusMessage":"sent"}"#, .unusableIDMessage),
      (#"{"idMessage":1.5,"statusMessage":"sent"}"#, .unusableIDMessage),
      (#"{"idMessage":"\#(String(repeating: "A", count: 257))","statusMessage":"sent"}"#, .unusableIDMessage),
      (#"{"idMessage":"A"}"#, .missingStatusMessage), (#"{"idMessage":"A","statusMessage":""}"#, .missingStatusMessage),
      (#"{"idMessage":"A","statusMessage":" "}"#, .missingStatusMessage),
      (#"{"idMessage":"A","statusMessage":"\r\n\t"}"#, .missingStatusMessage),
      (#"{"idMessage":"A","statusMessage":null}"#, .missingStatusMessage),
      (#"{"idMessage":"A","statusMessage":{}}"#, .unusableStatusMessage),
      (#"{"idMessage":"A","statusMessage":"\#(String(repeating: "s", count: 65))"}"#, .unusableStatusMessage),
      (#"{"idMessage":"A","statusMessage":" \#(String(repeating: #"\u00e9"#, count: 33)) "}"#, .unusableStatusMessage),
    ] as [(String, RecordFault)])
  func badRecords(element: String, fault: RecordFault) throws {
    let good = #"{"idMessage":"G","statusMessage":"sent"}"#
    let answer = try decode("[\(good),\(element),\(element),\(good)]")
    #expect(answer.records.map(\.idMessage) == ["G", "G"])
    #expect(answer.faults == [fault: 2])
  }

  @Test(
    "The longest id and status are read, and are not the longer for the white space around them",
    arguments: ["", " ", #"\n"#])
  func longest(space: String) throws {
    let id = String(repeating: "A", count: Record.maximumIDLength)
    let status = String(repeating: "s", count: MessageStatus.maximumLength)
    let read = try record(#""idMessage":"\#(space)\#(id)\#(space)","statusMessage":"\#(space)\#(status)\#(space)""#)
    #expect(read.idMessage == id)
    #expect(read.status.rawValue == status)
  }

  // MARK: Bad answers

  @Test(
    "A body that is no array is refused with its reason",
    arguments: [
      ("", .empty), (" \r\n\t", .empty), ("<!DOCTYPE html><html></html>", .html), ("\n<html>", .html),
      ("null", .notAnArray), ("{}", .notAnArray), (#"{"message":"x"}"#, .notAnArray), ("true", .notAnArray),
      ("5", .notAnArray), (#""text""#, .notAnArray), ("Internal Server Error", .notJSON), ("[", .notJSON),
      (#"[{"idMessage":"A","statusMessage":"sent"}"#, .notJSON), (#"[{"idMessage":"A","statusMess"#, .notJSON),
      ("[] []", .notJSON), ("[1,,2]", .notJSON), (#"{"a":"#, .notJSON), ("\u{0}", .notJSON),
    ] as [(String, AnswerFault.Kind)])
  func badBodies(body: String, kind: AnswerFault.Kind) { #expect(self.kind(of: [UInt8](body.utf8)) == kind) }

  @Test("Every proper beginning of a good answer is refused")
  func truncated() throws {
    var body = try fixture("get-outgoing-statuses/documented.json")
    while let last = body.last, last != UInt8(ascii: "]") { body.removeLast() }
    #expect(kind(of: body) == nil)
    for count in stride(from: 0, to: body.count, by: 7) { #expect(kind(of: Array(body[..<count])) != nil) }
  }

  @Test("Nesting a hundred thousand deep is refused, not followed", arguments: ["[", #"{"a":"#, #"[{"a":"#])
  func deep(opening: String) {
    #expect(kind(of: [UInt8](String(repeating: opening, count: 100_000).utf8)) == .notJSON)
    let closing = opening.reversed().map { $0 == "[" ? "]" : $0 == "{" ? "}" : "" }.joined()
    let whole = String(repeating: opening, count: 100_000) + "1" + String(repeating: closing, count: 100_000)
    #expect(kind(of: [UInt8](whole.utf8)) == .notJSON)
  }

  @Test("Bytes that are no UTF-8 are refused, or kept to their record")
  func invalidUTF8() {
    for bytes: [UInt8] in [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xE2, 0x82]] {
      #expect(kind(of: bytes) == .notJSON)
      var body = [UInt8](#"[{"idMessage":"G","statusMessage":"sent"},{"idMessage":""#.utf8)
      body += bytes
      body += [UInt8](#"","statusMessage":"sent"}]"#.utf8)
      do {
        let answer = try RecordsAnswer(decoding: body)
        #expect(answer.records.first?.idMessage == "G")
      } catch {
        #expect(error.kind == .notJSON)
      }
    }
  }

  @Test("Half a surrogate pair does no harm")
  func loneSurrogate() {
    #expect([nil, .notJSON].contains(kind(of: [UInt8](#"[{"idMessage":"\ud800","statusMessage":"sent"}]"#.utf8))))
  }

  @Test("A fault tells nothing of the body but its kind and size")
  func quietFaults() throws {
    let body = #"{"token":"very-secret""#
    #expect(throws: AnswerFault.self) { try decode(body) }
    do { _ = try decode(body) } catch let fault as AnswerFault {
      #expect(!"\(fault)".contains("secret"))
      #expect("\(fault)".contains("\(body.utf8.count) bytes"))
    }
  }

  @Test("A large answer is read whole")
  func large() throws {
    let element = #"{"type":"outgoing","idMessage":"BAE5%","timestamp":1710134811,"statusMessage":"read"}"#
    let elements = (0..<5000).map { element.replacing("%", with: "\($0)") }
    let answer = try decode("[\(elements.joined(separator: ","))]")
    #expect(answer.records.count == 5000)
    #expect(answer.records.last?.idMessage == "BAE54999")
  }
}
