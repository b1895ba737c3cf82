/// The parts of a text that may open doors, whatever they are: what can be found without knowing the secrets.
///
/// GREEN-API's token is a part of the path, `/waInstance{id}/{method}/{token}` (https://green-api.com/en/docs/api/); the userinfo before a
/// host and the values of a query may be secrets, too, and so is what an answer of getSettings has as `webhookUrlToken`. Each search looks at
/// every byte once or twice.
enum SuspectParts {
  /// Where they stand, in ascending order within each kind.
  static func ranges(in text: [UInt8]) -> [Range<Int>] {
    tokens(in: text) + users(in: text) + values(in: text) + members(in: text)
  }

  private static let marker = Array("/waInstance".utf8)

  private static func tokens(in text: [UInt8]) -> [Range<Int>] {
    var found: [Range<Int>] = []
    var position = 0
    while let start = text.first(marker, from: position) {
      position = start + marker.count
      let number = text.end(from: position, while: isDigit)
      guard number > position, number < text.count, text[number] == UInt8(ascii: "/") else { continue }
      let method = text.end(from: number + 1, while: isLetter)
      position = method
      guard method > number + 1, method < text.count, text[method] == UInt8(ascii: "/") else { continue }
      let token = text.end(from: method + 1) { !isEndOfSegment($0) }
      if token > method + 1 { found.append(method + 1..<token) }
      position = token
    }
    return found
  }

  private static func users(in text: [UInt8]) -> [Range<Int>] {
    let separator = Array("://".utf8)
    var found: [Range<Int>] = []
    var position = 0
    while let start = text.first(separator, from: position) {
      position = start + separator.count
      guard start > 0, isSchemeCharacter(text[start - 1]) else { continue }
      let end = text.end(from: position) { !isEndOfSegment($0) }
      // To the last @: a password with an unescaped @ in it must not be shown by half.
      if let at = text[position..<end].lastIndex(of: UInt8(ascii: "@")) { found.append(position..<at) }
      position = end
    }
    return found
  }

  private static func values(in text: [UInt8]) -> [Range<Int>] {
    var found: [Range<Int>] = []
    /// Where the name began that is being passed; `nil` outside a query.
    var name: Int?
    var position = 0
    while position < text.count {
      switch text[position] {
      case UInt8(ascii: "?") where name == nil, UInt8(ascii: "&"): name = position + 1
      case UInt8(ascii: "=") where name.map { position > $0 } ?? false:
        let end = text.end(from: position + 1) { !isEndOfValue($0) }
        if end > position + 1 { found.append(position + 1..<end) }
        name = nil
        position = end
        continue
      case let byte where isEndOfValue(byte) || byte == UInt8(ascii: "="): name = nil
      default: break
      }
      position += 1
    }
    return found
  }

  private static let memberNames = ["token", "password", "secret", "apitokeninstance"].map { Array($0.utf8) }

  /// Strings in JSON whose name ends with one of ``memberNames``.
  private static func members(in text: [UInt8]) -> [Range<Int>] {
    let quote = UInt8(ascii: "\"")
    var found: [Range<Int>] = []
    var position = 0
    while let nameEnd = text[position...].firstIndex(of: quote) {
      position = nameEnd + 1
      guard memberNames.contains(where: { ends(text[..<nameEnd], with: $0) }) else { continue }
      let colon = text.end(from: position, while: isSpace)
      guard colon < text.count, text[colon] == UInt8(ascii: ":") else { continue }
      let start = text.end(from: colon + 1, while: isSpace)
      guard start < text.count, text[start] == quote else { continue }
      var end = start + 1
      while end < text.count, text[end] != quote { end += text[end] == UInt8(ascii: "\\") ? 2 : 1 }
      end = min(end, text.count)
      if end > start + 1 { found.append(start + 1..<end) }
      position = min(end + 1, text.count)
    }
    return found
  }

  private static func ends(_ text: ArraySlice<UInt8>, with name: [UInt8]) -> Bool {
    text.count >= name.count && zip(text.suffix(name.count), name).allSatisfy { $0 | 0x20 == $1 }
  }

  // MARK: Characters

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }
  private static func isSchemeCharacter(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte) || "+.-".utf8.contains(byte)
  }
  private static func isEndOfText(_ byte: UInt8) -> Bool { byte <= 0x20 || "\"'<>".utf8.contains(byte) }
  private static func isEndOfSegment(_ byte: UInt8) -> Bool { isEndOfText(byte) || "/?#".utf8.contains(byte) }
  private static func isEndOfValue(_ byte: UInt8) -> Bool { isEndOfText(byte) || "&#".utf8.contains(byte) }
}

extension [UInt8] {
  /// Where these bytes stand next.
  func first(_ wanted: [UInt8], from start: Int) -> Int? {
    guard let head = wanted.first, start <= count - wanted.count else { return nil }
    var position = start
    while position <= count - wanted.count {
      if self[position] == head, self[position..<position + wanted.count].elementsEqual(wanted) { return position }
      position += 1
    }
    return nil
  }

  /// The first place from `start` on whose byte is another kind; the end when there is none.
  fileprivate func end(from start: Int, while isWanted: (UInt8) -> Bool) -> Int {
    var end = start
    while end < count, isWanted(self[end]) { end += 1 }
    return end
  }
}
