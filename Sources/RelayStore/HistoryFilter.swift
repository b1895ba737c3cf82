import GreenAPI
import RelayCore

/// What to list, or to act on. An empty set means no restriction.
public struct HistoryFilter: Sendable, Hashable {
  public var accounts: Set<IDInstance> = []
  /// By name; `crm` also means every `crm@…`, the destinations made of one `crm` for each account.
  public var destinations: Set<String> = []
  public var idMessage: String?
  public var statuses: Set<MessageStatus> = []
  public var states: Set<DeliveryState> = []
  /// Recorded at or after.
  public var since: UnixTime?
  /// Recorded before.
  public var until: UnixTime?
  /// Delivered or given up at or after.
  public var settledSince: UnixTime?
  /// Only these: notifications where events are listed or sent again, deliveries elsewhere.
  public var ids: Set<Int64> = []
  /// Only rows with a smaller id: the last id of the page before.
  public var before: Int64?
  /// Only rows with a larger id, and the oldest first: the last id of the page before, or seen so far.
  public var after: Int64?
  public var limit: Int

  public init(limit: Int = 50) { self.limit = limit }
}
