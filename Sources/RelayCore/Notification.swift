import Crypto
import GreenAPI

/// One change of one message, as it is recorded and delivered: its bytes are fixed here and never made again.
///
/// A class, so that all who hold it share one: on its way it passes through a dozen hands, and each of them would count five references.
public final class Notification: Hashable, Sendable {
  /// The same for every attempt and every destination; see ``makeWebhookID(_:_:_:)``.
  public let webhookID: String
  public let idInstance: IDInstance
  public let idMessage: String
  public let status: MessageStatus
  /// UNIX seconds of the event, as in the body.
  public let timestamp: Int64
  public let chatId: String
  public let typeMessage: String
  public let sendByApi: Bool
  public let body: [UInt8]

  public init(
    webhookID: String, idInstance: IDInstance, idMessage: String, status: MessageStatus, timestamp: Int64,
    chatId: String, typeMessage: String, sendByApi: Bool, body: [UInt8]
  ) {
    self.webhookID = webhookID
    self.idInstance = idInstance
    self.idMessage = idMessage
    self.status = status
    self.timestamp = timestamp
    self.chatId = chatId
    self.typeMessage = typeMessage
    self.sendByApi = sendByApi
    self.body = body
  }

  /// What is posted for an announced change of an account.
  public convenience init(_ change: Announcement, of idInstance: IDInstance, identity: AccountIdentity) {
    let body = OutgoingMessageStatus(
      chatId: change.chatId, idInstance: idInstance, wid: identity.wid, typeInstance: identity.typeInstance,
      timestamp: change.timestamp, idMessage: change.idMessage, status: change.status,
      description: change.description, sendByApi: change.sendByApi)
    self.init(
      webhookID: Self.makeWebhookID(idInstance, change.idMessage, change.status), idInstance: idInstance,
      idMessage: change.idMessage, status: change.status, timestamp: change.timestamp, chatId: change.chatId,
      typeMessage: change.typeMessage, sendByApi: change.sendByApi, body: body.encoded())
  }

  public static func == (a: Notification, b: Notification) -> Bool {
    a === b
      || a.webhookID == b.webhookID && a.idInstance == b.idInstance && a.idMessage == b.idMessage
        && a.status == b.status && a.timestamp == b.timestamp && a.chatId == b.chatId
        && a.typeMessage == b.typeMessage && a.sendByApi == b.sendByApi && a.body == b.body
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(webhookID)
    hasher.combine(body)
  }

  /// `msg_` and the first 128 bits, in hexadecimal, of the SHA-256 of the three parts with a line feed between them
  /// (no part of an id holds one: an id with one still gives a stable, if shared, result).
  public static func makeWebhookID(_ idInstance: IDInstance, _ idMessage: String, _ status: MessageStatus) -> String {
    let digest = SHA256.hash(data: Array("\(idInstance)\n\(idMessage)\n\(status)".utf8))
    let digits = Array("0123456789abcdef".utf8)
    var text = Array("msg_".utf8)
    for byte in digest.prefix(16) {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}

/// A change that is to be announced: what the diff of a poll makes of one record.
public struct Announcement: Hashable, Sendable {
  public var idMessage: String
  public var status: MessageStatus
  /// UNIX seconds: the record's, or the time of receipt when that is missing or absurd.
  public var timestamp: Int64
  public var chatId: String
  public var sendByApi: Bool
  public var typeMessage: String
  public var description: String?

  public init(
    idMessage: String, status: MessageStatus, timestamp: Int64, chatId: String, sendByApi: Bool, typeMessage: String,
    description: String? = nil
  ) {
    self.idMessage = idMessage
    self.status = status
    self.timestamp = timestamp
    self.chatId = chatId
    self.sendByApi = sendByApi
    self.typeMessage = typeMessage
    self.description = description
  }
}
