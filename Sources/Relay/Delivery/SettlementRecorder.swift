import RelayCore
import RelayStore

/// Gathers results while the ones before them are being recorded: one transaction at a time, each with all that is ready.
struct SettlementRecorder: Sendable {
  private var ready: [Settlement] = []
  /// Handed out and not confirmed yet; they go first when recording has failed.
  private var underWay: [Settlement] = []
  /// For the outbox, or after a failure for time to pass.
  private var isWaiting = false
  private var wait = firstWait
  /// Why the last attempt to record failed; `nil` once one has succeeded.
  private(set) var trouble: OutboxError?

  static let firstWait = Duration.seconds(1)
  static let longestWait = Duration.seconds(30)
  /// A transaction of more would hold up the polls' transactions for long.
  static let largestBatch = 4096

  /// Whether there is nothing left to record.
  var isIdle: Bool { ready.isEmpty && underWay.isEmpty }

  mutating func add(_ settlement: Settlement) { ready.append(settlement) }

  /// What to record now, if anything; ``recorded()`` or ``failed(_:)`` follows.
  mutating func nextBatch() -> [Settlement]? {
    guard !isWaiting else { return nil }
    if underWay.isEmpty {
      guard !ready.isEmpty else { return nil }
      underWay = Array(ready.prefix(Self.largestBatch))
      ready.removeFirst(underWay.count)
    }
    isWaiting = true
    return underWay
  }

  mutating func recorded() {
    underWay = []
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
