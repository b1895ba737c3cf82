import GreenAPI
import RelayCore
import Testing

/// The rules under "What counts as a change", as plainly as they can be said: for each message a list of what was recorded,
/// nothing forgotten unless told, no bits, no laziness. Written apart from the snapshot, to be held against it.
private struct Model {
  struct Message {
    var recorded: [String] = []
    /// Watched seconds.
    var lastSeen: Double
  }

  var messages: [String: Message] = [:]
  var firstPoll: Int64?
  var latestPoll: Double?
  var watched: Double = 0

  static let ranks = ["pending", "sent", "delivered", "read"]

  struct Line: Hashable, CustomStringConvertible {
    var id: String
    var status: String
    var timestamp: Int64
    var description: String { "\(id) \(status) @\(timestamp)" }
  }

  /// What a recorded poll announces.
  mutating func poll(_ records: [Record], server: Int64, steady: Double, policy: PollPolicy) -> [Line] {
    if let latestPoll {
      watched += min(steady - latestPoll, max(600, 2 * Double(policy.idleInterval.components.seconds)))
    }
    latestPoll = steady
    let isFirst = firstPoll == nil
    if isFirst { firstPoll = server }
    let knownBefore = Set(messages.keys)
    var lines: [Line] = []
    for record in records {
      let status = record.status.rawValue
      var message = messages[record.idMessage] ?? Message(lastSeen: watched)
      message.lastSeen = watched
      defer { messages[record.idMessage] = message }
      if message.recorded.contains(status) { continue }
      var others = 0
      for known in message.recorded where MessageStatus.documented.allSatisfy({ $0.rawValue != known }) { others += 1 }
      if others == RecordedStatuses.maximumOthers, MessageStatus.documented.allSatisfy({ $0.rawValue != status }) {
        continue
      }
      var highest = -1
      for known in message.recorded { highest = max(highest, Self.ranks.firstIndex(of: known) ?? -1) }
      let rank = Self.ranks.firstIndex(of: status)
      defer { message.recorded.append(status) }
      if status == "pending" { continue }
      if let rank, rank <= highest { continue }
      var timestamp = server
      var isUsable = false
      if let said = record.timestamp, said > 0, said <= server + 86_400 {
        timestamp = said
        isUsable = true
      }
      if policy.startFrom == .now {
        if isFirst { continue }
        if !knownBefore.contains(record.idMessage), isUsable, timestamp < firstPoll! { continue }
      }
      if policy.fillGaps, let rank {
        for gap in 1..<3 where gap > highest && gap < rank {
          lines.append(Line(id: record.idMessage, status: Self.ranks[gap], timestamp: timestamp))
          message.recorded.append(Self.ranks[gap])
        }
      }
      lines.append(Line(id: record.idMessage, status: status, timestamp: timestamp))
    }
    return lines
  }
}

@Suite struct SnapshotModelTests {
  /// One account's life: polls, faults, restarts. Everything follows from the seed.
  private struct History {
    var random: SeededGenerator
    let seed: UInt64
    var policy: PollPolicy
    var watch: Watch
    var model = Model()
    var pairs: Set<String> = []
    var highest: [String: Int] = [:]

    init(seed: UInt64) {
      self.seed = seed
      random = SeededGenerator(seed: seed)
      policy = PollPolicy(
        idleInterval: .seconds([30, 600].randomElement(using: &random)!),
        retention: .seconds([60, 700, 3600, 259_200].randomElement(using: &random)!),
        startFrom: Bool.random(using: &random) ? .now : .beginning, fillGaps: Bool.random(using: &random))
      watch = Watch(policy)
    }

