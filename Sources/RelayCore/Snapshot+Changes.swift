import BitCollections
import GreenAPI

extension Snapshot {
  /// What an answer changes. Asking changes nothing.
  /// - Parameters:
  ///   - serverTime: the answer's `Date`: GREEN-API's clock decides what is old news, for ours may be wrong.
  ///     Without one our own has to do.
  ///   - now: when the answer was received.
  public func changes(
    from answer: RecordsAnswer, receivedAt serverTime: UnixTime?, at now: Moment, policy: PollPolicy
  ) -> PollChanges {
    var diff = Diff(of: self, receivedAt: serverTime ?? now.unix, at: now.steady, policy: policy)
    for record in answer.records { diff.take(record) }
    return diff.changes(at: now.steady)
  }

  /// Watched time that one poll adds at most, so that an absence doesn't age the messages: they could not be seen meanwhile.
  static func longestWatch(_ policy: PollPolicy) -> Duration { max(.seconds(600), policy.idleInterval * 2) }

  /// How old the outbox's ``AccountProgress/latestPoll`` may grow while nothing else is to be written.
  static let progressGrain = Duration.seconds(60)

  /// ``PollPolicy/retention`` in seconds; one of a thousand years is endless enough, and can be reckoned with.
  static func retention(_ policy: PollPolicy) -> Int64 { min(policy.retention.components.seconds, 32_000_000_000) }

  /// How many seconds behind the truth a written `lastSeen` may be.
  static func lastSeenGrain(_ policy: PollPolicy) -> Int64 { max(1, retention(policy) / 16) }
}

/// One answer held against one snapshot, record by record.
private struct Diff {
  private let snapshot: Snapshot
  private let policy: PollPolicy
  /// UNIX seconds.
  private let receivedAt: Int64
  /// This poll fills the snapshot and announces nothing.
  private let isBaseline: Bool
  /// UNIX seconds; what a message never seen did earlier is old news. `nil`: nothing is.
  private let oldNewsBefore: Int64?
  private let grain: Int64

  private var changes: PollChanges
  /// Where in `changes.tracked` a message of this answer stands.
  private var positions: [String: Int] = [:]
  /// Which entries of the snapshot the answer has shown.
  private var seen = BitSet()

  init(of snapshot: Snapshot, receivedAt: UnixTime, at now: SteadyTime, policy: PollPolicy) {
    self.snapshot = snapshot
    self.policy = policy
    self.receivedAt = receivedAt.seconds
    let firstPoll = snapshot.progress.firstPoll
    isBaseline = firstPoll == nil && policy.startFrom == .now
    oldNewsBefore = policy.startFrom == .now ? firstPoll?.seconds : nil
    grain = Snapshot.lastSeenGrain(policy)

    changes = snapshot.unchanged(at: now, policy: policy)
    changes.progress.firstPoll = firstPoll ?? receivedAt
  }

  /// What is known of a record's message by now.
  private struct Known {
    var recorded: RecordedStatuses
    var lastSeen: Int64
    /// Whether the snapshot has it, not this answer alone.
    var isTracked: Bool
    /// Its place in `changes.tracked`, when it has one.
    var position: Int?
  }

  private mutating func known(_ idMessage: String) -> Known? {
    let index = snapshot.entries.index(forKey: idMessage)
    let isFirst = index.map { seen.insert($0).inserted } ?? true
    // Only a message new to the snapshot, or one that the answer holds twice, can be in `tracked` already.
    if index == nil || !isFirst, let position = positions[idMessage] {
      changes.counts.duplicates += 1
      let message = changes.tracked[position]
      return Known(
        recorded: message.recorded, lastSeen: message.lastSeen, isTracked: index != nil, position: position)
    }
    guard let index else { return nil }
    if !isFirst { changes.counts.duplicates += 1 }
    return Known(
      recorded: snapshot.recorded(at: index), lastSeen: Int64(snapshot.entries.values[index].lastSeen), isTracked: true)
  }

