/// The usable records of an answer, in the array's order: its bytes, and where each record stands in them.
///
/// Of each record the id and the status are known, 16 bytes in all; the rest is read when a ``Record`` is asked for. Of ten
/// thousand records in an answer most say what they said before, and nobody asks.
public struct Records: RandomAccessCollection, Sendable {
  /// The answer's body, and behind it what had to be written anew: ids and statuses with escapes in them, and odd numbers.
  package private(set) var bytes: [UInt8] = []
  package private(set) var places: [Place] = []

  /// One record's place.
  package struct Place: Sendable {
    fileprivate var start: UInt32
    fileprivate var idStart: UInt32
    fileprivate var statusStart: UInt32
    /// At most ``Record/maximumIDLength``.
    fileprivate var idLength: UInt16
    /// At most ``MessageStatus/maximumLength``.
    fileprivate var statusLength: UInt8
    fileprivate var statusCode: UInt8

    /// Where in ``Records/bytes`` the record's id stands, in UTF-8.
    package var idMessage: Range<Int> { Int(idStart)..<Int(idStart) + Int(idLength) }

    /// The index of the record's status in ``MessageStatus/documented``; `nil` for one that is not there.
    package var documentedStatus: Int? { statusCode == Self.undocumented ? nil : Int(statusCode) }

    fileprivate static let undocumented = UInt8.max
  }

  init() {}

  public var startIndex: Int { 0 }
  public var endIndex: Int { places.count }

  public subscript(position: Int) -> Record {
    let place = places[position]
    let text = bytes.span
    var scanner = JSONScanner(at: Int(place.start))
    guard let fields = try? RecordFields(passing: &scanner, in: text) else { preconditionFailure("scanned before") }
    return Record(
      idMessage: String(decoding: bytes[place.idMessage], as: UTF8.self), status: status(at: position),
      timestamp: fields.timestamp?.integer(in: text), chatId: fields.chatId?.string(in: text) ?? "",
      sendByApi: fields.sendByApi?.boolean(in: text) ?? false, typeMessage: fields.typeMessage?.string(in: text) ?? "",
      description: fields.description?.string(in: text))
  }

  /// The status of one record, without reading the rest of it.
  package func status(at position: Int) -> MessageStatus {
    let place = places[position]
    if let index = place.documentedStatus { return MessageStatus.documented[index] }
    let start = Int(place.statusStart)
    let text = String(decoding: bytes[start..<start + Int(place.statusLength)], as: UTF8.self)
    guard let status = MessageStatus(rawValue: text) else { preconditionFailure("measured before") }
    return status
  }
}

extension Records: Hashable {
  public static func == (a: Self, b: Self) -> Bool { a.elementsEqual(b) }

  public func hash(into hasher: inout Hasher) {
    for record in self { hasher.combine(record) }
    hasher.combine(count)
  }
}

extension Records {
  /// Passes the array that the body is to be.
  /// - Throws: ``AnswerFault`` when the body as a whole can't be used.
  init(scanning body: [UInt8], faults: inout [RecordFault: Int]) throws(AnswerFault) {
    guard body.count <= Self.maximumLength else {
      throw AnswerFault(kind: .notJSON, detail: "the body (\(body.count) bytes) is too large to be read")
    }
    var rewritten: [UInt8] = []
    let isArray: Bool
    do {
      isArray = try scan(body.span, faults: &faults, rewritten: &rewritten)
    } catch {
      throw AnswerFault(.notJSON, in: body)
    }
    guard isArray else { throw AnswerFault(.notAnArray, in: body) }
    bytes = body
    // Appending nothing would copy the body all the same.
    if !rewritten.isEmpty { bytes += rewritten }
  }

  /// So that places fit 32 bits, those of the rewritten bytes too: there are fewer of them than of the body.
  private static let maximumLength = Int(Int32.max)

