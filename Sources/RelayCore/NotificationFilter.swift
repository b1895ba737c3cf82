/// Which notifications a destination wants, by what the message is: `destinations[].filter`. What is `nil` takes all.
public struct NotificationFilter: Hashable, Sendable {
  /// Sent through the API, or from the phone.
  public var sendByApi: Bool?
  /// Any of these.
  public var chatIDs: [Glob]?
  public var typeMessages: Set<String>?

  public init(sendByApi: Bool? = nil, chatIDs: [Glob]? = nil, typeMessages: Set<String>? = nil) {
    self.sendByApi = sendByApi
    self.chatIDs = chatIDs
    self.typeMessages = typeMessages
  }

  public func takes(_ notification: Notification) -> Bool {
    if let sendByApi, notification.sendByApi != sendByApi { return false }
    if let typeMessages, !typeMessages.contains(notification.typeMessage) { return false }
    if let chatIDs, !chatIDs.contains(where: { $0.matches(notification.chatId) }) { return false }
    return true
  }
}
