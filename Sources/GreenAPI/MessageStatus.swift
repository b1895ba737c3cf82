/// The state of one message as GREEN-API names it, in `statusMessage` of a record and `status` of a notification.
///
/// Any non-empty text is a status: the journals hold more than the documented four, and new ones may come.
public struct MessageStatus: RawRepresentable, Hashable, Sendable {
  public let rawValue: String

  /// A record's longer text is not taken for a status (no known one is over 15 bytes), so that a broken answer can't fill memory. Outboxes
  /// may hold longer ones, as the limit was higher once.
  public static let maximumLength = 64

  /// `nil` for an empty text.
  public init?(rawValue: String) {
    guard !rawValue.isEmpty else { return nil }
    self.rawValue = rawValue
  }

  private init(known: String) { rawValue = known }

  public static let pending = MessageStatus(known: "pending")
  public static let sent = MessageStatus(known: "sent")
  public static let delivered = MessageStatus(known: "delivered")
  public static let read = MessageStatus(known: "read")
  public static let failed = MessageStatus(known: "failed")
  public static let noAccount = MessageStatus(known: "noAccount")
  public static let notInGroup = MessageStatus(known: "notInGroup")
  public static let noActiveSession = MessageStatus(known: "noActiveSession")
  public static let yellowCard = MessageStatus(known: "yellowCard")
  /// What an instance's state calls a yellow card since 2026-07-30. No notification is documented with it; it is told from ``yellowCard``,
  /// as each consumer knows the word that GREEN-API uses.
  public static let suspended = MessageStatus(known: "suspended")

  /// The statuses of normal progress; the index of each is its ``rank``.
  public static let ranked: [MessageStatus] = [.pending, .sent, .delivered, .read]

  /// Every status that GREEN-API names, progress first. Outboxes hold bits by the index here, 16 at most: new ones go to the end.
  public static let documented: [MessageStatus] =
    ranked + [.failed, .noAccount, .notInGroup, .noActiveSession, .yellowCard, .suspended]

  /// How far along normal progress this is (0...3), or `nil` for a status outside it.
  public var rank: Int? { Self.ranked.firstIndex(of: self) }

  /// Whether no further change is expected: read, or failed for good. A yellow card, or a suspension, holds a message
  /// back for a while only.
  public var isFinal: Bool {
    switch self {
    case .read, .failed, .noAccount, .notInGroup, .noActiveSession: true
    default: false
    }
  }
}

extension MessageStatus: CustomStringConvertible {
  public var description: String { rawValue }
}
