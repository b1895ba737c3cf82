/// Where in an answer's body the fields of one record stand. Of a name given twice the first counts, as with JSONDecoder.
struct RecordFields {
  private(set) var idMessage, statusMessage, timestamp, chatId, sendByApi, typeMessage, description: JSONScanner.Value?

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

  /// The latest action in UNIX seconds; `nil` when missing or unreadable.
  func seconds(in text: Span<UInt8>) -> Int64? { timestamp?.integer(in: text) }

  private mutating func note(_ value: JSONScanner.Value, named name: Span<UInt8>) {
    // The length first: it tells most names from the few that count.
    switch name.count {
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
