import GreenAPI
import Testing

/// Whether a body is taken for JSON, be it an answer or not.
func isJSON(_ body: [UInt8]) -> Bool {
  do {
    _ = try RecordsAnswer(decoding: body)
    return true
  } catch {
    return error.kind == .notAnArray
  }
}

@Suite struct JSONGrammarTests {
  /// A value wherever one may stand.
  private func texts(with value: String) -> [String] {
    [
      "[\(value)]", " [ \(value) ] ", "[1,\(value)]", "[\(value),1]", "[[\(value)]]", #"{"k":\#(value)}"#,
      #"[{"k":\#(value)}]"#, #"[{"idMessage":"A","statusMessage":"sent","x":\#(value)}]"#,
      #"[{"x":\#(value),"idMessage":"A","statusMessage":"sent"}]"#, #"[{"idMessage":\#(value)}]"#,
      #"[{"idMessage":"A","statusMessage":\#(value),"timestamp":\#(value),"chatId":\#(value)}]"#,
    ]
  }

  @Test("What the grammar has is taken, wherever it stands", arguments: JSONCases.values)
  func taken(value: String) {
    for text in texts(with: value) + [value, "\t\(value)\r\n", "\u{FEFF}\(value)"] {
      #expect(isJSON([UInt8](text.utf8)), "\(text.prefix(200))")
      #expect(JSONModel.takes([UInt8](text.utf8)), "\(text.prefix(200))")
    }
  }

  @Test("What the grammar has not is refused, wherever it stands", arguments: JSONCases.brokenValues)
  func refused(value: String) {
    for text in texts(with: value) + [value] {
      #expect(!isJSON([UInt8](text.utf8)), "\(text)")
      #expect(!JSONModel.takes([UInt8](text.utf8)), "\(text)")
    }
  }

  @Test("A text is one value with nothing but whitespace around it", arguments: JSONCases.brokenTexts)
  func oneValue(text: String) {
    #expect(!isJSON([UInt8](text.utf8)))
    #expect(!JSONModel.takes([UInt8](text.utf8)))
  }

  @Test("Names are strings like any other", arguments: JSONCases.strings)
  func names(string: String) {
    #expect(isJSON([UInt8](#"[{\#(string):1}]"#.utf8)))
    #expect(isJSON([UInt8](#"[{"k":{\#(string) : {}}}]"#.utf8)))
  }

