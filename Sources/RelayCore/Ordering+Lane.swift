import GreenAPI

extension Ordering {
  /// The lane of a notification at a destination with this ordering.
  public func lane(of notification: Notification) -> Lane {
    switch self {
    case .message: Lane(hashing: [notification.idInstance.description, notification.idMessage])
    case .chat: Lane(hashing: [notification.idInstance.description, notification.chatId])
    case .account: Lane(hashing: [notification.idInstance.description])
    case .none: Lane(hashing: [notification.webhookID])
    }
  }
}

extension Lane {
  /// FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), 64 bits, with a byte that UTF-8 never holds between the parts: stable across
  /// runs and machines, as the outbox stores it.
  init(hashing parts: [String]) {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for part in parts {
      for byte in part.utf8 {
        hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
      }
      hash = (hash ^ 0xff) &* 0x0000_0100_0000_01b3
    }
    self.init(rawValue: Int64(bitPattern: hash))
  }
}
