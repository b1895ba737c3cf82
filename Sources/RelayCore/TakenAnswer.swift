import GreenAPI

/// What is left of an answer that a snapshot has taken over, for the next one to be held against: most of its records come again.
public struct TakenAnswer: Sendable {
  public let known: KnownRecords
  /// No later than the ``TrackedMessage/lastSeen`` that is written for each message of the answer; `nil` without any.
  fileprivate let oldestSeen: Int64?
  /// How the records in ``known`` stand; `nil` when the answer had others too.
  private let standing: Standing?

  /// - Parameter changes: what the answer has changed, applied to the snapshot.
  public init(_ answer: ReadAnswer, _ changes: PollChanges) {
    known = answer.knownRecords
    oldestSeen = changes.oldestSeen
    standing = answer.isAllKnownNext ? changes.standing : nil
  }

  /// How those records of the next answer stand that are known, if that needs no look at them: most answers are the one before.
  fileprivate func standing(of answer: ReadAnswer, at time: Int64) -> Standing? {
    guard answer.hasAllKnown, let standing, standing.changesAt.map({ time < $0 }) ?? true else { return nil }
    return standing
  }

  /// Whether a message of the answer was written as seen so long ago that it is to be written again.
  fileprivate func isOld(at watchedSeconds: Int64, grain: Int64) -> Bool {
    oldestSeen.map { watchedSeconds - $0 >= grain } ?? false
  }
}

extension Snapshot {
  /// Whether all records of the next answer have to be looked at, also those of the one taken over last: once a grain, to write when
  /// messages were last seen and to search for those to be forgotten. It is decided before the answer is read.
  /// - Parameters:
  ///   - time: when the answer is received at the latest; of a later time this may say yes where it has said no.
  ///   - answer, policy: as in ``changes(from:after:receivedAt:at:policy:)``.
  public func needsRecords(of answer: TakenAnswer, by time: SteadyTime, policy: PollPolicy) -> Bool {
    let grain = Self.lastSeenGrain(policy)
    let watched = unchanged(at: time, policy: policy).progress.watchedSeconds
    // An answer without records is no sign that any message is gone.
    return answer.isOld(at: watched, grain: grain)
      || answer.known.count > 0 && isSearchDue(at: watched, grain: grain)
  }

  /// What an answer changes of which only a part was read, as the rest is known. Of what is known all statuses are recorded, so that
  /// nothing is new in it; and it was seen lately, unless ``needsRecords(of:by:policy:)`` said otherwise.
  /// - Parameters:
  ///   - taken: the answer applied last, of whose ``TakenAnswer/known`` the reader knew.
  ///   - policy: the same as when that was taken over.
  ///   - serverTime, now: as in ``changes(from:receivedAt:at:policy:)``.
  public func changes(
    from answer: ReadAnswer, after taken: TakenAnswer?, receivedAt serverTime: UnixTime?, at now: Moment,
    policy: PollPolicy
  ) -> PollChanges {
    let time = (serverTime ?? now.unix).seconds
    let known = KnownPart(
      count: answer.knownCount,
      standing: taken?.standing(of: answer, at: time) ?? answer.knownStanding(at: time), oldestSeen: taken?.oldestSeen)
    return changes(
      from: answer.unknown, besides: answer.knownCount > 0 ? known : nil, receivedAt: serverTime, at: now,
      policy: policy)
  }

  /// Whether to look for messages to forget: that looks at every message, so it comes once a grain.
  func isSearchDue(at watchedSeconds: Int64, grain: Int64) -> Bool {
    scannedAt.map { watchedSeconds - $0 >= grain } ?? true
  }
}
