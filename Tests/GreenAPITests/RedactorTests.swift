import Foundation
import Testing

@testable import GreenAPI

/// Known secrets in whatever form they come back.
@Suite struct RedactorTests {
  private static let token = "d75b3a66/374942+c5b3 c019&c698"

  /// The forms that a text may have when something has passed it on.
  enum Form: String, CaseIterable, Sendable {
    case plain, percent, percentAll, percentLower, percentTwice, form, json, jsonSlash, jsonAll, jsonTwice, html
    case htmlDecimal, htmlHexadecimal, jsonOfPercent

    func encode(_ text: String) -> String {
      switch self {
      case .plain: text
      case .percent: text.percentEncoded
      case .percentAll: text.utf8.map { "%" + Self.hexadecimal($0).uppercased() }.joined()
      case .percentLower: text.utf8.map { "%" + Self.hexadecimal($0) }.joined()
      case .percentTwice: text.percentEncoded.percentEncoded
      case .form: text.percentEncoded.replacing("%20", with: "+")
      case .json: text.map { Self.json($0) }.joined()
      case .jsonSlash: text.map { $0 == "/" ? "\\/" : Self.json($0) }.joined()
      case .jsonAll: text.utf16.map { "\\u" + String(UInt32($0) + 0x1_0000, radix: 16).dropFirst() }.joined()
      case .jsonTwice: Form.jsonSlash.encode(Form.jsonSlash.encode(text))
      case .html:
        text.map { ["&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;", "'": "&#39;"][$0] ?? String($0) }.joined()
      case .htmlDecimal: text.unicodeScalars.map { "&#\($0.value);" }.joined()
      case .htmlHexadecimal: text.unicodeScalars.map { "&#x\(String($0.value, radix: 16));" }.joined()
      case .jsonOfPercent: Form.jsonSlash.encode(text.percentEncoded)
      }
    }

    private static func hexadecimal(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    private static func json(_ character: Character) -> String {
      switch character {
      case "\"": "\\\""
      case "\\": "\\\\"
      case "\n": "\\n"
      case "\t": "\\t"
      default: String(character)
      }
    }
  }

  @Test("A secret is hidden in every form", arguments: Form.allCases)
  func forms(_ form: Form) {
    let text = "before \(form.encode(Self.token)) after"
    #expect(Redactor([Secret(Self.token)]).redact(text) == "before *** after")
  }

  @Test(
    "A token in GREEN-API's path is hidden though nobody knows it, whatever the slashes are", arguments: Form.allCases)
  func unknownTokens(_ form: Form) {
    let path = "/waInstance7107/getOutgoingStatuses/0123456789abcdef"
    let shown = Redaction.redact("{\"path\":\"\(form.encode(path))\"}")
    #expect(!shown.contains("0123456789") && !shown.contains(form.encode("0123456789")), "\(shown)")
    #expect(shown.hasSuffix("***\"}"), "\(shown)")
  }

