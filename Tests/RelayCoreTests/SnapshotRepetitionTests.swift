import GreenAPI
import Testing

@testable import RelayCore

/// An answer that comes again is not looked at, and must change just what it would have changed.
@Suite struct SnapshotRepetitionTests {
  /// Polls of which most show what the one before showed, with retentions so short that much is due for it.
  @Test("A repeated answer changes what looking at its records would change, or says that they must be looked at")
  func sameAsLooking() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    var passedOver = 0
    for _ in 0..<300 {
      let policy = PollPolicy(
        retention: .seconds([60, 700, 259_200].randomElement(using: &random)!),
        startFrom: Bool.random(using: &random) ? .now : .beginning, fillGaps: Bool.random(using: &random))
      var watch = Watch(policy)
      var latest: (records: [Record], answer: TakenAnswer)?
      for _ in 0..<40 {
        watch.seconds += [1, 2, 5, 61, 400].randomElement(using: &random)!
        let isRepeated = latest != nil && Int.random(in: 0..<4, using: &random) > 0
        let records = isRepeated ? latest?.records ?? [] : Self.records(using: &random)
        let looked = watch.ask(records)
        var changes = looked
        if isRepeated, let answer = latest?.answer {
          if !watch.snapshot.needsRecords(of: answer, by: watch.now.steady, policy: policy) {
            passedOver += 1
            changes = watch.snapshot.changes(repeating: answer, at: watch.now, policy: policy)
            // An answer that shows a message twice may remember it as older than it is.
            changes.oldestSeen = looked.oldestSeen
            #expect(changes == looked, "seed \(seed)")
          } else {
            let isOld = Self.hasDuplicates(records)
            #expect(looked.isScanned || !looked.tracked.isEmpty || isOld, "looked for nothing, seed \(seed)")
          }
        }
        // Now and then the commit fails.
        if changes.needsRecording, Int.random(in: 0..<5, using: &random) == 0 { continue }
        watch.write(changes)
        watch.snapshot.apply(changes)
        latest = (records, TakenAnswer(RecordsAnswer(records: records), looked))
      }
    }
    #expect(passedOver > 1000, "seed \(seed)")
  }

  private static func records(using random: inout SeededGenerator) -> [Record] {
    (0..<Int.random(in: 0...6, using: &random)).map { _ in
      record("M\(Int.random(in: 0..<8, using: &random))", MessageStatus.ranked.randomElement(using: &random)!)
    }
  }

  private static func hasDuplicates(_ records: [Record]) -> Bool {
    Set(records.map(\.idMessage)).count < records.count
  }

  @Test("The outbox hears once a minute that an account is polled, though its answer never changes")
  func progress() throws {
    var watch = Watch.begun()
    let answer = try RecordsAnswer(
      decoding: Array(#"[{"idMessage":"A","statusMessage":"sent"},{"statusMessage":"sent"}]"#.utf8))
    let taken = TakenAnswer(answer, watch.poll(answer.records[0]))
    #expect(taken.faults == [.missingIDMessage: 1])
    watch.seconds += 60
    let quiet = watch.snapshot.changes(repeating: taken, at: watch.now, policy: watch.policy)
    #expect(!quiet.needsRecording)
    #expect(quiet.counts.unchanged == 1)
    #expect(quiet.hasMessagesUnderWay == true)
    watch.snapshot.apply(quiet)
    watch.seconds += 1
    let heard = watch.snapshot.changes(repeating: taken, at: watch.now, policy: watch.policy)
    #expect(heard.needsRecording)
    #expect(heard.progress.latestPoll == watch.now.steady)
    #expect(heard.progress.watchedSeconds == 66)
  }

  @Test("Once a grain the records are looked at, so that a message that is always shown is never forgotten")
  func grain() throws {
    var watch = Watch.begun(PollPolicy(retention: .seconds(160)))
    let taken = TakenAnswer(RecordsAnswer(records: [record("A", .sent)]), watch.poll(record("A", .sent)))
    let seen = watch.now.steady
    #expect(!watch.snapshot.needsRecords(of: taken, by: seen + .seconds(9), policy: watch.policy))
    #expect(watch.snapshot.needsRecords(of: taken, by: seen + .seconds(10), policy: watch.policy))
  }
}
