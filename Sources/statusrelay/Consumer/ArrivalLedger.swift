import GreenAPI

/// What an accepted notification is beside those accepted before it.
enum Arrival: String, Sendable, Hashable, CaseIterable {
  case first
  /// The same once more, under the same `webhook-id` (or without any).
  case repeated
  /// The same once more, under another `webhook-id`: a consumer that goes by it would take it for news.
  case repeatedUnderAnotherID
  /// Another one under a `webhook-id` that was used before: a consumer that goes by it would drop it.
  case idReused
  /// Progress that lies behind what has been accepted of this message.
  case outOfOrder

  /// As a person reads it.
  var text: String {
    switch self {
    case .first: "first"
    case .repeated: "repeat"
    case .repeatedUnderAnotherID: "repeat under another webhook-id"
    case .idReused: "webhook-id used before for another"
    case .outOfOrder: "out of order"
    }
  }
}

/// The notifications accepted so far, as far back as they are remembered: of messages, statuses and ids at least the latest
/// ``capacity`` each.
struct ArrivalLedger: Sendable {
  private struct Message: Hashable {
    var idInstance: IDInstance
    var idMessage: String
  }

  private struct Key: Hashable {
    var message: Message
    var status: MessageStatus
  }

  /// The `webhook-id` that each came under.
  private var accepted: RecentMemory<Key, String?>
  private var ids: RecentMemory<String, Key>
  private var highestRanks: RecentMemory<Message, Int>

  static let capacity = 100_000

  init(capacity: Int = Self.capacity) {
    accepted = RecentMemory(capacity: capacity)
    ids = RecentMemory(capacity: capacity)
    highestRanks = RecentMemory(capacity: capacity)
  }

  /// Enters an accepted notification.
  mutating func accept(_ notification: OutgoingMessageStatus, webhookID: String?) -> Arrival {
    let message = Message(idInstance: notification.idInstance, idMessage: notification.idMessage)
    let key = Key(message: message, status: notification.status)
    if let earlier = accepted[key] {
      return earlier == webhookID ? .repeated : .repeatedUnderAnotherID
    }
    let isReused = webhookID.map { ids[$0] != nil } ?? false
    accepted[key] = .some(webhookID)
    if let webhookID, !isReused { ids[webhookID] = key }
    let highest = highestRanks[message]
    if let rank = notification.status.rank { highestRanks[message] = max(rank, highest ?? rank) }
    if isReused { return .idReused }
    if let rank = notification.status.rank, let highest, rank < highest { return .outOfOrder }
    return .first
  }
}

/// A dictionary that remembers at least the latest `capacity` entries, and never more than twice as many.
///
/// Two generations: when the younger one is full it becomes the older one, and what the older one held is forgotten. Every
/// operation takes constant time.
struct RecentMemory<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private var younger: [Key: Value] = [:]
  private var older: [Key: Value] = [:]
  private let capacity: Int

  init(capacity: Int) { self.capacity = max(1, capacity) }

  subscript(key: Key) -> Value? {
    get { younger[key] ?? older[key] }
    set {
      younger[key] = newValue
      if younger.count >= capacity {
        older = younger
        younger = [:]
      }
    }
  }
}
