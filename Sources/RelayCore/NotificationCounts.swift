import GreenAPI

/// Notifications by status: the documented statuses each for itself, all others together, so that an endpoint gone wild can't add
/// series to the metrics.
public struct NotificationCounts: Hashable, Sendable {
  /// In the order of `MessageStatus.documented`, the others last.
  private var counts = Array(repeating: 0, count: MessageStatus.documented.count + 1)

  public init() {}

  /// The label of every status that isn't documented.
  public static let other = "other"

  public mutating func note(_ status: MessageStatus) {
    counts[MessageStatus.documented.firstIndex(of: status) ?? MessageStatus.documented.count] += 1
  }

  /// Those that there were, by status or as ``other``.
  public var labeled: [(status: String, count: Int)] {
    zip(MessageStatus.documented.map(\.rawValue) + [Self.other], counts).filter { $0.1 > 0 }
  }
}
