import GreenAPI
import RelayCore
import Testing

@Suite struct SnapshotTests {
  let unknown = MessageStatus(rawValue: "postponed")!

  // MARK: The first poll

  @Test("The first poll fills the snapshot and announces nothing")
  func baseline() {
    var watch = Watch()
    let changes = watch.poll(record("A", .sent), record("B", .read, at: nil))
    #expect(changes.announcements.isEmpty)
    #expect(changes.tracked.map(\.idMessage) == ["A", "B"])
    #expect(changes.counts.new == 2)
    #expect(changes.counts.suppressed == 2)
    #expect(changes.progress.firstPoll == watch.now.unix)
    #expect(changes.progress.latestPoll == watch.now.steady)
    #expect(watch.snapshot.count == 2)
    #expect(watch.poll(record("A", .delivered), record("B", .read)).announced == ["A delivered"])
  }

  @Test("From the beginning, the first poll announces all it shows")
  func fromBeginning() {
    var watch = Watch(PollPolicy(startFrom: .beginning))
    let changes = watch.poll(record("A", .sent, at: -9_999_999), record("B", .pending), record("C", .read))
    #expect(changes.announced == ["A sent", "C read"])
    #expect(changes.counts.suppressed == 0)
  }

  @Test("From the beginning with fillGaps, the first poll announces the ranks before too")
  func fromBeginningWithGaps() {
    var watch = Watch(PollPolicy(startFrom: .beginning, fillGaps: true))
    #expect(watch.poll(record("C", .read)).announced == ["C sent", "C delivered", "C read"])
  }

  @Test("An empty first poll is the first poll all the same")
  func emptyBaseline() {
    var watch = Watch()
    let first = watch.poll()
    #expect(first.progress.firstPoll == watch.now.unix)
    #expect(first.needsRecording)
    #expect(watch.poll(record("A", .sent)).announced == ["A sent"])
  }

  // MARK: Old news

  @Test("A message never seen that acted before the first poll is recorded without announcing")
  func oldNews() {
    var watch = Watch.begun()
    let changes = watch.poll(record("A", .sent, at: 4), record("B", .sent, at: 5))
    #expect(changes.announced == ["B sent"])
    #expect(changes.counts.suppressed == 1)
    #expect(watch.poll(record("A", .delivered, at: 4)).announced == ["A delivered"], "it is known by now")
  }

  @Test("From the beginning nothing is old news")
  func noOldNews() {
    var watch = Watch.begun(PollPolicy(startFrom: .beginning))
    #expect(watch.poll(record("A", .sent, at: -100_000)).announced == ["A sent"])
  }

  @Test("Old news is judged by GREEN-API's clock, not by ours")
  func serverClock() {
    // Ours is a day ahead: by it, everything would be old.
    var watch = Watch()
    watch.poll(serverTime: UnixTime(seconds: Watch.epoch - 86_400))
    #expect(watch.snapshot.progress.firstPoll == UnixTime(seconds: Watch.epoch - 86_400))
    let changes = watch.poll(
      record("A", .sent, at: -86_399), record("B", .sent, at: -86_401),
      serverTime: UnixTime(seconds: Watch.epoch - 86_390))
    #expect(changes.announced == ["A sent"])
  }

  @Test("The same old message twice in one answer stays old news")
  func oldNewsTwice() {
    var watch = Watch.begun()
    #expect(watch.poll(record("A", .sent, at: 1), record("A", .delivered, at: 2)).announced.isEmpty)
    #expect(watch.poll(record("B", .sent, at: 1), record("B", .delivered, at: 9)).announced == ["B delivered"])
  }

  // MARK: Timestamps

