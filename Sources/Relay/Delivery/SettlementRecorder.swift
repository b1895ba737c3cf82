import RelayCore
import RelayStore

/// Gathers results while the ones before them are being recorded: one transaction at a time, each with all that is ready.
///
/// While attempts go on a transaction waits a moment for their results, as most of its cost is by the transaction and by the page: lanes
/// are strewn over an index, of which each result alone has a page written. It does not wait when a delivery may be waiting for it.
struct SettlementRecorder: Sendable {
  private var ready: [Settlement] = []
  /// Handed out and not confirmed yet; they go first when recording has failed.
  private var underWay: [Settlement] = []
  /// For the outbox, or after a failure for time to pass.
  private var isWaiting = false
  private var wait = firstWait
  /// `nil`: no moment is being waited, or needed.
  private var gathering: Gathering? = .notBegun

  private enum Gathering { case notBegun, begun }

  enum Step: Equatable {
    /// In one transaction; ``recorded(unblocked:)`` or ``failed(_:)`` follows.
    case record([Settlement])
    /// To be called after ``gatherTime``: ``gathered()``.
    case gather
  }

  /// In real time, whatever the relay's clock is: what the disk costs, it costs in real time.
  static let gatherTime = Duration.milliseconds(30)
  /// So many are worth a transaction at once.
  static let worthwhileBatch = 1024
  /// Why the last attempt to record failed; `nil` once one has succeeded.
  private(set) var trouble: OutboxError?

  static let firstWait = Duration.seconds(1)
  static let longestWait = Duration.seconds(30)
  /// A transaction of more would hold up the polls' transactions for long.
  static let largestBatch = 4096

  /// Whether there is nothing left to record.
  var isIdle: Bool { ready.isEmpty && underWay.isEmpty }

  mutating func add(_ settlement: Settlement) { ready.append(settlement) }

  /// What to do now, if anything.
  /// - Parameter attemptsGoOn: whether more results are to be expected soon.
  mutating func step(attemptsGoOn: Bool) -> Step? {
    guard !isWaiting else { return nil }
    if underWay.isEmpty {
      guard !ready.isEmpty else { return nil }
      if attemptsGoOn, ready.count < Self.worthwhileBatch, let gathering {
        self.gathering = .begun
        return gathering == .begun ? nil : .gather
      }
      underWay = Array(ready.prefix(Self.largestBatch))
      ready.removeFirst(underWay.count)
    }
    isWaiting = true
    return .record(underWay)
  }

  /// One that comes late, for a batch that is gone, lets the next one go early.
  mutating func gathered() { gathering = nil }

  /// - Parameter unblocked: whether deliveries had been waiting for these results; then others may wait for the next ones.
  mutating func recorded(unblocked: Bool = false) {
    underWay = []
    gathering = unblocked ? nil : .notBegun
    isWaiting = false
    wait = Self.firstWait
    trouble = nil
  }

  /// - Returns: how long to wait before ``tryAgain()``.
  mutating func failed(_ error: OutboxError) -> Duration {
    trouble = error
    defer { wait = min(wait * 2, Self.longestWait) }
    return wait
  }

  mutating func tryAgain() { isWaiting = false }
}
