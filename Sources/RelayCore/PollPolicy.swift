/// How one account is polled: `accounts[].poll`, `startFrom` and `fillGaps` of the configuration.
public struct PollPolicy: Hashable, Sendable {
  /// Between two polls while a message is on its way to a final state; at least ``minimumInterval``.
  public var interval: Duration
  /// Between two polls while none is.
  public var idleInterval: Duration
  /// How far back a poll looks.
  public var window: Duration
  /// How long the snapshot keeps a message after an answer held it last.
  public var retention: Duration
  public var startFrom: StartFrom
  /// Whether ranks that were skipped are announced too.
  public var fillGaps: Bool

  /// GREEN-API's limit: 1 request a second for each instance and method.
  public static let minimumInterval = Duration.seconds(1)
  /// Statuses stay in GREEN-API's journal for 30 days.
  public static let journal = Duration.seconds(30 * 24 * 3600)

  public enum StartFrom: String, Hashable, Sendable, CaseIterable {
    /// An account's first poll fills the snapshot and announces nothing.
    case now
    /// All that the first poll shows is announced.
    case beginning
  }

  public init(
    interval: Duration = .seconds(5), idleInterval: Duration = .seconds(30), window: Duration = .seconds(24 * 3600),
    retention: Duration = .seconds(72 * 3600), startFrom: StartFrom = .now, fillGaps: Bool = false
  ) {
    self.interval = interval
    self.idleInterval = idleInterval
    self.window = window
    self.retention = retention
    self.startFrom = startFrom
    self.fillGaps = fillGaps
  }
}
