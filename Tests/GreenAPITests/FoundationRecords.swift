import Foundation
import GreenAPI

/// The records of an answer as JSONDecoder reads them, field by field: what the scanner is held against.
struct FoundationRecords {
  var records: [Record] = []
  var faults: [RecordFault: Int] = [:]

  init(decoding body: [UInt8]) throws {
    for element in try JSONDecoder().decode([Element].self, from: Data(body)) {
      switch element.result {
      case .success(let record): records.append(record)
      case .failure(let fault): faults[fault, default: 0] += 1
      }
    }
  }

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
}

extension KeyedDecodingContainer {
  fileprivate func isPresent(_ key: Key) -> Bool { contains(key) && (try? decodeNil(forKey: key)) == false }

  fileprivate func text(_ key: Key) -> String? {
    if let text = try? decode(String.self, forKey: key) { return text }
    if let number = try? decode(Int64.self, forKey: key) { return String(number) }
    if let number = try? decode(UInt64.self, forKey: key) { return String(number) }
    return nil
  }

  fileprivate func integer(_ key: Key) -> Int64? {
    if let number = try? decode(Int64.self, forKey: key) { return number }
    if let number = try? decode(Double.self, forKey: key) { return Int64(exactly: number.rounded(.towardZero)) }
    guard let text = try? decode(String.self, forKey: key) else { return nil }
    return Int64(text) ?? Double(text).flatMap { Int64(exactly: $0.rounded(.towardZero)) }
  }

  fileprivate func boolean(_ key: Key) -> Bool? {
    if let value = try? decode(Bool.self, forKey: key) { return value }
    switch text(key)?.lowercased() {
    case "true", "1", "yes": return true
    case "false", "0", "no": return false
    default: return nil
    }
  }
}
