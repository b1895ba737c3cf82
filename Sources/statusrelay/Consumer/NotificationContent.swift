import Foundation
import GreenAPI

/// What the body of a webhook says, held against the fields that GREEN-API documents:
/// https://green-api.com/en/docs/api/receiving/notifications-format/outgoing-message/OutgoingMessageStatus/
enum NotificationContent: Sendable, Hashable {
  case messageStatus(OutgoingMessageStatus)
  /// Another of GREEN-API's notifications, by its `typeWebhook`.
  case other(String)
  /// Everything that is wrong with it.
  case malformed([String])

  /// Longer ids are none of GREEN-API's, and would be remembered.
  static let longestID = 256

  init(_ body: [UInt8]) {
    do {
      self = try JSONDecoder().decode(Reading.self, from: Data(body)).content
    } catch {
      self = .malformed([body.isEmpty ? "the body is empty" : "the body is no JSON object"])
    }
  }

  var problems: [String] {
    if case .malformed(let problems) = self { problems } else { [] }
  }
}

/// Reads all fields, whatever is wrong with some of them. Unknown fields are no fault: GREEN-API adds some now and then.
private struct Reading: Decodable {
  let content: NotificationContent

  private enum Keys: String, CodingKey {
    case typeWebhook, chatId, instanceData, timestamp, idMessage, status, description, sendByApi
  }

  private enum InstanceKeys: String, CodingKey { case idInstance, wid, typeInstance }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Keys.self)
    var problems: [String] = []
    let type = fields.read(String.self, .typeWebhook, "text", &problems)
    if let type, type != OutgoingMessageStatus.typeWebhook {
      content = type.isEmpty ? .malformed(["typeWebhook is empty"]) : .other(type)
      return
    }
    let chatId = fields.read(String.self, .chatId, "text", &problems)
    let instance = Self.instance(fields, &problems)
    let timestamp = fields.read(Int64.self, .timestamp, "an integer", &problems)
    if let timestamp, timestamp <= 0 { problems.append("timestamp is not above 0") }
    let idMessage = fields.read(String.self, .idMessage, "text", &problems)
    if let idMessage, !(1...NotificationContent.longestID).contains(idMessage.utf8.count) {
      problems.append("idMessage is \(idMessage.isEmpty ? "empty" : "too long")")
    }
    let status = Self.status(fields, &problems)
    var description: String?
    if fields.contains(.description) { description = fields.read(String.self, .description, "text", &problems) }
    let sendByApi = fields.read(Bool.self, .sendByApi, "true or false", &problems)
    guard problems.isEmpty, let chatId, let instance, let timestamp, let idMessage, let status, let sendByApi else {
      content = .malformed(problems)
      return
    }
    content = .messageStatus(
      OutgoingMessageStatus(
        chatId: chatId, idInstance: instance.id, wid: instance.wid, typeInstance: instance.type, timestamp: timestamp,
        idMessage: idMessage, status: status, description: description, sendByApi: sendByApi))
  }

  private static func instance(
    _ fields: KeyedDecodingContainer<Keys>, _ problems: inout [String]
  ) -> (id: IDInstance, wid: String, type: TypeInstance)? {
    guard fields.contains(.instanceData) else {
      problems.append("instanceData is missing")
      return nil
    }
    guard let data = try? fields.nestedContainer(keyedBy: InstanceKeys.self, forKey: .instanceData) else {
      problems.append("instanceData is not an object")
      return nil
    }
    let number = data.read(Int64.self, .idInstance, "an integer", &problems)
    let wid = data.read(String.self, .wid, "text", &problems)
    let type = data.read(String.self, .typeInstance, "text", &problems)
    guard let number, let wid, let type else { return nil }
    guard let id = IDInstance(rawValue: number) else {
      problems.append("idInstance has not 1 to 18 digits")
      return nil
    }
    return (id, wid, TypeInstance(rawValue: type))
  }

  private static func status(
    _ fields: KeyedDecodingContainer<Keys>, _ problems: inout [String]
  ) -> MessageStatus? {
    guard let text = fields.read(String.self, .status, "text", &problems) else { return nil }
    guard text.utf8.count <= MessageStatus.maximumLength, let status = MessageStatus(rawValue: text) else {
      problems.append("status is \(text.isEmpty ? "empty" : "too long")")
      return nil
    }
    if status == .pending { problems.append("status is pending, which is never sent as a notification") }
    return status
  }
}

extension KeyedDecodingContainer {
  fileprivate func read<Value: Decodable>(
    _ type: Value.Type, _ key: Key, _ form: String, _ problems: inout [String]
  ) -> Value? {
    guard contains(key) else {
      problems.append("\(key.stringValue) is missing")
      return nil
    }
    guard let value = try? decode(type, forKey: key) else {
      problems.append("\(key.stringValue) is not \(form)")
      return nil
    }
    return value
  }
}
