import GreenAPI

/// All that one poll changes, recorded in one transaction or not at all: the snapshot's rows, the notifications, their deliveries.
public struct PollRecording: Sendable, Hashable {
  public var idInstance: IDInstance
  public var progress: AccountProgress
  /// Messages that are new or whose row changes.
  public var tracked: [TrackedMessage]
  /// Messages that the snapshot forgets.
  public var forgotten: [String]
  /// In the order they are to arrive.
  public var notifications: [Routed]
  public var recordedAt: Moment

  /// A notification and where it goes; the array may be empty: it is recorded all the same.
  public struct Routed: Sendable, Hashable {
    public var notification: Notification
    public var routes: [Route]

    public init(notification: Notification, routes: [Route]) {
      self.notification = notification
      self.routes = routes
    }
  }

  public struct Route: Sendable, Hashable {
    public var destination: DestinationID
    public var lane: Lane

    public init(destination: DestinationID, lane: Lane) {
      self.destination = destination
      self.lane = lane
    }
  }

  public init(
    idInstance: IDInstance, progress: AccountProgress, tracked: [TrackedMessage], forgotten: [String],
    notifications: [Routed], recordedAt: Moment
  ) {
    self.idInstance = idInstance
    self.progress = progress
    self.tracked = tracked
    self.forgotten = forgotten
    self.notifications = notifications
    self.recordedAt = recordedAt
  }
}
