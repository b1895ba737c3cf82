/// Where in an answer's body the fields of one record stand. Of a name given twice the first counts, as with JSONDecoder.
struct RecordFields {
  private(set) var type, idMessage, statusMessage, timestamp, chatId, sendByApi, typeMessage,
    description: JSONScanner.Value?

  /// Passes an object of the answer's array.
  init(passing scanner: inout JSONScanner, in text: Span<UInt8>) throws(JSONScanner.Malformed) {
    guard scanner.open(until: .closingBrace, in: text) else { return }
    repeat {
      let name = try scanner.name(in: text)
      let value = try scanner.value(in: text, depth: 2)
      if name.kind == .string {
        note(value, named: text.extracting(name.start..<name.end))
      } else if let unescaped = name.string(in: text) {
        note(value, named: [UInt8](unescaped.utf8).span)
      }
    } while try scanner.goesOn(until: .closingBrace, in: text)
  }

  /// Whether the record is one of an outgoing post: `type` says so, or says nothing.
  func isOutgoing(in text: Span<UInt8>) -> Bool {
    guard let type, type.kind != .null else { return true }
    if type.kind == .string, type.end - type.start == 8,
      text.extracting(type.start..<type.end).starts(with: "outgoing")
    {
      return true
    }
    guard let said = type.string(in: text) else { return false }
    let bytes = [UInt8](said.utf8)
    let place = bytes.span.trimmed(bytes.indices)
    return place.isEmpty || bytes[place].elementsEqual("outgoing".utf8) { $0 | 0x20 == $1 }
  }

  /// The latest action in UNIX seconds; `nil` when missing, unreadable or absurd.
  ///
  /// A number that would lie after the year 5138 in seconds counts milliseconds, which it may since 1973. One that is too large for those
  /// as well is no time.
  func seconds(in text: Span<UInt8>) -> Int64? {
    guard let number = timestamp?.integer(in: text) else { return nil }
    if number < Self.leastMilliseconds { return number }
    let seconds = number / 1000
    return seconds < Self.leastMilliseconds ? seconds : nil
  }

  private static let leastMilliseconds: Int64 = 100_000_000_000

  private mutating func note(_ value: JSONScanner.Value, named name: Span<UInt8>) {
    // The length first: it tells most names from the few that count.
    switch name.count {
    case 4: if name.starts(with: "type") { type = type ?? value }
    case 6: if name.starts(with: "chatId") { chatId = chatId ?? value }
    case 9:
      if name.starts(with: "idMessage") {
        idMessage = idMessage ?? value
      } else if name.starts(with: "timestamp") {
        timestamp = timestamp ?? value
      } else if name.starts(with: "sendByApi") {
        sendByApi = sendByApi ?? value
      }
    case 11:
      if name.starts(with: "typeMessage") {
        typeMessage = typeMessage ?? value
      } else if name.starts(with: "description") {
        description = description ?? value
      }
    case 13: if name.starts(with: "statusMessage") { statusMessage = statusMessage ?? value }
    default: break
    }
  }
}
