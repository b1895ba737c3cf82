import GreenAPI
import OrderedCollections

/// What the polls said of every message of one account.
///
/// A poll goes through it in two steps, so that a failed commit leaves it as it was: ``changes(from:receivedAt:at:policy:)`` says
/// what an answer changes, and ``apply(_:)`` takes that over once the outbox has recorded it. What lies in memory is therefore what
/// lies in the outbox (apart from less than a minute of ``progress``), and a snapshot rebuilt from the outbox decides alike.
///
/// A message's `lastSeen` is not written at every poll that shows it, but when the written one is a *grain* old: a sixteenth
/// of the retention. Forgetting allows for that grain, so a message is kept for the retention at least and for an eighth more at most.
public struct Snapshot: Sendable {
  /// One message, apart from its id. Kept small: an account may have a million of them.
  struct Entry: Hashable, Sendable {
    /// ``RecordedStatuses/documented``.
    var documented: UInt16
    /// Whether ``Snapshot/others`` has statuses of it.
    var hasOthers: Bool
    /// ``TrackedMessage/lastSeen`` as written; 32 bits of seconds last 136 years.
    var lastSeen: UInt32
  }

  public private(set) var progress: AccountProgress
  /// Ordered for its storage, which takes a third of a `Dictionary`'s and numbers the messages; the order itself means nothing.
  private(set) var entries: OrderedDictionary<String, Entry> = [:]
  /// Statuses that no documentation names, of the few messages that have some.
  private(set) var others: [String: [MessageStatus]] = [:]
  /// ``AccountProgress/latestPoll`` as the outbox has it.
  private(set) var writtenLatestPoll: SteadyTime?
  /// Watched time beyond the whole seconds in ``progress``.
  private(set) var watchedRemainder: Duration = .zero
  /// Watched seconds when messages to forget were looked for last; `nil` before the first time.
  private(set) var scannedAt: Int64?

  /// The snapshot as the outbox remembers it; without arguments that of an account never polled.
  public init(progress: AccountProgress = .init(), messages: [TrackedMessage] = []) {
    self.progress = progress
    writtenLatestPoll = progress.latestPoll
    entries.reserveCapacity(messages.count)
    for message in messages {
      var message = message
      if let index = entries.index(forKey: message.idMessage) {
        // Two rows for what Swift takes for one text (canonically equivalent ids): neither may be announced again.
        let known = recorded(at: index)
        message.recorded = RecordedStatuses(
          documented: message.recorded.documented | known.documented,
          others: message.recorded.others + known.others.filter { !message.recorded.others.contains($0) })
        message.lastSeen = max(message.lastSeen, Int64(entries.values[index].lastSeen))
      }
      set(message)
    }
  }

  /// How many messages are tracked.
  public var count: Int { entries.count }

  /// What is known of one message; `nil` when it isn't tracked.
  public subscript(idMessage: String) -> TrackedMessage? {
    guard let index = entries.index(forKey: idMessage) else { return nil }
    return TrackedMessage(
      idMessage: idMessage, recorded: recorded(at: index), lastSeen: Int64(entries.values[index].lastSeen))
  }

  /// Takes over what the outbox has recorded (or need not record).
  /// - Parameter changes: made by this snapshot, with no other ones applied in between.
  public mutating func apply(_ changes: PollChanges) {
    progress = changes.progress
    watchedRemainder = changes.watchedRemainder
    if changes.needsRecording { writtenLatestPoll = changes.progress.latestPoll }
    if changes.isScanned { scannedAt = changes.progress.watchedSeconds }
    for message in changes.tracked { set(message) }
    if !changes.forgotten.isEmpty {
      let forgotten = Set(changes.forgotten)
      entries.removeAll { forgotten.contains($0.key) }
      for id in changes.forgotten { others[id] = nil }
    }
  }

  func recorded(at index: Int) -> RecordedStatuses {
    let entry = entries.values[index]
    return RecordedStatuses(
      documented: entry.documented, others: entry.hasOthers ? others[entries.keys[index]] ?? [] : [])
  }

  private mutating func set(_ message: TrackedMessage) {
    let unknown = message.recorded.others
    entries[message.idMessage] = Entry(
      documented: message.recorded.documented, hasOthers: !unknown.isEmpty, lastSeen: UInt32(clamping: message.lastSeen)
    )
    if !unknown.isEmpty { others[message.idMessage] = unknown }
  }
}
