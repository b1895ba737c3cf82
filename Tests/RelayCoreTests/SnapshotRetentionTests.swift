import GreenAPI
import RelayCore
import Testing

@Suite struct SnapshotRetentionTests {
  let unknown = MessageStatus(rawValue: "postponed")!

  // MARK: What is written

  @Test("A poll without changes writes nothing, until the recorded progress is over a minute old")
  func quietPolls() {
    var watch = Watch.begun()
    #expect(watch.poll(record("A", .sent)).needsRecording)
    for _ in 0..<12 { #expect(!watch.poll(record("A", .sent)).needsRecording) }
    let minute = watch.poll(record("A", .sent))
    #expect(minute.needsRecording)
    #expect(minute.tracked.isEmpty)
    #expect(!watch.poll(record("A", .sent)).needsRecording)
    #expect(watch.poll(record("A", .read)).needsRecording)
  }

  @Test("When a message was last seen is written once a sixteenth of the retention")
  func lazyLastSeen() {
    var watch = Watch.begun(PollPolicy(retention: .seconds(1600)))
    watch.poll(record("A", .sent))
    var written: [Int64] = []
    for _ in 0..<60 { written += watch.poll(record("A", .sent)).tracked.map(\.lastSeen) }
    #expect(written == [105, 205, 305])
  }

  @Test("A snapshot rebuilt from what was written decides alike")
  func restart() {
    var watch = Watch.begun(PollPolicy(fillGaps: true))
    watch.poll(record("A", .sent), record("B", unknown), record("C", .sent, at: 1))
    watch.restart()
    #expect(watch.snapshot.count == 3)
    let changes = watch.poll(
      record("A", .read), record("B", unknown), record("C", .sent, at: 1), record("D", .sent, at: 1))
    #expect(changes.announced == ["A delivered", "A read"])
    #expect(changes.counts.suppressed == 1)
  }

  @Test("Ids are told apart by their bytes, as in the outbox, though Swift take them for one text")
  func canonicallyEquivalentIDs() {
    let rows = [
      TrackedMessage(idMessage: "caf\u{E9}", recorded: .init(documented: 0b10), lastSeen: 3),
      TrackedMessage(idMessage: "cafe\u{301}", recorded: .init(documented: 0b100, others: [unknown]), lastSeen: 2),
    ]
    let progress = AccountProgress(firstPoll: UnixTime(seconds: 1), latestPoll: SteadyTime(milliseconds: 0))
    let snapshot = Snapshot(progress: progress, messages: rows)
    #expect(snapshot.count == 2)
    for row in rows { #expect(snapshot[row.idMessage] == row) }
    let shown = [
      record(rows[0].idMessage, .sent), record(rows[1].idMessage, .delivered), record(rows[1].idMessage, unknown),
    ]
    let now = Moment(steady: SteadyTime(milliseconds: 0), unix: UnixTime(seconds: Watch.epoch))
    let changes = snapshot.changes(
      from: RecordsAnswer(records: shown), receivedAt: nil, at: now, policy: PollPolicy())
    #expect(changes.announcements.isEmpty)
  }

  // MARK: Retention

  @Test("A message is forgotten when it was last seen longer ago than the retention, and not before")
  func retention() {
    var watch = Watch.begun(PollPolicy(retention: .seconds(3600)))
    watch.poll(record("A", .sent))
    let lastSeen = watch.seconds
    var forgotten: [String] = []
    while forgotten.isEmpty, watch.seconds < 10_000 { forgotten = watch.poll(record("B", .sent)).forgotten }
    #expect(forgotten == ["A"])
    #expect(watch.seconds - lastSeen > 3600)
    #expect(watch.seconds - lastSeen <= 3600 + 2 * 3600 / 16 + 5)
    #expect(watch.snapshot.count == 1)
    #expect(watch.stored.keys.sorted() == ["B"])
  }

  @Test("A message that every answer shows is never forgotten")
  func seenMessagesStay() {
    var watch = Watch.begun(PollPolicy(retention: .seconds(60)))
    watch.poll(record("A", .sent))
    for _ in 0..<500 {
      let changes = watch.poll(record("A", .sent))
      #expect(changes.forgotten.isEmpty)
      #expect(changes.announcements.isEmpty)
    }
  }

  @Test("Absence, by the relay or by a leaping clock, makes nothing older than ten minutes")
  func absence() {
    var watch = Watch.begun(PollPolicy(retention: .seconds(3600)))
    watch.poll(record("A", .sent), record("B", .sent))
    watch.restart()
    let back = watch.poll(record("B", .sent), after: 100 * 86_400)
    #expect(back.forgotten.isEmpty)
    #expect(back.progress.watchedSeconds == 5 + 600)
    #expect(watch.poll(record("A", .sent)).announced.isEmpty)
  }

  @Test("A long idle interval still counts as watched")
  func longInterval() {
    var watch = Watch.begun(PollPolicy(idleInterval: .seconds(3600)))
    #expect(watch.poll(after: 3600).progress.watchedSeconds == 3600)
    #expect(watch.poll(after: 10_000).progress.watchedSeconds == 3600 + 7200)
  }

  @Test("Watched time loses no fractions of a second")
  func fractions() {
    var snapshot = Snapshot()
    for poll in 0..<11 {
      let now = Moment(steady: SteadyTime(milliseconds: Int64(poll) * 1900), unix: UnixTime(milliseconds: 0))
      snapshot.apply(snapshot.changes(from: RecordsAnswer(), receivedAt: nil, at: now, policy: PollPolicy()))
    }
    #expect(snapshot.progress.watchedSeconds == 19)
  }

  @Test("A steady time before the latest poll's takes nothing back")
  func backwards() {
    var watch = Watch.begun()
    watch.poll(record("A", .sent), after: 1000)
    let latest = watch.snapshot.progress
    let changes = watch.poll(record("A", .read), after: -500)
    #expect(changes.announced == ["A read"])
    #expect(changes.progress == latest)
  }

  @Test("An endless retention is no trap")
  func endlessRetention() {
    var watch = Watch.begun(PollPolicy(retention: .seconds(Int64.max)))
    #expect(watch.poll(record("A", .sent)).announced == ["A sent"])
    #expect(watch.poll(record("B", .sent)).forgotten.isEmpty)
  }
}
