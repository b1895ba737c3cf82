import GreenAPI

/// What is put into an instance's journal: a status post, or an ordinary message.
public struct Post: Hashable, Sendable {
  public enum Content: Hashable, Sendable {
    case text(String, backgroundColor: String = "#228B22", font: String = "SERIF")
    case media(Media)
  }

  /// A picture, video or voice post.
  public struct Media: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, Codable {
      case image, video, audio
    }

    public var kind: Kind
    public var caption: String
    /// Characters of base64 in `jpegThumbnail`; real ones have many thousands. 0...10,000,000.
    public var thumbnailSize: Int

    public init(_ kind: Kind = .image, caption: String = "", thumbnailSize: Int = 2_000) {
      self.kind = kind
      self.caption = caption
      self.thumbnailSize = min(max(thumbnailSize, 0), 10_000_000)
    }
  }

  /// Which method lists it: getOutgoingStatuses or lastOutgoingMessages.
  public enum Place: String, Hashable, Sendable, Codable {
    case statuses, messages
  }

  /// One step of a post's progress.
  public struct Step: Hashable, Sendable {
    /// Time since the step before it; of the first step, since the post.
    public var after: Duration
    public var status: MessageStatus

    public init(after: Duration, _ status: MessageStatus) {
      self.after = after
      self.status = status
    }
  }

  public var content: Content
  /// `nil`: one is made up.
  public var idMessage: String?
  public var place: Place
  /// Who may see it; empty: everyone.
  public var participants: [String]
  /// `nil`: the account's own `wid`.
  public var chatId: String?
  public var sendByApi: Bool
  /// The state it begins in.
  public var status: MessageStatus
  /// UNIX seconds of that first state; `nil`: the time of posting. The script runs from the time of posting either way.
  public var timestamp: Int64?
  /// The states that follow by themselves. Empty: it stays as it is until ``Simulator/advance(_:on:to:timestamp:)``.
  public var script: [Step]
  /// What records say went wrong, once the status is one outside normal progress.
  public var description: String?

  /// Sent after a second, delivered three seconds later, read five seconds after that.
  public static let usualScript: [Step] = [
    Step(after: .seconds(1), .sent), Step(after: .seconds(3), .delivered), Step(after: .seconds(5), .read),
  ]

  public init(
    _ content: Content, idMessage: String? = nil, place: Place = .statuses, participants: [String] = [],
    chatId: String? = nil, sendByApi: Bool = true, status: MessageStatus = .pending, timestamp: Int64? = nil,
    script: [Step] = Post.usualScript, description: String? = nil
  ) {
    self.content = content
    self.idMessage = idMessage
    self.place = place
    self.participants = participants
    self.chatId = chatId
    self.sendByApi = sendByApi
    self.status = status
    self.timestamp = timestamp
    self.script = script
    self.description = description
  }
}
