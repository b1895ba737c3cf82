import GreenAPI

/// Who an account is, as its notifications say it: asked from getSettings or configured, and remembered in the outbox.
public struct AccountIdentity: Hashable, Sendable {
  public var wid: String
  public var typeInstance: TypeInstance

  public init(wid: String, typeInstance: TypeInstance) {
    self.wid = wid
    self.typeInstance = typeInstance
  }
}

/// How far an account's polling has come. Recorded with every poll that changes anything, and otherwise about once a minute.
public struct AccountProgress: Hashable, Sendable {
  /// When the first successful poll was answered, by GREEN-API's clock; `nil` before it. News from before it is old news.
  public var firstPoll: UnixTime?
  /// When the latest successful poll was answered; `nil` before the first.
  public var latestPoll: SteadyTime?
  /// For how many seconds this account has been watched, in all: the clock that `retention` is measured by. It stands still
  /// while the relay is down or the polls fail, so that a long absence doesn't make the snapshot forget what it had announced.
  public var watchedSeconds: Int64

  public init(firstPoll: UnixTime? = nil, latestPoll: SteadyTime? = nil, watchedSeconds: Int64 = 0) {
    self.firstPoll = firstPoll
    self.latestPoll = latestPoll
    self.watchedSeconds = watchedSeconds
  }
}

/// What the snapshot knows of one message.
public struct TrackedMessage: Hashable, Sendable {
  public var idMessage: String
  public var recorded: RecordedStatuses
  /// When an answer held the message last, on the account's ``AccountProgress/watchedSeconds`` clock.
  public var lastSeen: Int64

  public init(idMessage: String, recorded: RecordedStatuses, lastSeen: Int64) {
    self.idMessage = idMessage
    self.recorded = recorded
    self.lastSeen = lastSeen
  }
}
