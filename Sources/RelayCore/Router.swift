import GreenAPI

/// Which destinations a notification goes to: decided once, when it is recorded.
public struct Router: Hashable, Sendable {
  public struct Rule: Hashable, Sendable {
    public var destination: DestinationID
    /// `nil`: all.
    public var accounts: Set<IDInstance>?
    /// `nil`: all.
    public var statuses: Set<MessageStatus>?
    public var filter: NotificationFilter
    public var ordering: Ordering

    public init(
      destination: DestinationID, accounts: Set<IDInstance>? = nil, statuses: Set<MessageStatus>? = nil,
      filter: NotificationFilter = .init(), ordering: Ordering = .message
    ) {
      self.destination = destination
      self.accounts = accounts
      self.statuses = statuses
      self.filter = filter
      self.ordering = ordering
    }

    public func takes(_ notification: Notification) -> Bool {
      accounts?.contains(notification.idInstance) != false && statuses?.contains(notification.status) != false
        && filter.takes(notification)
    }
  }

  public var rules: [Rule]

  public init(rules: [Rule]) { self.rules = rules }

  public func routes(for notification: Notification) -> [PollRecording.Route] {
    rules.filter { $0.takes(notification) }
      .map { PollRecording.Route(destination: $0.destination, lane: $0.ordering.lane(of: notification)) }
  }
}
