import RelayCore

/// What an outbox's writing transactions took, since it was opened.
public struct CommitStatistics: Hashable, Sendable {
  /// Of those that succeeded, in seconds: from the first statement until all is on disk.
  public private(set) var duration = Histogram(bounds: durationBounds)
  /// Of those that succeeded: rows inserted, changed and deleted.
  public private(set) var rows = Histogram(bounds: rowBounds)
  /// Writes that were rolled back: a full disk, say.
  public private(set) var failed = 0

  /// A commit costs a millisecond on a fast disk; one that takes seconds holds up polls and deliveries.
  static let durationBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
  static let rowBounds: [Double] = [1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 50_000]

  public init() {}

  mutating func succeeded(in duration: Duration, rows: Int) {
    self.duration.note(duration)
    self.rows.note(Double(rows))
  }

  mutating func noteFailure() { failed += 1 }
}
