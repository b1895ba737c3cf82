import GreenAPI

/// Messages of an account that don't move any more, as its latest answer shows them, and why.
public struct StuckMessages: Hashable, Sendable {
  public enum Reason: String, Hashable, Sendable, CaseIterable {
    /// The account's settings say so: no status changes then, and all that are not final are stuck.
    case outgoingWebhookOff
    /// They are `pending` or `sent`, and nothing has happened for ``Standing/stillness``.
    case noChange
  }

  public let count: Int
  public let reason: Reason

  /// - Returns: `nil` when none is stuck.
  public init?(_ standing: Standing, isOutgoingWebhookOff: Bool) {
    count = isOutgoingWebhookOff ? standing.open : standing.stuck
    reason = isOutgoingWebhookOff ? .outgoingWebhookOff : .noChange
    if count == 0 { return nil }
  }
}

extension StuckMessages: CustomStringConvertible {
  /// Why, in words.
  public var description: String {
    switch reason {
    case .outgoingWebhookOff: "outgoingWebhook is off in the instance's settings, so statuses never change"
    case .noChange:
      "no change for \(Standing.stillness.components.seconds / 3600) hours: never published, or nobody has received it yet"
    }
  }
}
