import GreenAPI

/// What the polls said of every message of one account.
///
/// A poll goes through it in two steps, so that a failed commit leaves it as it was: ``changes(from:receivedAt:at:policy:)`` says
/// what an answer changes, and ``apply(_:)`` takes that over once the outbox has recorded it. What lies in memory is therefore what
/// lies in the outbox (apart from less than a minute of ``progress``), and a snapshot rebuilt from the outbox decides alike.
///
/// A message's `lastSeen` is not written at every poll that shows it, but when the written one is a *grain* old: a sixteenth
/// of the retention. Forgetting allows for that grain, so a message is kept for the retention at least and for an eighth more at most.
public struct Snapshot: Sendable {
  public private(set) var progress: AccountProgress
  private(set) var messages = MessageTable()
  /// Statuses that no documentation names, of the few messages that have some.
  private(set) var others: [[UInt8]: [MessageStatus]] = [:]
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
    for message in messages { restore(message) }
  }

  /// Takes in one message as the outbox remembers it: for a snapshot rebuilt row by row, as a million rows at once take more
  /// memory than what they become. An id is told from others by its bytes, as in the outbox.
  public mutating func restore(_ message: TrackedMessage) {
    // No answer holds such an id (``Record/maximumIDLength``), so nobody will ask.
    guard (1...MessageTable.maximumIDLength).contains(message.idMessage.utf8.count) else { return }
    let unknown = message.recorded.others
    let entry = MessageTable.Entry(
      documented: message.recorded.documented, hasOthers: !unknown.isEmpty, lastSeen: UInt32(clamping: message.lastSeen)
    )
    messages.set(entry, for: message.idMessage.utf8.span)
    if !unknown.isEmpty { others[[UInt8](message.idMessage.utf8)] = unknown }
  }

  /// Whether a message may still change, as far as can be told from what was recorded: one without a final status that the latest
  /// answers have shown. Takes time in the number of messages.
  public func mayHaveMessagesUnderWay(policy: PollPolicy) -> Bool {
    // What is shown is written a grain after it was written last, or at the next poll after that; what is older was not shown any more.
    let shownSince = progress.watchedSeconds - 2 * Self.lastSeenGrain(policy)
    return messages.contains { $0.documented & RecordedStatuses.finalBits == 0 && $0.lastSeen >= shownSince }
  }

  /// How many messages are tracked.
  public var count: Int { messages.count }

  /// What is known of one message; `nil` when it isn't tracked.
  public subscript(idMessage: String) -> TrackedMessage? {
    guard let index = messages.index(of: idMessage.utf8.span) else { return nil }
    return TrackedMessage(
      idMessage: idMessage, recorded: recorded(at: index), lastSeen: Int64(messages[index].lastSeen))
  }

  /// All that is known, in no particular order; as many strings as messages, so not for large accounts.
  public var trackedMessages: [TrackedMessage] {
    messages.indices { _ in true }.map { index in
      TrackedMessage(
        idMessage: String(decoding: messages.id(at: index), as: UTF8.self), recorded: recorded(at: index),
        lastSeen: Int64(messages[index].lastSeen))
    }
  }

  /// Takes over what the outbox has recorded (or need not record).
  /// - Parameter changes: made by this snapshot, with no other ones applied in between.
  public mutating func apply(_ changes: PollChanges) {
    progress = changes.progress
    watchedRemainder = changes.watchedRemainder
    if changes.needsRecording { writtenLatestPoll = changes.progress.latestPoll }
    if changes.isScanned { scannedAt = changes.progress.watchedSeconds }
    for message in changes.tracked { restore(message) }
    for id in changes.forgotten {
      messages.remove(id.utf8.span)
      if !others.isEmpty { others[[UInt8](id.utf8)] = nil }
    }
  }

  func recorded(at index: Int) -> RecordedStatuses {
    let entry = messages[index]
    return RecordedStatuses(
      documented: entry.documented, others: entry.hasOthers ? others[messages.id(at: index)] ?? [] : [])
  }
}

extension Snapshot: Equatable {
  /// Whether both know the same, whatever the order they learned it in.
  public static func == (a: Self, b: Self) -> Bool {
    a.progress == b.progress && a.count == b.count && Set(a.trackedMessages) == Set(b.trackedMessages)
  }
}
