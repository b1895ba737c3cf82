/// GREEN-API's `outgoingMessageStatus` notification, for one change of one message.
///
/// Field order and form are those of the documented bodies:
/// https://green-api.com/en/docs/api/receiving/notifications-format/outgoing-message/OutgoingMessageStatus/
public struct OutgoingMessageStatus: Hashable, Sendable {
  public static let typeWebhook = "outgoingMessageStatus"

  public var chatId: String
  public var idInstance: IDInstance
  /// The account's own id, such as `79991234567@c.us`.
  public var wid: String
  public var typeInstance: TypeInstance
  /// UNIX seconds of the event.
  public var timestamp: Int64
  public var idMessage: String
  public var status: MessageStatus
  /// Only with an error, when there is a text.
  public var description: String?
  public var sendByApi: Bool

  public init(
    chatId: String, idInstance: IDInstance, wid: String, typeInstance: TypeInstance, timestamp: Int64,
    idMessage: String, status: MessageStatus, description: String? = nil, sendByApi: Bool
  ) {
    self.chatId = chatId
    self.idInstance = idInstance
    self.wid = wid
    self.typeInstance = typeInstance
    self.timestamp = timestamp
    self.idMessage = idMessage
    self.status = status
    self.description = description
    self.sendByApi = sendByApi
  }

  /// The body as it goes over the wire: compact JSON in UTF-8. Made once for a notification and never again.
  public func encoded() -> [UInt8] {
    var json = CompactJSON(reservingCapacity: 320)
    json.raw(#"{"typeWebhook":"outgoingMessageStatus","chatId":"#)
    json.string(chatId)
    json.raw(#","instanceData":{"idInstance":"#)
    json.raw(String(idInstance.rawValue))
    json.raw(#","wid":"#)
    json.string(wid)
    json.raw(#","typeInstance":"#)
    json.string(typeInstance.rawValue)
    json.raw(#"},"timestamp":"#)
    json.raw(String(timestamp))
    json.raw(#","idMessage":"#)
    json.string(idMessage)
    json.raw(#","status":"#)
    json.string(status.rawValue)
    if let description, !description.isEmpty {
      json.raw(#","description":"#)
      json.string(description)
    }
    json.raw(sendByApi ? #","sendByApi":true}"# : #","sendByApi":false}"#)
    return json.bytes
  }
}