  /// - Returns: whether the text, which is JSON, is an array.
  private mutating func scan(
    _ text: Span<UInt8>, faults: inout [RecordFault: Int], rewritten: inout [UInt8]
  ) throws(JSONScanner.Malformed) -> Bool {
    var scanner = JSONScanner()
    scanner.skipByteOrderMark(in: text)
    scanner.skipWhitespace(in: text)
    let isArray = scanner.next(in: text) == UInt8(ascii: "[")
    if !isArray {
      _ = try scanner.value(in: text, depth: 0)
    } else if scanner.open(until: .closingBracket, in: text) {
      repeat {
        switch try Place.passed(by: &scanner, in: text, rewritten: &rewritten) {
        case .success(let place): places.append(place)
        case .failure(let fault): faults[fault, default: 0] += 1
        }
      } while try scanner.goesOn(until: .closingBracket, in: text)
    }
    scanner.skipWhitespace(in: text)
    guard scanner.position == text.count else { throw JSONScanner.Malformed() }
    return isArray
  }
}

extension Records.Place {
  /// Passes one element of the array, which may be anything.
  fileprivate static func passed(
    by scanner: inout JSONScanner, in text: Span<UInt8>, rewritten: inout [UInt8]
  ) throws(JSONScanner.Malformed) -> Result<Self, RecordFault> {
    let start = scanner.position
    guard scanner.next(in: text) == UInt8(ascii: "{") else {
      _ = try scanner.value(in: text, depth: 1)
      return .failure(.notAnObject)
    }
    let fields = try RecordFields(passing: &scanner, in: text)
    guard let field = fields.idMessage, field.kind != .null else { return .failure(.missingIDMessage) }
    guard let id = place(of: field, atMost: Record.maximumIDLength, in: text, rewritten: &rewritten) else {
      return .failure(.unusableIDMessage)
    }
    guard !id.isEmpty else { return .failure(.missingIDMessage) }
    guard let field = fields.statusMessage, field.kind != .null else { return .failure(.missingStatusMessage) }
    guard let status = place(of: field, atMost: MessageStatus.maximumLength, in: text, rewritten: &rewritten) else {
      return .failure(.unusableStatusMessage)
    }
    guard !status.isEmpty else { return .failure(.missingStatusMessage) }
    let code =
      if status.upperBound <= text.count {
        MessageStatus.documentedIndex(text.extracting(status))
      } else {
        MessageStatus.documentedIndex(rewritten.span.extracting(last: status.count))
      }
    return .success(
      Self(
        start: UInt32(start), idStart: UInt32(id.lowerBound), statusStart: UInt32(status.lowerBound),
        idLength: UInt16(id.count), statusLength: UInt8(status.count), statusCode: code ?? undocumented))
  }

  /// Where the text of a field stands, or is written; `nil` when it has none, or a longer one.
  private static func place(
    of field: JSONScanner.Value, atMost limit: Int, in text: Span<UInt8>, rewritten: inout [UInt8]
  ) -> Range<Int>? {
    if field.kind == .string {
      return field.end - field.start <= limit ? field.start..<field.end : nil
    }
    guard let string = field.string(in: text), string.utf8.count <= limit else { return nil }
    let start = text.count + rewritten.count
    rewritten += string.utf8
    return start..<start + string.utf8.count
  }
}

extension MessageStatus {
  private static let documentedNames = documented.map { name([UInt8]($0.rawValue.utf8).span) }

  /// The index in ``documented`` of a status with this name in UTF-8.
  fileprivate static func documentedIndex(_ text: Span<UInt8>) -> UInt8? {
    guard text.count < 16 else { return nil }
    return documentedNames.firstIndex(of: name(text)).map { UInt8($0) }
  }

  /// A name of less than 16 bytes as one number, told from all others as no name begins with a zero byte.
  private static func name(_ text: Span<UInt8>) -> UInt128 {
    var name: UInt128 = 0
    for index in text.indices { name = name << 8 | UInt128(text[index]) }
    return name
  }
}
