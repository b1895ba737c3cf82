/// Usable records of an answer, in the array's order: their bytes, and where each record stands in them.
///
/// Of each record the id, the status and its latest action are known, 20 bytes in all; the rest is read when a ``Record`` is asked for. Of ten
/// thousand records in an answer most say what they said before, and nobody asks.
public struct Records: RandomAccessCollection, Sendable {
  /// The records' elements, each followed by what had to be written anew: ids and statuses with escapes in them or given as numbers.
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
    /// In UNIX seconds; 0 when it is missing or can't be read, or the status is final.
    package private(set) var latestAction: UInt32 = 0

    /// Where in ``Records/bytes`` the record's id stands, in UTF-8.
    package var idMessage: Range<Int> { Int(idStart)..<Int(idStart) + Int(idLength) }

    /// The index of the record's status in ``MessageStatus/documented``; `nil` for one that is not there.
    package var documentedStatus: Int? { statusCode == Self.undocumented ? nil : Int(statusCode) }

    package var course: Standing.Course {
      guard let index = documentedStatus else { return .open }
      return Self.finalStatuses & 1 << index != 0
        ? .final : Self.unpublishedStatuses & 1 << index != 0 ? .unpublished : .open
    }

    /// A bit for each documented status.
    private static let finalStatuses = MessageStatus.documented.indices
      .filter { MessageStatus.documented[$0].isFinal }.reduce(0) { $0 | 1 << $1 }
    private static let unpublishedStatuses = MessageStatus.documented.indices
      .filter { [.pending, .sent].contains(MessageStatus.documented[$0]) }.reduce(0) { $0 | 1 << $1 }

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
      timestamp: fields.seconds(in: text), chatId: fields.chatId?.string(in: text) ?? "",
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
  /// Places have 32 bits, and there are fewer rewritten bytes than bytes of the body.
  static let maximumBodyLength = Int(Int32.max)

  /// Takes in the record that an element is.
  /// - Parameters:
  ///   - place: as ``Place/passed(by:in:rewritten:)`` has said.
  ///   - element: where the element stands in `text`.
  mutating func append(_ place: Place, _ element: Range<Int>, of text: Span<UInt8>, rewritten: [UInt8]) {
    let moved = bytes.count - element.lowerBound
    func now(_ start: UInt32) -> UInt32 {
      let start = Int(start)
      // What is rewritten stands behind the text there, and behind the element here.
      return UInt32(start < text.count ? start + moved : bytes.count + element.count + start - text.count)
    }
    var place = place
    place.start = UInt32(bytes.count)
    place.idStart = now(place.idStart)
    place.statusStart = now(place.statusStart)
    places.append(place)
    bytes.append(contentsOf: text.extracting(element))
    if !rewritten.isEmpty { bytes += rewritten }
  }
}

extension Records.Place {
  /// Passes one element of the array, which may be anything.
  /// - Returns: places in the text, or behind it in what has been rewritten.
  static func passed(
    by scanner: inout JSONScanner, in text: Span<UInt8>, rewritten: inout [UInt8]
  ) throws(JSONScanner.Malformed) -> Result<Self, RecordFault> {
    let start = scanner.position
    guard scanner.next(in: text) == UInt8(ascii: "{") else {
      _ = try scanner.value(in: text, depth: 1)
      return .failure(.notAnObject)
    }
    let fields = try RecordFields(passing: &scanner, in: text)
    // First, as records of another journal have other fields.
    guard fields.isOutgoing(in: text) else { return .failure(.otherType) }
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
    var place = Self(
      start: UInt32(start), idStart: UInt32(id.lowerBound), statusStart: UInt32(status.lowerBound),
      idLength: UInt16(id.count), statusLength: UInt8(status.count), statusCode: code ?? undocumented)
    if place.course != .final {
      place.latestAction = fields.seconds(in: text).flatMap { UInt32(exactly: max(0, $0)) } ?? 0
    }
    return .success(place)
  }

  /// Where the text of a field stands, or is written, without the white space at its ends; `nil` when it has none, or a longer one.
  private static func place(
    of field: JSONScanner.Value, atMost limit: Int, in text: Span<UInt8>, rewritten: inout [UInt8]
  ) -> Range<Int>? {
    if field.kind == .string {
      let place = text.trimmed(field.start..<field.end)
      return place.count <= limit ? place : nil
    }
    guard let string = field.string(in: text) else { return nil }
    let bytes = [UInt8](string.utf8)
    let place = bytes.span.trimmed(bytes.indices)
    guard place.count <= limit else { return nil }
    let start = text.count + rewritten.count
    rewritten += bytes[place]
    return start..<start + place.count
  }
}

extension MessageStatus {
  private static let documentedNames = documented.map { name([UInt8]($0.rawValue.utf8).span) }

  /// The index in ``documented`` of a status with this name in UTF-8, whatever its case.
  fileprivate static func documentedIndex(_ text: Span<UInt8>) -> UInt8? {
    guard text.count < 16 else { return nil }
    return documentedNames.firstIndex(of: name(text)).map { UInt8($0) }
  }

  /// A name of less than 16 bytes as one number, told from all others apart from the case of its letters: the documented names have only
  /// those, and no byte is zero with the bit set that makes a letter small.
  private static func name(_ text: Span<UInt8>) -> UInt128 {
    var name: UInt128 = 0
    for index in text.indices { name = name << 8 | UInt128(text[index] | 0x20) }
    return name
  }
}
