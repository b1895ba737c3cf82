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
    changes(from: answer, besides: nil, receivedAt: serverTime, at: now, policy: policy)
  }

  /// Records of an answer that are not looked at, as this snapshot has taken them over before.
  struct KnownPart {
    /// At least one.
    var count: Int
    var standing: Standing
    var oldestSeen: Int64?
  }

  func changes(
    from answer: RecordsAnswer, besides known: KnownPart?, receivedAt serverTime: UnixTime?, at now: Moment,
    policy: PollPolicy
  ) -> PollChanges {
    var diff = Diff(of: self, receivedAt: serverTime ?? now.unix, at: now.steady, policy: policy)
    if let known { diff.pass(known) }
    for position in answer.records.indices { diff.take(answer.records, at: position) }
    return diff.changes(at: now.steady)
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

  /// Whether the outbox is to hear that the polls go on, though they change nothing.
  func isProgressOld(at now: SteadyTime) -> Bool {
    writtenLatestPoll.map { now - $0 > Self.progressGrain } ?? true
  }

  /// Watched time that one poll adds at most, so that an absence doesn't age the messages: they could not be seen meanwhile.
  static func longestWatch(_ policy: PollPolicy) -> Duration {
    max(.seconds(600), policy.idleInterval + policy.idleInterval)
  }

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
  private var positions: [[UInt8]: Int] = [:]
  /// A bit for each message of the snapshot, by its index: whether the answer has shown it. Empty before the first.
  private var seen: [UInt64] = []
  /// The index of the message shown last, -1 before the first.
  private var latest = -1
  /// Whether a status is shown for the first time that is not final, and nobody knows when that came.
  private var hasUndatedNews = false
  /// Whether there are records that are not looked at, so that nobody knows which messages the answer shows.
  private var isPartial = false

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

  private mutating func known(_ idMessage: String, at index: Int?, isFirst: Bool) -> Known? {
    // Only a message new to the snapshot, or one that the answer holds twice, can be in `tracked` already.
    if index == nil || !isFirst, let position = positions[[UInt8](idMessage.utf8)] {
      changes.counts.duplicates += 1
      let message = changes.tracked[position]
      return Known(
        recorded: message.recorded, lastSeen: message.lastSeen, isTracked: index != nil, position: position)
    }
    guard let index else { return nil }
    if !isFirst { changes.counts.duplicates += 1 }
    return Known(
      recorded: snapshot.recorded(at: index), lastSeen: Int64(snapshot.messages[index].lastSeen), isTracked: true)
  }

  /// Notes that the answer shows a message.
  /// - Returns: whether it is the first time.
  private mutating func see(_ index: Int) -> Bool {
    if seen.isEmpty { seen = [UInt64](repeating: 0, count: (snapshot.messages.endIndex + 63) / 64) }
    let bit: UInt64 = 1 << UInt64(index % 64)
    defer { seen[index / 64] |= bit }
    return seen[index / 64] & bit == 0
  }

  /// Counts the records that are not looked at.
  mutating func pass(_ known: Snapshot.KnownPart) {
    isPartial = true
    changes.counts.unchanged += known.count
    changes.standing = known.standing
    changes.hasMessagesUnderWay = false
    if let oldestSeen = known.oldestSeen { noteSeen(oldestSeen) }
  }

  mutating func take(_ records: Records, at position: Int) {
    let place = records.places[position]
    let status: UInt16 = place.documentedStatus.map { 1 << UInt16($0) } ?? 0
    changes.standing.count(place.course, latestAction: place.latestAction, at: receivedAt)
    changes.hasMessagesUnderWay = false
    let index = snapshot.messages.index(of: records.bytes.span.extracting(place.idMessage), after: latest)
    latest = index ?? latest
    let isFirst = index.map { see($0) } ?? true
    if let index, isFirst {
      // Most records say what is known. Nothing is made of them, not even a string of the id.
      let entry = snapshot.messages[index]
      if entry.documented & status != 0, changes.progress.watchedSeconds - Int64(entry.lastSeen) < grain {
        changes.counts.unchanged += 1
        noteSeen(Int64(entry.lastSeen))
        return
      }
    }
    let record = records[position]
    let known = known(record.idMessage, at: index, isFirst: isFirst)
    if place.latestAction == 0, place.course != .final, known?.recorded.contains(record.status) != true {
      hasUndatedNews = true
    }
    take(record, knowing: known)
  }

  private mutating func take(_ record: Record, knowing known: Known?) {
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
      positions[[UInt8](record.idMessage.utf8)] = changes.tracked.count
      changes.tracked.append(message)
    }
  }

  /// The finished changes: with what is to be forgotten, and whether anything is to be written.
  consuming func changes(at now: SteadyTime) -> PollChanges {
    changes.hasMessagesUnderWay = changes.hasMessagesUnderWay.map { _ in changes.standing.underWay > 0 || hasUndatedNews
    }
    // An answer without records is no sign that any message is gone.
    if !isPartial, changes.hasMessagesUnderWay != nil,
      snapshot.isSearchDue(at: changes.progress.watchedSeconds, grain: grain)
    {
      changes.isScanned = true
      let limit = changes.progress.watchedSeconds - Snapshot.retention(policy) - grain
      for index in snapshot.messages.indices(where: { $0.lastSeen < limit }) {
        let id = snapshot.messages.id(at: index)
        if positions[id] == nil { changes.forgotten.append(String(decoding: id, as: UTF8.self)) }
      }
    }
    changes.needsRecording =
      !changes.tracked.isEmpty || !changes.forgotten.isEmpty || snapshot.progress.firstPoll == nil
      || snapshot.isProgressOld(at: now)
    return changes
  }
}
