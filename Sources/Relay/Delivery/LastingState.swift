import RelayCore
import RelayStore

/// What of a destination lasts over a restart.
struct LastingState: Hashable, Sendable {
  var pause: DestinationPause?
  var trip: CircuitBreaker.Trip?
}

/// Keeps what the outbox knows of the destinations' states in step with what is so: one write at a time for each destination, so
/// that no older state is written over a newer one.
struct LastingStateRecorder: Sendable {
  /// What to write; `nil` stands for what the outbox has already.
  struct Change: Hashable, Sendable {
    var pause: DestinationPause??
    var trip: CircuitBreaker.Trip??
  }

  private struct Entry: Sendable {
    /// `nil` when not known.
    var recorded: LastingState?
    var underWay: LastingState?
    /// Somebody else has written meanwhile, before or after.
    var isDoubtful = false
    var failures = 0
    var isWaiting = false
  }

  private var entries: [DestinationID: Entry] = [:]

  /// Whether nothing is being written.
  var isIdle: Bool { entries.values.allSatisfy { $0.underWay == nil } }

  /// A destination takes part from now on; `recorded` is in the outbox.
  mutating func enter(_ id: DestinationID, recorded: LastingState) { entries[id] = Entry(recorded: recorded) }

  mutating func leave(_ id: DestinationID) { entries[id] = nil }

  /// What has to be written now that the state is this one; ``recorded(_:)`` or ``failed(_:)`` follows.
  mutating func change(of id: DestinationID, to state: LastingState) -> Change? {
    guard let entry = entries[id], entry.underWay == nil, !entry.isWaiting, entry.recorded != state else { return nil }
    entries[id]?.underWay = state
    guard let recorded = entry.recorded else { return Change(pause: .some(state.pause), trip: .some(state.trip)) }
    return Change(
      pause: state.pause == recorded.pause ? nil : .some(state.pause),
      trip: state.trip == recorded.trip ? nil : .some(state.trip))
  }

  /// The pause was written by somebody else, maybe while a write of ours was under way.
  mutating func pauseWritten(_ pause: DestinationPause?, of id: DestinationID) {
    entries[id]?.recorded?.pause = pause
    if entries[id]?.underWay != nil { entries[id]?.isDoubtful = true }
  }

  mutating func recorded(_ id: DestinationID) {
    guard let entry = entries[id] else { return }
    entries[id] = Entry(recorded: entry.isDoubtful ? nil : entry.underWay)
  }

  /// - Returns: how long to wait before ``tryAgain(_:)``, and whether it is the first failure in a row.
  mutating func failed(_ id: DestinationID) -> (wait: Duration, isNews: Bool) {
    guard var entry = entries[id] else { return (SettlementRecorder.longestWait, false) }
    entry.recorded = nil
    entry.underWay = nil
    entry.isDoubtful = false
    entry.isWaiting = true
    entry.failures += 1
    entries[id] = entry
    let wait = SettlementRecorder.firstWait * (1 << min(entry.failures - 1, 8))
    return (min(wait, SettlementRecorder.longestWait), entry.failures == 1)
  }

  mutating func tryAgain(_ id: DestinationID) { entries[id]?.isWaiting = false }
}