  @Test(
    "A missing or absurd timestamp becomes the time of receipt, by GREEN-API's clock", arguments: [nil, 0, -1, .min])
  func absurdTimestamp(timestamp: Int64?) {
    var watch = Watch.begun()
    var odd = record("A", .sent)
    odd.timestamp = timestamp
    #expect(
      watch.poll(odd, serverTime: UnixTime(seconds: 1_800_000_000)).announcements.map(\.timestamp) == [1_800_000_000])
    odd.idMessage = "B"
    #expect(watch.poll(odd).announcements.map(\.timestamp) == [Watch.epoch + watch.seconds])
  }

  @Test("A timestamp is absurd when it lies more than a day after the receipt")
  func futureTimestamp() {
    var watch = Watch.begun()
    let changes = watch.poll(
      record("A", .sent, at: 10 + 86_400), record("B", .sent, at: 10 + 86_401),
      Record(idMessage: "C", status: .sent, timestamp: .max))
    #expect(changes.announcements.map { $0.timestamp - Watch.epoch } == [10 + 86_400, 10, 10])
  }

  // MARK: Progress

  @Test("Each step of a message is announced once")
  func progress() {
    var watch = Watch.begun()
    #expect(watch.poll(record("A", .pending)).announced.isEmpty)
    #expect(watch.poll(record("A", .pending)).announced.isEmpty)
    #expect(watch.poll(record("A", .sent)).announced == ["A sent"])
    #expect(watch.poll(record("A", .sent)).announced.isEmpty)
    #expect(watch.poll(record("A", .delivered)).announced == ["A delivered"])
    #expect(watch.poll(record("A", .read)).announced == ["A read"])
    #expect(watch.poll(record("A", .read)).announced.isEmpty)
    #expect(watch.snapshot.count == 1)
  }

  @Test("An announcement carries the record's fields; a description only outside normal progress")
  func fields() {
    var watch = Watch.begun()
    let changes = watch.poll(
      record("A", .failed, at: 7, description: "no such number"), record("B", .sent, at: 8, description: "chatter"))
    #expect(
      changes.announcements == [
        Announcement(
          idMessage: "A", status: .failed, timestamp: Watch.epoch + 7, chatId: "70000000001@c.us", sendByApi: true,
          typeMessage: "imageMessage", description: "no such number"),
        Announcement(
          idMessage: "B", status: .sent, timestamp: Watch.epoch + 8, chatId: "70000000001@c.us", sendByApi: true,
          typeMessage: "imageMessage"),
      ])
  }

  @Test("A pending message is tracked, and never announced")
  func pending() {
    var watch = Watch.begun()
    let changes = watch.poll(record("A", .pending))
    #expect(changes.tracked == [TrackedMessage(idMessage: "A", recorded: .init(documented: 1), lastSeen: 5)])
    #expect(changes.counts.new == 1)
    #expect(changes.counts.suppressed == 0)
  }

  @Test("Progress never runs backwards: a regression is counted once and not announced")
  func regression() {
    var watch = Watch.begun()
    watch.poll(record("A", .delivered))
    let back = watch.poll(record("A", .sent))
    #expect(back.announced.isEmpty)
    #expect(back.counts.regressions == 1)
    let stillBack = watch.poll(record("A", .sent))
    #expect(stillBack.counts.regressions == 0)
    #expect(stillBack.counts.unchanged == 1)
    #expect(watch.poll(record("A", .pending)).counts.regressions == 1)
    #expect(watch.poll(record("A", .delivered)).announced.isEmpty)
    #expect(watch.poll(record("A", .read)).announced == ["A read"])
  }

  @Test("Statuses outside the ranks are announced once each, in any order, known or not")
  func outsideRanks() {
    var watch = Watch.begun()
    #expect(watch.poll(record("A", .failed)).announced == ["A failed"])
    #expect(watch.poll(record("A", .sent)).announced == ["A sent"])
    #expect(watch.poll(record("A", unknown)).announced == ["A postponed"])
    #expect(watch.poll(record("A", .failed)).announced.isEmpty)
    watch.restart()
    #expect(watch.poll(record("A", unknown)).announced.isEmpty)
    #expect(watch.poll(record("A", .yellowCard)).announced == ["A yellowCard"])
  }

  @Test("A message with unknown statuses without end stops being news, and takes no more memory")
  func wildStatuses() {
    var watch = Watch.begun()
    let announced = (0..<100).flatMap { watch.poll(record("A", MessageStatus(rawValue: "s\($0)")!)).announced }
    #expect(announced.count == RecordedStatuses.maximumOthers)
    #expect(watch.poll(record("A", .sent)).announced == ["A sent"])
  }

  // MARK: Gaps

  @Test("Skipped ranks are announced only with fillGaps, in order and with the same timestamp")
  func gaps() {
    var plain = Watch.begun()
    #expect(plain.poll(record("A", .read)).announced == ["A read"])
    var filling = Watch.begun(PollPolicy(fillGaps: true))
    let changes = filling.poll(record("A", .read, at: 77))
    #expect(changes.announced == ["A sent", "A delivered", "A read"])
    #expect(Set(changes.announcements.map(\.timestamp)) == [Watch.epoch + 77])
    #expect(changes.counts.filledGaps == 2)
    #expect(filling.poll(record("A", .sent), record("A", .delivered)).announced.isEmpty)
  }

  @Test("Only the gap is filled: what was recorded before is not")
  func partialGaps() {
    var watch = Watch.begun(PollPolicy(fillGaps: true))
    watch.poll(record("A", .sent), record("B", .failed), record("C", .pending), record("D", .sent, at: 0))
    #expect(watch.poll(record("A", .read)).announced == ["A delivered", "A read"])
    #expect(watch.poll(record("B", .delivered)).announced == ["B sent", "B delivered"])
    #expect(watch.poll(record("C", .sent)).announced == ["C sent"])
    #expect(watch.poll(record("D", .read)).announced == ["D delivered", "D read"])
    #expect(watch.poll(record("E", .failed)).announced == ["E failed"])
  }

  // MARK: Answers

  @Test("The second record of one id sees what the first recorded")
  func duplicates() {
    var watch = Watch.begun()
    let changes = watch.poll(
      record("A", .sent), record("B", .sent), record("A", .read), record("A", .delivered), record("B", .sent))
    #expect(changes.announced == ["A sent", "B sent", "A read"])
    #expect(changes.tracked.map(\.idMessage) == ["A", "B"])
    #expect(changes.counts.duplicates == 3)
    #expect(changes.counts.new == 2)
    #expect(changes.counts.changed == 1)
    #expect(changes.counts.regressions == 1)
    #expect(changes.counts.unchanged == 1)
    let again = watch.poll(record("A", .read), record("A", .read), record("B", .read), record("B", .read))
    #expect(again.announced == ["B read"])
    #expect(again.counts.duplicates == 2)
  }

  @Test("Whether messages are under way is judged by final states; an answer without records does not say")
  func underWay() {
    var watch = Watch.begun()
    #expect(watch.poll(record("A", .read), record("B", .failed)).hasMessagesUnderWay == false)
    #expect(watch.poll(record("A", .read), record("C", .sent), record("B", .failed)).hasMessagesUnderWay == true)
    #expect(watch.poll().hasMessagesUnderWay == nil)
  }

  @Test("Ids and statuses written with escapes are what they say")
  func escapes() throws {
    var watch = Watch.begun()
    watch.poll(record("A", .sent))
    let answer = try RecordsAnswer(
      decoding: [UInt8](#"[{"idMessage":"\u0041","statusMessage":"r\u0065ad","timestamp":1700000001}]"#.utf8))
    let changes = watch.snapshot.changes(from: answer, receivedAt: nil, at: watch.now, policy: watch.policy)
    #expect(changes.announced == ["A read"])
    #expect(changes.counts.changed == 1)
    #expect(changes.hasMessagesUnderWay == false)
  }

  /// Polls with an answer as GREEN-API writes it.
  private func poll(_ watch: inout Watch, _ elements: String...) throws -> PollChanges {
    let answer = try RecordsAnswer(decoding: [UInt8]("[\(elements.joined(separator: ","))]".utf8))
    let changes = watch.snapshot.changes(from: answer, receivedAt: nil, at: watch.now, policy: watch.policy)
    watch.write(changes)
    watch.snapshot.apply(changes)
    return changes
  }

  @Test("A message known is the same with white space around its id, and a status with some or in another case")
  func whiteSpace() throws {
    var watch = Watch.begun()
    watch.poll(record("A", .sent))
    let same = try poll(
      &watch, #"{"idMessage":" A","statusMessage":"Sent"}"#, #"{"idMessage":"A\n","statusMessage":"sent "}"#)
    #expect(same.announced.isEmpty && same.tracked.isEmpty)
    #expect(same.counts.unchanged == 2 && same.counts.duplicates == 1)
    let read = try poll(
      &watch, #"{"idMessage":"\tA ","statusMessage":"READ\n"}"#, #"{"idMessage":" A","statusMessage":"read"}"#)
    #expect(read.announced == ["A read"])
    #expect(read.tracked.map(\.idMessage) == ["A"] && read.tracked.first?.recorded.others == [])
    #expect(read.hasMessagesUnderWay == false)
    let new = try poll(
      &watch, #"{"idMessage":" B ","statusMessage":" Failed"}"#, #"{"idMessage":"B","statusMessage":"failed"}"#)
    #expect(new.announced == ["B failed"])
    watch.restart()
    #expect(watch.poll(record("A", .read), record("B", .failed)).announced.isEmpty)
    #expect(watch.snapshot.count == 2)
  }

  @Test("An undocumented status keeps its case, and is another one in another")
  func undocumentedCase() throws {
    var watch = Watch.begun()
    #expect(try poll(&watch, #"{"idMessage":"A","statusMessage":" Viewed"}"#).announced == ["A Viewed"])
    #expect(try poll(&watch, #"{"idMessage":"A","statusMessage":"Viewed\r\n"}"#).announced.isEmpty)
    #expect(try poll(&watch, #"{"idMessage":"A","statusMessage":"viewed"}"#).announced == ["A viewed"])
  }

  @Test("A timestamp in milliseconds is announced in seconds, and is old news by them")
  func milliseconds() throws {
    var watch = Watch.begun()
    let changes = try poll(
      &watch, #"{"idMessage":"A","statusMessage":"sent","timestamp":\#(Watch.epoch + 7)999}"#,
      #"{"idMessage":"B","statusMessage":"sent","timestamp":"\#(Watch.epoch + 8)000"}"#,
      #"{"idMessage":"C","statusMessage":"sent","timestamp":\#(Watch.epoch - 8)000}"#,
      #"{"idMessage":"D","statusMessage":"sent","timestamp":\#(Watch.epoch + 7)000000}"#)
    #expect(changes.announced == ["A sent", "B sent", "D sent"])
    #expect(changes.announcements.map { $0.timestamp - Watch.epoch } == [7, 8, watch.seconds])
    #expect(changes.counts.suppressed == 1)
    #expect(changes.hasMessagesUnderWay == true)
  }

  @Test(
    "A post whose chatId is of another kind at each poll is announced once with each status, with the chatId that came with it",
    arguments: ["123456789012345@lid", "70000000001:3@c.us", "70000000001@s.whatsapp.net", "10000000", ""])
  func chatIDs(chatId: String) {
    var watch = Watch.begun()
    func polled(_ status: MessageStatus, _ chatId: String) -> [String] {
      var record = record("A", status)
      record.chatId = chatId
      return watch.poll(record).announcements.map { "\($0.status) \($0.chatId)" }
    }
    #expect(polled(.sent, chatId) == ["sent \(chatId)"])
    #expect(polled(.sent, "70000000001@c.us") == [])
    #expect(polled(.delivered, "70000000001@c.us") == ["delivered 70000000001@c.us"])
    #expect(polled(.delivered, chatId) == [])
    #expect(polled(.read, chatId) == ["read \(chatId)"])
  }

  @Test("A post that failed before it was delivered and read is announced with all three", arguments: [false, true])
  func failedFirst(fillGaps: Bool) {
    var watch = Watch.begun(PollPolicy(fillGaps: fillGaps))
    #expect(watch.poll(record("A", .failed, description: "no such number")).announced == ["A failed"])
    #expect(watch.poll(record("A", .delivered)).announced == (fillGaps ? ["A sent", "A delivered"] : ["A delivered"]))
    #expect(watch.poll(record("A", .failed)).announced.isEmpty)
    #expect(watch.poll(record("A", .read)).announced == ["A read"])
  }

  @Test("Asking changes nothing, so a poll that could not be recorded is found again")
  func failedCommit() {
    var watch = Watch.begun()
    let lost = watch.ask([record("A", .sent)])
    #expect(lost.announced == ["A sent"])
    #expect(watch.snapshot.count == 0)
    #expect(watch.poll(record("A", .delivered), record("B", .sent)).announced == ["A delivered", "B sent"])
  }

  @Test("An empty answer is no news, and forgets nothing")
  func emptyAnswer() {
    var watch = Watch.begun(PollPolicy(retention: .seconds(3600)))
    watch.poll(record("A", .sent))
    for _ in 0..<20 { #expect(watch.poll(after: 600).forgotten.isEmpty) }
    #expect(watch.poll(record("A", .sent)).announced.isEmpty)
  }

  @Test(
    "Something may be on its way when a message that was shown lately has no final status",
    arguments: [
      (["pending"], 0, true), (["sent", "delivered"], 0, true), (["strange"], 0, true), (["sent", "read"], 0, false),
      (["failed"], 0, false), (["sent"], 32_400, true), (["sent"], 32_401, false),
    ] as [([String], Int64, Bool)])
  func mayHaveMessagesUnderWay(_ statuses: [String], _ unseenFor: Int64, _ expected: Bool) {
    var recorded = RecordedStatuses()
    for status in statuses { recorded.insert(MessageStatus(rawValue: status)!) }
    // Of three days' retention a grain is four and a half hours.
    let message = TrackedMessage(idMessage: "A", recorded: recorded, lastSeen: 100_000 - unseenFor)
    let snapshot = Snapshot(progress: AccountProgress(watchedSeconds: 100_000), messages: [message])
    #expect(snapshot.mayHaveMessagesUnderWay(policy: PollPolicy()) == expected)
    #expect(!Snapshot().mayHaveMessagesUnderWay(policy: PollPolicy()))
  }
}