    mutating func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &random) == 0 }

    mutating func randomRecord() -> Record {
      let statuses = MessageStatus.documented + MessageStatus.ranked + [MessageStatus(rawValue: "strange")!]
      let status =
        chance(10)
        ? MessageStatus(rawValue: "wild\(Int.random(in: 0..<30, using: &random))")!
        : statuses.randomElement(using: &random)!
      let timestamp: Int64? =
        switch Int.random(in: 0..<10, using: &random) {
        case 0: nil
        case 1: [0, -5, Int64.max, Watch.epoch + watch.seconds + 86_401].randomElement(using: &random)!
        case 2: Watch.epoch - Int64.random(in: 0..<100, using: &random)
        default: Watch.epoch + watch.seconds - Int64.random(in: -5..<60, using: &random)
        }
      return Record(
        idMessage: "M\(Int.random(in: 0..<8, using: &random))", status: status, timestamp: timestamp,
        chatId: "c", typeMessage: "t")
    }

    mutating func step() throws {
      watch.seconds += [1, 5, 5, 30, 61, 400, 5000].randomElement(using: &random)!
      let records = chance(5) ? [] : (0..<Int.random(in: 1...6, using: &random)).map { _ in randomRecord() }
      let server: UnixTime? = chance(4) ? nil : UnixTime(seconds: Watch.epoch + watch.seconds + (chance(3) ? 7 : 0))
      let before = watch.snapshot
      let changes = watch.ask(records, serverTime: server)
      if chance(6) {  // the commit failed: all is as if the poll had not been
        if chance(2) { watch.restart() }
        return
      }
      watch.write(changes)
      if chance(12) { watch.restart() } else { watch.snapshot.apply(changes) }

      let lines = model.poll(
        records, server: (server ?? watch.now.unix).seconds, steady: Double(watch.seconds), policy: policy)
      let announced = changes.announcements.map {
        Model.Line(id: $0.idMessage, status: $0.status.rawValue, timestamp: $0.timestamp)
      }
      try check(announced == lines, "announced \(announced) where the model has \(lines)")
      try checkCounts(
        changes, of: records, before: before, answeredAt: (server ?? watch.now.unix).seconds)
      try checkForgotten(changes, of: records)
      try checkPromises(changes)
      try checkMemory()
    }

    func checkUnderWay(
      _ changes: PollChanges, of records: [Record], before: Snapshot, answeredAt: Int64
    ) throws {
      guard let isUnderWay = changes.hasMessagesUnderWay else {
        return try check(records.isEmpty, "no word on what is under way")
      }
      let open = records.filter { !$0.status.isFinal }
      let dated = open.filter { record in
        record.timestamp.map { $0 > 0 && $0 > answeredAt - 7200 && $0 <= answeredAt + 7200 } ?? false
      }
      try check(changes.standing.open == open.count && changes.standing.underWay == dated.count, "\(changes.standing)")
      // Without a usable time a record is under way when its status is news. What an earlier one of the answer says of its message, or
      // a gap that is filled, may make it none.
      let undated = records.enumerated().filter { _, record in
        !record.status.isFinal && !(record.timestamp.map { $0 > 0 && $0 < UInt32.max } ?? false)
      }
      let mayBeNews = undated.filter { before[$1.idMessage]?.recorded.contains($1.status) != true }
      let isNews = mayBeNews.contains { index, record in
        !records[..<index].contains { $0.idMessage == record.idMessage }
      }
      try check(isUnderWay || dated.isEmpty && !isNews, "something is under way")
      try check(!isUnderWay || !dated.isEmpty || !mayBeNews.isEmpty, "nothing is under way")
    }

    func checkCounts(
      _ changes: PollChanges, of records: [Record], before: Snapshot, answeredAt: Int64
    ) throws {
      let counts = changes.counts
      let ids = Set(records.map(\.idMessage))
      try checkUnderWay(changes, of: records, before: before, answeredAt: answeredAt)
      try check(counts.new + counts.changed + counts.unchanged + counts.regressions == records.count, "\(counts)")
      try check(counts.duplicates == records.count - ids.count, "\(counts)")
      try check(counts.new == ids.filter { before[$0] == nil }.count, "\(counts)")
    }

    /// Forgetting is left to the snapshot, but never before the retention is over.
    mutating func checkForgotten(_ changes: PollChanges, of records: [Record]) throws {
      for id in changes.forgotten {
        guard let message = model.messages[id] else { throw Broken(seed: seed, what: "\(id) was forgotten unknown") }
        try check(!records.isEmpty && !records.contains { $0.idMessage == id }, "\(id) was forgotten though shown")
        let unseen = model.watched - message.lastSeen
        try check(unseen >= Double(policy.retention.components.seconds), "\(id) was forgotten after \(unseen) s")
        // A forgotten message may be announced again, as any message never seen.
        model.messages[id] = nil
        pairs = pairs.filter { !$0.hasPrefix(id + " ") }
        highest[id] = nil
      }
    }

    /// Never announced twice, and ranks rise.
    mutating func checkPromises(_ changes: PollChanges) throws {
      for announcement in changes.announcements {
        let pair = "\(announcement.idMessage) \(announcement.status)"
        try check(announcement.status != .pending, "\(pair) was announced")
        try check(pairs.insert(pair).inserted, "\(pair) was announced twice")
        guard let rank = announcement.status.rank else { continue }
        try check(rank > highest[announcement.idMessage] ?? -1, "\(pair) runs backwards")
        highest[announcement.idMessage] = rank
      }
    }

    /// What is in memory is what the model has and what would be read back.
    func checkMemory() throws {
      try check(watch.snapshot.count == watch.stored.count, "memory and outbox hold different messages")
      try check(watch.snapshot.count == model.messages.count, "memory and model hold different messages")
      for (id, message) in model.messages {
        let tracked = watch.snapshot[id]
        try check(tracked == watch.stored[id], "\(id) differs in memory and outbox")
        let recorded = tracked?.recorded ?? RecordedStatuses()
        let statuses = (MessageStatus.documented.filter(recorded.contains) + recorded.others).map(\.rawValue)
        try check(Set(statuses) == Set(message.recorded), "\(id) has \(statuses), in the model \(message.recorded)")
      }
    }

    func check(_ condition: Bool, _ what: @autoclosure () -> String) throws {
      if !condition { throw Broken(seed: seed, what: "second \(watch.seconds): \(what())") }
    }
  }

  private struct Broken: Error {
    var seed: UInt64
    var what: String
  }

  @Test("Over thousands of random histories the snapshot decides as the plain model does")
  func model() async throws {
    var seeds = SystemRandomNumberGenerator()
    for _ in 0..<1500 {
      var history = History(seed: seeds.next())
      for _ in 0..<25 { try history.step() }
      // Tests that wait for a moment are to get their turn in between.
      await Task.yield()
    }
  }

  @Test("In long histories too, with much forgotten")
  func longHistories() async throws {
    var seeds = SystemRandomNumberGenerator()
    for _ in 0..<6 {
      var history = History(seed: seeds.next())
      for _ in 0..<1500 {
        try history.step()
        await Task.yield()
      }
    }
  }
}