  @Test("Broken names are refused", arguments: JSONCases.brokenStrings)
  func brokenNames(string: String) { #expect(!isJSON([UInt8](#"[{\#(string):1}]"#.utf8))) }

  @Test("Bytes that are no UTF-8 are refused in values and in names", arguments: JSONCases.brokenUTF8)
  func brokenUTF8(bytes: [UInt8]) {
    for padding in [0, 1, 7, 8, 30, 70] {
      let plain = [UInt8](repeating: UInt8(ascii: "p"), count: padding)
      for (before, after) in [(#"[{"k":""#, #""}]"#), (#"[{""#, #"":1}]"#), (#"[{"idMessage":""#, #""}]"#), ("[", "]")]
      {
        let body = [UInt8](before.utf8) + plain + bytes + plain + [UInt8](after.utf8)
        #expect(!isJSON(body), "\(body)")
        #expect(!JSONModel.takes(body))
      }
    }
  }

  @Test("Every scalar but controls, quote and backslash may stand in a string")
  func everyScalar() throws {
    for range in [0x20...0xD7FF, 0xE000...0xFFFF, 0x10000...0x1_0FFF, 0x10_FF00...0x10_FFFF] {
      var text = ""
      for value in range where value != 0x22 && value != 0x5C {
        text.unicodeScalars.append(Unicode.Scalar(UInt32(value))!)
      }
      let body = [UInt8](#"[{"idMessage":"A","statusMessage":"failed","description":"\#(text)"}]"#.utf8)
      #expect(try RecordsAnswer(decoding: body).records.first?.description == text)
    }
  }

  @Test("UTF-16 and UTF-32, which JSONDecoder reads, are refused: RFC 8259 has JSON in UTF-8 only")
  func otherEncodings() {
    let bodies: [[UInt8]] = [
      [0xFF, 0xFE, 0x5B, 0, 0x5D, 0], [0xFE, 0xFF, 0, 0x5B, 0, 0x5D], [0x5B, 0, 0x5D, 0], [0, 0x5B, 0, 0x5D],
      [0, 0, 0, 0x5B, 0, 0, 0, 0x5D], [0x5B, 0, 0, 0, 0x5D, 0, 0, 0],
    ]
    for body in bodies { #expect(!isJSON(body)) }
  }

  @Test("Nesting ends at 512 arrays and objects")
  func nesting() {
    for (opening, closing, levels) in [("[", "]", 1), (#"{"a":"#, "}", 1), (#"[{"a":"#, "}]", 2)] {
      for (depth, isTaken) in [(510, true), (512, true), (514, false)] {
        let count = depth / levels
        let text = String(repeating: opening, count: count) + "1" + String(repeating: closing, count: count)
        #expect(isJSON([UInt8](text.utf8)) == isTaken, "\(depth) of \(opening)")
        #expect(JSONModel.takes([UInt8](text.utf8)) == isTaken)
      }
    }
  }

  @Test("What ends or breaks a string is found wherever it stands in it")
  func everyPlaceInStrings() throws {
    let marks: [(text: String, isTaken: Bool)] = [
      ("", true), ("é", true), ("😀", true), (#"\n"#, true), (#"\u00e9"#, true), ("\u{1F}", false), ("\u{0}", false),
      (#"\x"#, false), ("\u{7F}", true), (#"\""#, true), (#"""#, false),
    ]
    for length in 0..<150 {
      for (mark, isTaken) in marks {
        let text = String(repeating: "a", count: length) + mark + String(repeating: "b", count: (length * 7) % 80)
        let body = [UInt8](#"[{"idMessage":"A","statusMessage":"sent","x":"\#(text)"}]"#.utf8)
        #expect(isJSON(body) == isTaken, "\(length) bytes before \(mark)")
        let description = [UInt8](#"[{"description":"\#(text)","idMessage":"A","statusMessage":"sent"}]"#.utf8)
        guard isTaken else { continue }
        let read = try RecordsAnswer(decoding: description).records.first?.description
        #expect(read?.utf8.count == text.utf8.count - [#"\n"#: 1, #"\u00e9"#: 4, #"\""#: 1][mark, default: 0])
      }
    }
  }

  @Test("Every proper beginning of every text is refused, and so is every text with one more byte")
  func truncated() {
    let texts =
      JSONCases.containers
      + [#"[{"idMessage":"A\u00e9","statusMessage":"sent","x":[1.5e3,true,{"é":"\ud83d\ude00"}]}]"#]
    for text in texts {
      let body = [UInt8](text.utf8)
      for count in body.indices { #expect(!isJSON(Array(body[..<count])), "\(text) cut at \(count)") }
      for byte in UInt8.min...UInt8.max where ![0x20, 0x09, 0x0A, 0x0D].contains(byte) {
        #expect(!isJSON(body + [byte]), "\(text) and \(byte)")
      }
    }
  }

  @Test("Half a surrogate pair makes a field unreadable, not the answer", arguments: JSONCases.halfPairs)
  func halfPairs(string: String) throws {
    let good = #"{"idMessage":"G","statusMessage":"sent"}"#
    let unusable = #"{"idMessage":\#(string),"statusMessage":"sent"},{"idMessage":"A","statusMessage":\#(string)}"#
    let missed =
      #"{"idMessage":"A","statusMessage":"sent","chatId":\#(string),"description":\#(string),"x":\#(string)}"#
    let named = #"{\#(string):1,"idMessage":"B","statusMessage":"sent"}"#
    let answer = try RecordsAnswer(decoding: [UInt8]("[\(good),\(unusable),\(missed),\(named)]".utf8))
    #expect(answer.records.map(\.idMessage) == ["G", "A", "B"])
    #expect(answer.records[1].chatId == "")
    #expect(answer.records[1].description == nil)
    #expect(answer.faults == [.unusableIDMessage: 1, .unusableStatusMessage: 1])
  }

  @Test("Escapes are read in names and values")
  func escapes() throws {
    let answer = try RecordsAnswer(
      decoding: [UInt8](
        #"[{"id\u004dessage":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00","st\u0061tusMessage":"s\u0065nt","\u0063hatId":"\u0000"}]"#
          .utf8))
    let record = try #require(answer.records.first)
    #expect(record.idMessage == "\"\\/\u{8}\u{C}\n\r\t\u{E9}\u{1F600}")
    #expect(record.status == .sent)
    #expect(record.chatId == "\u{0}")
  }

  @Test("Of a name given twice the first value counts, as with JSONDecoder")
  func firstValueCounts() throws {
    let answer = try RecordsAnswer(
      decoding: [UInt8](
        #"[{"idMessage":"A","id\u004dessage":"B","statusMessage":"sent","statusMessage":"read"},{"idMessage":null,"idMessage":"C","statusMessage":"sent"}]"#
          .utf8))
    #expect(Array(answer.records) == [Record(idMessage: "A", status: .sent, timestamp: nil, sendByApi: false)])
    #expect(answer.faults == [.missingIDMessage: 1])
  }
}
