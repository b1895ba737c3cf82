/// One object of a getOutgoingStatuses (or lastOutgoingMessages) answer: what this project needs of it.
///
/// https://green-api.com/en/docs/api/statuses/GetOutgoingStatuses/
///
/// An answer's record has no white space around its id and its status, and a documented status is spelt as documented.
public struct Record: Hashable, Sendable {
  public var idMessage: String
  public var status: MessageStatus
  /// UNIX seconds of the **latest action** on the post; `nil` when missing, unreadable or absurd.
  public var timestamp: Int64?
  /// The sender's chat; empty when missing.
  public var chatId: String
  public var sendByApi: Bool
  /// Such as `imageMessage`; empty when missing.
  public var typeMessage: String
  /// What went wrong, where the answer says so.
  public var description: String?

  /// A longer id is not taken for one (the longest known has 32 bytes), so that a broken answer can't fill memory.
  public static let maximumIDLength = 256

  public init(
    idMessage: String, status: MessageStatus, timestamp: Int64?, chatId: String = "", sendByApi: Bool = true,
    typeMessage: String = "", description: String? = nil
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

/// Why one element of an answer was passed over while the rest was used. A closed set, shared by logs and metrics.
public enum RecordFault: String, Error, Hashable, Sendable, CaseIterable {
  case notAnObject
  case missingIDMessage
  case unusableIDMessage
  case missingStatusMessage
  case unusableStatusMessage
  /// Its `type` is there and not `outgoing`: it belongs to another journal.
  case otherType
}
