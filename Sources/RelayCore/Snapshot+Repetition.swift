import GreenAPI

/// What is left of an answer that a snapshot has taken over, for the case that the same comes again, byte for byte: most answers do.
public struct TakenAnswer: Hashable, Sendable {
  /// Usable records.
  public var records: Int
  /// Records passed over.
  public var faults: [RecordFault: Int]

  private var duplicates: Int
  fileprivate var hasMessagesUnderWay: Bool?
  private var oldestSeen: Int64?

  /// - Parameter changes: what the answer has changed, applied to the snapshot.
  public init(_ answer: RecordsAnswer, _ changes: PollChanges) {
    records = answer.records.count
    faults = answer.faults
    duplicates = changes.counts.duplicates
    hasMessagesUnderWay = changes.hasMessagesUnderWay
    oldestSeen = changes.oldestSeen
  }

  fileprivate func repeated(_ changes: consuming PollChanges) -> PollChanges {
    changes.counts.unchanged = records
    changes.counts.duplicates = duplicates
    changes.hasMessagesUnderWay = hasMessagesUnderWay
    changes.oldestSeen = oldestSeen
    return changes
  }

  /// Whether a message of the answer was written as seen so long ago that it is to be written again.
  fileprivate func isOld(at watchedSeconds: Int64, grain: Int64) -> Bool {
    oldestSeen.map { watchedSeconds - $0 >= grain } ?? false
  }
}

extension Snapshot {
  /// Whether the records of an answer have to be looked at although it is the one taken over last: once a grain, to write when messages
  /// were last seen and to search for those to be forgotten.
  /// - Parameters:
  ///   - time: when the answer is received at the latest; of a later time this may say yes where it has said no.
  ///   - answer, policy: as in ``changes(repeating:at:policy:)``.
  public func needsRecords(of answer: TakenAnswer, by time: SteadyTime, policy: PollPolicy) -> Bool {
    let grain = Self.lastSeenGrain(policy)
    let watched = unchanged(at: time, policy: policy).progress.watchedSeconds
    return answer.isOld(at: watched, grain: grain)
      || answer.hasMessagesUnderWay != nil && isSearchDue(at: watched, grain: grain)
  }

  /// What ``changes(from:receivedAt:at:policy:)`` says of an answer that this snapshot has taken over and that comes again, unless its
  /// records have to be looked at, see ``needsRecords(of:by:policy:)``: all their statuses are recorded, so that nothing is new in them
  /// and only time goes on.
  /// - Parameters:
  ///   - answer: of the answer applied last, and of nothing but repetitions of it since.
  ///   - policy: the same as when it was taken over.
  public func changes(repeating answer: TakenAnswer, at now: Moment, policy: PollPolicy) -> PollChanges {
    var changes = answer.repeated(unchanged(at: now.steady, policy: policy))
    changes.needsRecording = progress.firstPoll == nil || isProgressOld(at: now.steady)
    return changes
  }

  /// What a poll changes that shows nothing: time goes on.
  func unchanged(at now: SteadyTime, policy: PollPolicy) -> PollChanges {
    var changes = PollChanges(progress: progress)
    changes.progress.latestPoll = max(now, progress.latestPoll ?? now)
    let away = max(.zero, now - (progress.latestPoll ?? now))
    let watched = watchedRemainder + min(away, Self.longestWatch(policy))
    changes.progress.watchedSeconds += watched.components.seconds
    changes.watchedRemainder = watched - .seconds(watched.components.seconds)
    return changes
  }

  /// Whether to look for messages to forget: that looks at every message, so it comes once a grain.
  func isSearchDue(at watchedSeconds: Int64, grain: Int64) -> Bool {
    scannedAt.map { watchedSeconds - $0 >= grain } ?? true
  }

  /// Whether the outbox is to hear that the polls go on, though they change nothing.
  func isProgressOld(at now: SteadyTime) -> Bool {
    writtenLatestPoll.map { now - $0 > Self.progressGrain } ?? true
  }
}
