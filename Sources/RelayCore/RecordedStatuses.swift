import GreenAPI

/// Which statuses of one message have been recorded: a bit for each documented status, the rest by name.
public struct RecordedStatuses: Hashable, Sendable {
  /// Bit `n` stands for `MessageStatus.documented[n]`; the ranked ones come first, so bit and rank agree for them.
  public private(set) var documented: UInt16
  /// Statuses not known yet, in the order they came; almost always empty. At most ``maximumOthers``.
  public private(set) var others: [MessageStatus]

  /// A message can't have more unknown statuses than this; further ones count as recorded already, so that an endpoint gone wild
  /// can't fill memory. WhatsApp, WABA and MAX have 10 statuses in all.
  public static let maximumOthers = 16

  /// - Parameter others: one that has become documented since it was recorded counts as that.
  public init(documented: UInt16 = 0, others: [MessageStatus] = []) {
    self.documented = documented
    self.others = others
    if others.isEmpty { return }
    self.others.removeAll { status in
      guard let bit = Self.bit(of: status) else { return false }
      self.documented |= bit
      return true
    }
  }

  public func contains(_ status: MessageStatus) -> Bool {
    if let bit = Self.bit(of: status) { return documented & bit != 0 }
    return others.contains(status) || others.count >= Self.maximumOthers
  }

  public mutating func insert(_ status: MessageStatus) {
    if let bit = Self.bit(of: status) {
      documented |= bit
    } else if !contains(status) {
      others.append(status)
    }
  }

  /// The highest rank among them, or `nil` when none has a rank.
  public var highestRank: Int? {
    let ranks = Int(documented) & ((1 << MessageStatus.ranked.count) - 1)
    return ranks == 0 ? nil : Int.bitWidth - 1 - ranks.leadingZeroBitCount
  }

  /// The bits of the statuses that no further change is expected of.
  static let finalBits = MessageStatus.documented.filter(\.isFinal).reduce(0) { $0 | (bit(of: $1) ?? 0) }

  private static func bit(of status: MessageStatus) -> UInt16? {
    MessageStatus.documented.firstIndex(of: status).map { 1 << UInt16($0) }
  }
}
