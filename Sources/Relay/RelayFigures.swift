import Logging
import RelayCore
import RelayStore

/// What a running relay counts and measures, for its metrics. Counts begin when it starts, and go on over a reload.
public struct RelayFigures: Sendable {
  public var now: Moment
  /// What keeps the outbox from being written or read; `nil` when nothing does.
  public var trouble: OutboxError?
  /// Those that are polled, by idInstance.
  public var accounts: [AccountStatus]
  public var polls: PollMeasurements
  /// Those that are served, by name.
  public var destinations: [DestinationStatus]
  /// What waits for each of them and has been given up; none while the outbox can't be read.
  public var stored: [DestinationID: DestinationSummary]
  public var commits: CommitStatistics
  /// Log lines that nobody took in time, by level; levels without any are left out.
  public var lostLogLines: [Logger.Level: Int]
}