  @Test(
    "What JSON calls a token, a password or a secret is hidden though nobody knows it",
    arguments: [
      (#"{"wid":"7@c.us","webhookUrlToken":"abc\"def","x":"y"}"#, #"{"wid":"7@c.us","webhookUrlToken":"***","x":"y"}"#),
      (#"{"Password" : "abc"#, #"{"Password" : "***"#), (#"{"secret":"","a":"b"}"#, #"{"secret":"","a":"b"}"#),
      (#"{"tokens":"no","token":5}"#, #"{"tokens":"no","token":5}"#),
    ])
  func members(_ text: String, _ shown: String) { #expect(Redaction.redact(text) == shown) }

  @Test("A secret is hidden in base64, alone or with something before and after it", arguments: 0..<6)
  func base64(_ before: Int) {
    let bytes = Data(String(repeating: "u", count: before).utf8) + Data(Self.token.utf8) + Data(":x".utf8)
    let text = bytes.base64EncodedString()
    let shown = Redactor([Secret(Self.token)]).redact("Basic \(text)!")
    // At most a character that holds bits of a neighbour is left at each end.
    let own = Array(text.utf8).dropFirst((before * 8 + 5) / 6 + 1).prefix(Self.token.utf8.count * 8 / 6 - 2)
    #expect(!shown.contains(String(decoding: own, as: UTF8.self)), "\(shown)")
    #expect(shown.contains("***"))
  }

  @Test("What Basic stands for is a secret as well, and so is its password")
  func basic() {
    let redactor = Redactor([Secret("Basic " + Data("user:hunter2-hunter2".utf8).base64EncodedString())])
    #expect(redactor.redact("user:hunter2-hunter2") == "***")
    #expect(redactor.redact("the password hunter2-hunter2") == "the password ***")
    #expect(Redactor([Secret("Bearer abcdefgh")]).redact("token abcdefgh") == "token ***")
  }

  @Test("Its beginning at the end of a text and its end at the beginning are hidden, also when an escape is cut")
  func cuts() {
    let redactor = Redactor([Secret("abcdefgh/ijklmnop")])
    #expect(redactor.redact("error: abcdefgh/ij") == "error: ***")
    #expect(redactor.redact("error: abcd") == "error: ***")
    #expect(redactor.redact("error: abc") == "error: abc")
    #expect(redactor.redact(#"error: abcdefgh\"#) == "error: ***")
    #expect(redactor.redact("error: abcdefgh%2") == "error: ***")
    #expect(redactor.redact("error: abcdefgh&#4") == "error: ***")
    #expect(redactor.redact("efgh/ijklmnop is wrong") == "*** is wrong")
    #expect(redactor.redact("ijklmnop is wrong") == "*** is wrong")
    #expect(redactor.redact("lmnop is wrong") == "lmnop is wrong")
  }

  @Test("Secrets of less than three bytes are not looked for, and overlapping ones leave nothing standing")
  func short() {
    #expect(Redactor([Secret("e"), Secret("")]).redact("three") == "three")
    #expect(Redactor([Secret("abcdef"), Secret("defghi")]).redact("xabcdefghix") == "x***x")
  }

  @Test("A text is cut at its limit, and what stands across the cut is hidden")
  func long() {
    let text = String(repeating: "x", count: Redactor.longestText - 8) + "abcdefgh/ijklmnop" + "tail"
    let shown = Redactor([Secret("abcdefgh/ijklmnop")]).redact(text)
    #expect(shown.utf8.count < Redactor.longestText && shown.hasSuffix("x***"))
  }

  /// Each of these took a time that grew with the square of its length, or could.
  @Test(
    "Texts made to be slow are looked through once",
    arguments: [
      "/waInstance1", "/waInstance1/getSettings/", "?", "&a=", "://", "a://@", "%2", "%25", "\\", "\\u00", "&#", "aaaa",
      "=",
      "waInstance", "/", "a",
    ])
  func slow(_ piece: String) {
    let redactor = Redactor([Secret(String(repeating: "a", count: 200) + "b"), Secret("secret-secret")])
    let text = String(repeating: piece, count: 1_000_000 / piece.utf8.count)
    #expect(redactor.redact(text).utf8.count <= 4 * Redactor.longestText)
  }

  @Test("Random secrets in random forms at random places, cut anywhere, leave no eight bytes of themselves")
  func random() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SeededGenerator(seed: seed)
    let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789-_.~+/= &%\\\"'<>{}:;@é€")
    for _ in 0..<3000 {
      let secret = String(
        (0..<Int.random(in: 8...60, using: &generator)).map { _ in letters.randomElement(using: &generator)! })
      // What an encoding of the secret could be mistaken for in the text around it is not what is tried.
      let around = ["error: ", "{\"a\":\"", " ", "\n", "x, "]
      let form = Form.allCases.randomElement(using: &generator)!
      var text = Array(
        ((around.randomElement(using: &generator)!) + form.encode(secret) + (around.randomElement(using: &generator)!))
          .utf8)
      if Bool.random(using: &generator) { text = Array(text.prefix(Int.random(in: 0...text.count, using: &generator))) }
      let shown = Redactor([Secret(secret)]).redact(text)
      let once = DecodedText.Escapes.allCases.map { DecodedText(DecodedText(shown), without: $0) }
      let twice = once.flatMap { text in DecodedText.Escapes.allCases.map { DecodedText(text, without: $0) } }
      for layer in [DecodedText(shown)] + once + twice {
        let bytes = Array(secret.utf8)
        for start in 0...(bytes.count - 8) {
          let piece = Array(bytes[start..<start + 8])
          if layer.bytes.first(piece, from: 0) != nil {
            Issue.record(
              "seed \(seed): \(secret) as \(form) in \(String(decoding: text, as: UTF8.self)): \(String(decoding: shown, as: UTF8.self))"
            )
            return
          }
        }
      }
    }
  }
}
