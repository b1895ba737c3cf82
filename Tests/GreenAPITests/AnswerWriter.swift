/// Writes random answers, and breaks them. Everything follows from the seed.
struct AnswerWriter {
  private var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  private mutating func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &random) == 0 }
  private mutating func pick<Item>(_ items: [Item]) -> Item { items.randomElement(using: &random)! }

  // MARK: Answers

  mutating func answer() -> [UInt8] {
    let isSpaced = chance(3)
    let elements = (0..<Int.random(in: 0...6, using: &random)).map { _ in
      chance(8) ? value(depth: 0) : object(isSpaced: isSpaced)
    }
    let text = "[" + elements.joined(separator: isSpaced ? ",\n  " : ",") + "]"
    return [UInt8]((chance(10) ? "\u{FEFF}" : "").utf8) + [UInt8](text.utf8)
  }

  private mutating func object(isSpaced: Bool) -> String {
    let names = [
      "type", "idMessage", "statusMessage", "timestamp", "chatId", "sendByApi", "typeMessage", "description",
    ]
    var members: [String] = []
    for name in names.shuffled(using: &random) where !chance(12) {
      members.append("\(self.name(name))\(isSpaced ? " : " : ":")\(fieldValue(of: name))")
      if chance(4) { members.append("\(string()):\(value(depth: 0))") }
      if chance(10) { members.append("\(self.name(name)):\(value(depth: 1))") }
    }
    return "{" + members.joined(separator: isSpaced ? " ,\r\n\t" : ",") + "}"
  }

  /// A field's name, at times with an escape in it.
  private mutating func name(_ name: String) -> String {
    guard chance(15), let first = name.unicodeScalars.first else { return "\"\(name)\"" }
    return #""\u00\#(String(first.value, radix: 16))\#(name.dropFirst())""#
  }

  private mutating func fieldValue(of name: String) -> String {
    if chance(6) { return value(depth: 1) }
    switch name {
    case "type":
      return chance(20)
        ? pick([#""incoming""#, #""outgoing2""#, #"" ""#]) : padded(pick(["outgoing", "Outgoing", #"outgo\u0069ng"#]))
    case "idMessage": return chance(4) ? padded("BAE5\(Int.random(in: 0..<100, using: &random))") : string()
    case "statusMessage":
      return padded(
        pick([
          "sent", "read", "delivered", "noActiveSession", #"s\u0065nt"#, "Sent", "NOACCOUNT", #"\u0053ENT"#,
          "YELLOWcard",
          "Viewed", "", "s nt", "ſent", #"sen\u0054\u0000"#, String(repeating: "s", count: pick([63, 64, 65, 128])),
          String(repeating: #"\u00e9"#, count: pick([32, 33])),
        ]))
    case "timestamp":
      return pick([
        "1710134811", #""1710134811""#, "1710134811.5", #""1.7e9""#, "1710134811000", #""1710134811999""#,
        "99999999999.9",
        "100000000000", "99999999999999", "1e14", "-1e12", number(),
      ])
    case "sendByApi": return pick(["true", "false", "1", "0", #""Yes""#, "1.0"])
    default: return string()
    }
  }

  /// A string with white space around it, at times.
  private mutating func padded(_ text: String) -> String {
    let spaces = ["", "", "", "", " ", "  ", #"\n"#, #"\r\n"#, #"\t "#, #"\u0020"#, #"\u000b\f"#, "\u{A0}", #"\b"#]
    return "\"\(pick(spaces))\(text)\(pick(spaces))\""
  }

  private mutating func value(depth: Int) -> String {
    switch Int.random(in: 0..<(depth < 4 ? 9 : 7), using: &random) {
    case 0: return pick(["null", "true", "false"])
    case 1, 2: return number()
    case 3...6: return string()
    case 7: return "[" + (0..<pick([0, 1, 2, 3])).map { _ in value(depth: depth + 1) }.joined(separator: ",") + "]"
    default:
      return "{" + (0..<pick([0, 1, 2])).map { _ in "\(string()):\(value(depth: depth + 1))" }.joined(separator: ", ")
        + "}"
    }
  }

  private mutating func number() -> String {
    let whole = pick([
      "0", "1", "5", "42", "115054445839974415", "9223372036854775807", "18446744073709551615",
      "18446744073709551616", "\(UInt64.random(in: 0...UInt64.max, using: &random))",
    ])
    let fraction = chance(3) ? pick([".0", ".5", ".000", ".25", ".9999999999999999999"]) : ""
    let exponent = chance(4) ? pick(["e0", "E2", "e-2", "e+18", "e19", "e308", "e309", "e-400"]) : ""
    return (chance(4) ? "-" : "") + whole + fraction + exponent
  }

  private mutating func string() -> String {
    let pieces = [
      "a", "BAE5", "sent", " ", "é", "привет", "€", "😀", #"\n"#, #"\""#, #"\\"#, #"\/"#, #"\u00e9"#,
      #"\u0000"#, #"\ud83d\ude00"#, "\u{7F}", "70000000001@c.us", String(repeating: "/9j/", count: 20), "e\u{301}",
    ]
    return "\"" + (0..<pick([0, 1, 1, 2, 5, 20])).map { _ in pick(pieces) }.joined() + "\""
  }

  // MARK: Broken ones

  /// The body with a few bytes changed, most of them into ones that mean something.
  mutating func mutated(_ body: [UInt8]) -> [UInt8] {
    var body = body
    for _ in 0..<pick([1, 1, 1, 2, 4]) {
      guard !body.isEmpty else { return body }
      let place = Int.random(in: body.indices, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: body[place] = byte()
      case 1: body.insert(byte(), at: place)
      case 2: body.remove(at: place)
      case 3: body[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 4: body.removeSubrange(place..<min(body.count, place + pick([1, 3, 10, 100])))
      default:
        let end = min(body.count, place + pick([1, 3, 10, 100]))
        body.insert(contentsOf: body[place..<end], at: Int.random(in: body.indices, using: &random))
      }
    }
    return body
  }

  mutating func noise() -> [UInt8] { (0..<Int.random(in: 0..<90, using: &random)).map { _ in byte() } }

  private mutating func byte() -> UInt8 {
    chance(4) ? UInt8.random(in: 0...255, using: &random) : pick(Array("[]{}\",:\\ntfu0123456789-+.eE \n/\u{1}é".utf8))
  }
}