  mutating func take(_ record: Record) {
    changes.hasMessagesUnderWay = changes.hasMessagesUnderWay == true || !record.status.isFinal
    let known = known(record.idMessage)
    var recorded = known?.recorded ?? RecordedStatuses()
    guard !recorded.contains(record.status) else {
      changes.counts.unchanged += 1
      if let known {
        if changes.progress.watchedSeconds - known.lastSeen >= grain {
          track(record, known, recorded)
        } else {
          noteSeen(known.lastSeen)
        }
      }
      return
    }
    if let rank = record.status.rank, let highest = recorded.highestRank, rank < highest {
      changes.counts.regressions += 1
    } else {
      if known == nil { changes.counts.new += 1 } else { changes.counts.changed += 1 }
      announce(record, isNew: known?.isTracked != true, after: &recorded)
    }
    // A regression is remembered too: it counts once, not at every poll that shows it.
    recorded.insert(record.status)
    track(record, known, recorded)
  }

  /// Announces a status not recorded before, unless it is `pending` or old news.
  private mutating func announce(_ record: Record, isNew: Bool, after recorded: inout RecordedStatuses) {
    guard record.status != .pending else { return }
    let timestamp = usable(record.timestamp)
    if isBaseline || isNew && isOldNews(timestamp) {
      changes.counts.suppressed += 1
      return
    }
    func announcement(_ status: MessageStatus, description: String?) -> Announcement {
      Announcement(
        idMessage: record.idMessage, status: status, timestamp: timestamp ?? receivedAt, chatId: record.chatId,
        sendByApi: record.sendByApi, typeMessage: record.typeMessage, description: description)
    }
    if policy.fillGaps, let rank = record.status.rank {
      for skipped in MessageStatus.ranked[..<rank].dropFirst((recorded.highestRank ?? 0) + 1) {
        changes.counts.filledGaps += 1
        changes.announcements.append(announcement(skipped, description: nil))
        recorded.insert(skipped)
      }
    }
    // GREEN-API's notifications have a description with an error only.
    let description = record.status.rank == nil ? record.description : nil
    changes.announcements.append(announcement(record.status, description: description))
  }

  /// `nil` for a timestamp that can't be: missing, not after 1970, or over a day after the answer that holds it.
  private func usable(_ timestamp: Int64?) -> Int64? {
    guard let timestamp, timestamp > 0, timestamp <= receivedAt + 24 * 3600 else { return nil }
    return timestamp
  }

  private func isOldNews(_ timestamp: Int64?) -> Bool {
    guard let timestamp, let oldNewsBefore else { return false }
    return timestamp < oldNewsBefore
  }

  private mutating func noteSeen(_ watchedSeconds: Int64) {
    changes.oldestSeen = min(changes.oldestSeen ?? watchedSeconds, watchedSeconds)
  }

  private mutating func track(_ record: Record, _ known: Known?, _ recorded: RecordedStatuses) {
    noteSeen(changes.progress.watchedSeconds)
    let message = TrackedMessage(
      idMessage: record.idMessage, recorded: recorded, lastSeen: changes.progress.watchedSeconds)
    if let position = known?.position {
      changes.tracked[position] = message
    } else {
      positions[record.idMessage] = changes.tracked.count
      changes.tracked.append(message)
    }
  }

  /// The finished changes: with what is to be forgotten, and whether anything is to be written.
  consuming func changes(at now: SteadyTime) -> PollChanges {
    // An answer without records is no sign that any message is gone.
    if changes.hasMessagesUnderWay != nil, snapshot.isSearchDue(at: changes.progress.watchedSeconds, grain: grain) {
      changes.isScanned = true
      let limit = changes.progress.watchedSeconds - Snapshot.retention(policy) - grain
      for (id, entry) in snapshot.entries where entry.lastSeen < limit && positions[id] == nil {
        changes.forgotten.append(id)
      }
    }
    changes.needsRecording =
      !changes.tracked.isEmpty || !changes.forgotten.isEmpty || snapshot.progress.firstPoll == nil
      || snapshot.isProgressOld(at: now)
    return changes
  }
}
