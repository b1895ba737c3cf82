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
      case type, idMessage, statusMessage, timestamp, chatId, sendByApi, typeMessage, description
    }

    init(from decoder: any Decoder) throws {
      guard let fields = try? decoder.container(keyedBy: CodingKeys.self) else {
        result = .failure(.notAnObject)
        return
      }
      result = Self.record(from: fields)
    }

    private static func record(from fields: KeyedDecodingContainer<CodingKeys>) -> Result<Record, RecordFault> {
      if fields.isPresent(.type) {
        guard let type = fields.trimmed(.type), ["", "outgoing"].contains(asciiLowercased(type)) else {
          return .failure(.otherType)
        }
      }
      guard let id = fields.trimmed(.idMessage) else {
        return .failure(fields.isPresent(.idMessage) ? .unusableIDMessage : .missingIDMessage)
      }
      guard !id.isEmpty else { return .failure(.missingIDMessage) }
      guard id.utf8.count <= Record.maximumIDLength else { return .failure(.unusableIDMessage) }
      guard let statusText = fields.trimmed(.statusMessage) else {
        return .failure(fields.isPresent(.statusMessage) ? .unusableStatusMessage : .missingStatusMessage)
      }
      guard !statusText.isEmpty else { return .failure(.missingStatusMessage) }
      guard statusText.utf8.count <= 64 else { return .failure(.unusableStatusMessage) }
      let documented = MessageStatus.documented.first { asciiLowercased($0.rawValue) == asciiLowercased(statusText) }
      guard let status = documented ?? MessageStatus(rawValue: statusText) else {
        return .failure(.unusableStatusMessage)
      }
      return .success(
        Record(
          idMessage: id, status: status, timestamp: fields.integer(.timestamp).flatMap(seconds),
          chatId: fields.text(.chatId) ?? "",
          sendByApi: fields.boolean(.sendByApi) ?? false, typeMessage: fields.text(.typeMessage) ?? "",
          description: fields.text(.description)))
    }

    /// Of a time in seconds or, as of the year 5138, in milliseconds.
    private static func seconds(_ time: Int64) -> Int64? {
      switch time {
      case ..<100_000_000_000: time
      case ..<100_000_000_000_000: time / 1000
      default: nil
      }
    }

    private static func asciiLowercased(_ text: String) -> String {
      String(text.map { $0.isASCII ? Character($0.lowercased()) : $0 })
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

  fileprivate func trimmed(_ key: Key) -> String? {
    text(key)?.trimmingCharacters(in: CharacterSet(charactersIn: " \t\n\u{B}\u{C}\r"))
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
