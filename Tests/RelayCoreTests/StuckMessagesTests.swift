import GreenAPI
import RelayCore
import Testing

/// Messages that are not on their way any more, though their statuses are not final.
@Suite struct StuckMessagesTests {
  private static func read(_ body: String, knowing taken: TakenAnswer?) throws -> ReadAnswer {
    var reader = RecordsReader(knowing: taken?.known ?? KnownRecords())
    reader.take([UInt8](body.utf8).span)
    return try reader.finish()
  }

  @Test("A record that is not read again ceases to be on its way two hours after its latest action, and is stuck then")
  func known() throws {
    var watch = Watch.begun()
    var taken: TakenAnswer?
    let body = #"[{"idMessage":"A","statusMessage":"sent","timestamp":\#(Watch.epoch + 5)}]"#
    func poll(at seconds: Int64) throws -> PollChanges {
      watch.seconds = seconds
      let answer = try Self.read(body, knowing: taken)
      #expect(answer.knownCount == (taken == nil ? 0 : 1))
      let changes = watch.snapshot.changes(
        from: answer, after: taken, receivedAt: nil, at: watch.now, policy: watch.policy)
      watch.snapshot.apply(changes)
      taken = TakenAnswer(answer, changes)
      return changes
    }
    for seconds: Int64 in [10, 15, 3600, 7204] {
      let changes = try poll(at: seconds)
      #expect(changes.hasMessagesUnderWay == true && changes.standing.stuck == 0, "\(seconds)")
    }
    for seconds: Int64 in [7205, 7210, 80_000] {
      let changes = try poll(at: seconds)
      #expect(changes.hasMessagesUnderWay == false && changes.standing.stuck == 1, "\(seconds)")
    }
  }

  @Test("It is GREEN-API's clock that tells how old an action is, whatever ours says")
  func clock() {
    var watch = Watch.begun()
    let old = UnixTime(seconds: Watch.epoch + 1000 + 7200)
    #expect(watch.ask([record("A", .sent)], serverTime: old).hasMessagesUnderWay == false)
    #expect(watch.ask([record("A", .sent)]).hasMessagesUnderWay == true)
    watch.seconds += 9000
    #expect(watch.ask([record("A", .sent)]).hasMessagesUnderWay == false)
    #expect(watch.ask([record("A", .sent)], serverTime: UnixTime(seconds: Watch.epoch)).hasMessagesUnderWay == true)
  }

  @Test("A message that moves again is on its way again")
  func moves() {
    var watch = Watch.begun()
    watch.poll(record("A", .sent))
    #expect(watch.poll(record("A", .sent), after: 9000).hasMessagesUnderWay == false)
    #expect(watch.poll(record("A", .delivered, at: 9005)).hasMessagesUnderWay == true)
    #expect(watch.poll(record("A", .read, at: 9006)).hasMessagesUnderWay == false)
  }

  @Test(
    "Without a time of its latest action a message is on its way in the answer that shows its status first, and no longer"
  )
  func undated() {
    var watch = Watch.begun()
    #expect(watch.poll(record("A", .pending, at: nil)).hasMessagesUnderWay == true)
    #expect(watch.poll(record("A", .pending, at: nil)).hasMessagesUnderWay == false)
    #expect(watch.poll(record("A", .sent, at: 0 - Watch.epoch)).hasMessagesUnderWay == true)
    #expect(watch.poll(record("A", .sent, at: nil)).hasMessagesUnderWay == false)
    watch.restart()
    #expect(watch.poll(record("A", .sent, at: nil)).hasMessagesUnderWay == false)
    #expect(watch.poll(record("A", .read, at: nil)).hasMessagesUnderWay == false)
  }

  @Test("Stuck are those that are not published for hours; with outgoingWebhook off all that are not final")
  func stuck() throws {
    var watch = Watch.begun()
    watch.seconds = 10_000
    let standing = watch.ask([
      record("A", .pending), record("B", .sent), record("C", .delivered), record("D", .read),
      record("E", .sent, at: 9000),
    ]).standing
    let stuck = try #require(StuckMessages(standing, isOutgoingWebhookOff: false))
    #expect(stuck.count == 2 && stuck.reason == .noChange)
    #expect(stuck.description.hasPrefix("no change for 2 hours: never published, or "))
    let off = try #require(StuckMessages(standing, isOutgoingWebhookOff: true))
    #expect(off.count == 4 && off.reason == .outgoingWebhookOff)
    #expect(off.description.hasPrefix("outgoingWebhook is off"))
    #expect(StuckMessages(Standing(), isOutgoingWebhookOff: true) == nil)
    #expect(StuckMessages(watch.ask([record("E", .sent, at: 9000)]).standing, isOutgoingWebhookOff: false) == nil)
  }

  @Test("An empty answer leaves the pace as it is for two hours; without anything under way before it is idle at once")
  func emptyAnswers() {
    let start = SteadyTime(milliseconds: 1_700_000_000_000)
    func wait(_ pacer: inout PollPacer, _ hasMessagesUnderWay: Bool?, after: Duration) -> Duration {
      let now = start + after
      pacer.started(at: now)
      pacer.succeeded(hasMessagesUnderWay: hasMessagesUnderWay, at: now)
      return pacer.nextPoll - now
    }
    var pacer = PollPacer(policy: PollPolicy(), latestPoll: nil, startingAt: start)
    #expect(wait(&pacer, nil, after: .zero) == .seconds(30))
    pacer = PollPacer(policy: PollPolicy(), latestPoll: start, hasMessagesUnderWay: true, startingAt: start)
    #expect(wait(&pacer, nil, after: .zero) == .seconds(5))
    #expect(wait(&pacer, true, after: .seconds(60)) == .seconds(5))
    #expect(wait(&pacer, nil, after: .seconds(7259)) == .seconds(5))
    #expect(wait(&pacer, nil, after: .seconds(7260)) == .seconds(30))
    #expect(wait(&pacer, true, after: .seconds(8000)) == .seconds(5))
  }
}
