import Foundation

/// The body of a getOutgoingStatuses or lastOutgoingMessages answer, read leniently: the usable records in the array's order,
/// and how many elements were passed over, by reason.
public struct RecordsAnswer: Hashable, Sendable {
  public var records: [Record]
  public var faults: [RecordFault: Int]

  public init(records: [Record] = [], faults: [RecordFault: Int] = [:]) {
    self.records = records
    self.faults = faults
  }

  /// Reads a body. Numbers given as strings and strings given as numbers are read, unknown fields ignored.
  /// - Throws: ``AnswerFault`` when the body as a whole can't be used.
  public init(decoding body: [UInt8]) throws(AnswerFault) {
    let elements: [Element]
    do {
      elements = try JSONDecoder().decode([Element].self, from: Data(body))
    } catch {
      throw AnswerFault(error, in: body)
    }
    self.init()
    records.reserveCapacity(elements.count)
    for element in elements {
      switch element.result {
      case .success(let record): records.append(record)
      case .failure(let fault): faults[fault, default: 0] += 1
      }
    }
  }
}

/// One element of the array; decoding it never fails, so that a bad one doesn't take the others with it.
private struct Element: Decodable {
  let result: Result<Record, RecordFault>

  enum CodingKeys: String, CodingKey {
    case idMessage, statusMessage, timestamp, chatId, sendByApi, typeMessage, description
  }

  init(from decoder: any Decoder) throws {
    guard let fields = try? decoder.container(keyedBy: CodingKeys.self) else {
      result = .failure(.notAnObject)
      return
    }
    result = Self.record(from: fields)
  }

  private static func record(from fields: KeyedDecodingContainer<CodingKeys>) -> Result<Record, RecordFault> {
    guard let id = fields.text(.idMessage) else {
      return .failure(fields.isPresent(.idMessage) ? .unusableIDMessage : .missingIDMessage)
    }
    guard !id.isEmpty else { return .failure(.missingIDMessage) }
    guard id.utf8.count <= Record.maximumIDLength else { return .failure(.unusableIDMessage) }
    guard let statusText = fields.text(.statusMessage) else {
      return .failure(fields.isPresent(.statusMessage) ? .unusableStatusMessage : .missingStatusMessage)
    }
    guard !statusText.isEmpty else { return .failure(.missingStatusMessage) }
    guard let status = MessageStatus(rawValue: statusText) else { return .failure(.unusableStatusMessage) }
    return .success(
      Record(
        idMessage: id, status: status, timestamp: fields.integer(.timestamp), chatId: fields.text(.chatId) ?? "",
        sendByApi: fields.boolean(.sendByApi) ?? false, typeMessage: fields.text(.typeMessage) ?? "",
        description: fields.text(.description)))
  }
}

extension KeyedDecodingContainer {
  /// Whether the field is there and not `null`.
  fileprivate func isPresent(_ key: Key) -> Bool { contains(key) && (try? decodeNil(forKey: key)) == false }

  /// A string, or a number as its digits.
  fileprivate func text(_ key: Key) -> String? {
    // Asked first, because a field that is missing would throw an error for each type tried: dear in ten thousand records.
    guard contains(key) else { return nil }
    if let text = try? decode(String.self, forKey: key) { return text }
    if let number = try? decode(Int64.self, forKey: key) { return String(number) }
    if let number = try? decode(UInt64.self, forKey: key) { return String(number) }
    return nil
  }

  /// An integer, a number without a fraction that matters, or a string that holds one.
  fileprivate func integer(_ key: Key) -> Int64? {
    guard contains(key) else { return nil }
    if let number = try? decode(Int64.self, forKey: key) { return number }
    if let number = try? decode(Double.self, forKey: key) { return Int64(exactly: number.rounded(.towardZero)) }
    guard let text = try? decode(String.self, forKey: key) else { return nil }
    return Int64(text) ?? Double(text).flatMap { Int64(exactly: $0.rounded(.towardZero)) }
  }

  /// A boolean, `0` or `1`, or a string that says so.
  fileprivate func boolean(_ key: Key) -> Bool? {
    guard contains(key) else { return nil }
    if let value = try? decode(Bool.self, forKey: key) { return value }
    switch text(key)?.lowercased() {
    case "true", "1", "yes": return true
    case "false", "0", "no": return false
    default: return nil
    }
  }
}
