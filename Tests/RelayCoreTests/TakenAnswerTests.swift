import Foundation
import GreenAPI
import Testing

@testable import RelayCore

/// Records that come again are not looked at, and must change just what they would have changed.
@Suite struct TakenAnswerTests {
  private static let seedCount = ProcessInfo.processInfo.environment["STATUSRELAY_SEEDS"].flatMap { Int($0) } ?? 300

  /// Polls of which most show what the one before showed but for a few records, with retentions so short that much is due for it.
  @Test(
    "An answer known in part changes what looking at all its records would change, or says that they must be looked at")
  func sameAsLooking() throws {
    var seeds = SystemRandomNumberGenerator()
    var passedOver = 0
    for _ in 0..<Self.seedCount {
      let seed = seeds.next()
      var random = SeededGenerator(seed: seed)
      let policy = PollPolicy(
        retention: .seconds([60, 700, 259_200].randomElement(using: &random)!),
        startFrom: Bool.random(using: &random) ? .now : .beginning, fillGaps: Bool.random(using: &random))
      var watch = Watch(policy)
      var taken: TakenAnswer?
      var elements: [String] = []
      for _ in 0..<40 {
        watch.seconds += [1, 2, 5, 61, 400].randomElement(using: &random)!
        Self.change(&elements, at: Watch.epoch + watch.seconds, using: &random)
        let body = [UInt8]("[\(elements.joined(separator: ","))]".utf8)
        let looked = watch.snapshot.changes(
          from: try RecordsAnswer(decoding: body), receivedAt: nil, at: watch.now, policy: policy)
        let known = taken.flatMap {
          watch.snapshot.needsRecords(of: $0, by: watch.now.steady, policy: policy) ? nil : $0
        }
        let answer = try Self.read(body, knowing: known)
        var changes = watch.snapshot.changes(
          from: answer, after: known, receivedAt: nil, at: watch.now, policy: policy)
        let found = changes
        passedOver += answer.knownCount
        // An answer that isn't wholly looked at may remember its messages as older than they are, and misses duplicates.
        #expect((changes.oldestSeen ?? 0) <= (looked.oldestSeen ?? 0), "seed \(seed)")
        #expect(changes.counts.duplicates <= looked.counts.duplicates, "seed \(seed)")
        changes.oldestSeen = looked.oldestSeen
        changes.counts.duplicates = looked.counts.duplicates
        #expect(changes == looked, "seed \(seed)")
        // Now and then the commit fails.
        if changes.needsRecording, Int.random(in: 0..<5, using: &random) == 0 { continue }
        watch.write(changes)
        watch.snapshot.apply(changes)
        taken = TakenAnswer(answer, found)
      }
    }
    #expect(passedOver > Self.seedCount * 20)
  }

  private static func change(_ elements: inout [String], at time: Int64, using random: inout SeededGenerator) {
    for _ in 0..<[0, 0, 1, 1, 3].randomElement(using: &random)! {
      let statuses =
        MessageStatus.documented.map(\.rawValue) + ["strange", "stranger", "Sent", " READ", #"delivered\n"#, " "]
      let status = statuses.randomElement(using: &random)!
      let timestamp = [0, 1, time, time - 3600, time - 7100, time - 9000, time + 7300].randomElement(using: &random)!
      let space = ["", "", "", " ", #"\t"#].randomElement(using: &random)!
      let new =
        #"{"idMessage":"\#(space)M\#(Int.random(in: 0..<12, using: &random))\#(space)","statusMessage":"\#(status)","timestamp":\#(timestamp)}"#
      let place = Int.random(in: 0...elements.count, using: &random)
      if place == elements.count || elements.count < 3 {
        elements.append(new)
      } else if Bool.random(using: &random) {
        elements[place] = new
      } else {
        elements.remove(at: place)
      }
    }
  }

  private static func read(_ body: [UInt8], knowing taken: TakenAnswer?) throws -> ReadAnswer {
    var reader = RecordsReader(knowing: taken?.known ?? KnownRecords())
    reader.take(body.span)
    return try reader.finish()
  }

  /// Polls with an answer, of which what is known is not looked at.
  private static func poll(
    _ watch: inout Watch, _ text: String, after taken: TakenAnswer? = nil
  ) throws -> (changes: PollChanges, taken: TakenAnswer) {
    let answer = try read([UInt8](text.utf8), knowing: taken)
    let changes = watch.snapshot.changes(
      from: answer, after: taken, receivedAt: nil, at: watch.now, policy: watch.policy)
    watch.snapshot.apply(changes)
    return (changes, TakenAnswer(answer, changes))
  }

  @Test("The outbox hears once a minute that an account is polled, though its answer never changes")
  func progress() throws {
    var watch = Watch.begun()
    let text = #"[{"idMessage":"A","statusMessage":"sent","timestamp":\#(Watch.epoch)},{"statusMessage":"sent"}]"#
    var taken = try Self.poll(&watch, text).taken
    watch.seconds += 60
    let quiet = try Self.poll(&watch, text, after: taken)
    #expect(!quiet.changes.needsRecording)
    #expect(quiet.changes.counts.unchanged == 1)
    #expect(quiet.changes.hasMessagesUnderWay == true)
    taken = quiet.taken
    watch.seconds += 1
    let heard = try Self.poll(&watch, text, after: taken).changes
    #expect(heard.needsRecording)
    #expect(heard.progress.latestPoll == watch.now.steady)
    #expect(heard.progress.watchedSeconds == 61)
  }

  @Test("Once a grain all records are looked at, so that a message that is always shown is never forgotten")
  func grain() throws {
    var watch = Watch.begun(PollPolicy(retention: .seconds(160)))
    let first = #"{"idMessage":"A","statusMessage":"sent"}"#
    var taken = try Self.poll(&watch, "[\(first)]").taken
    let seen = watch.now.steady
    watch.seconds += 5
    // Others that come don't make the first one younger.
    taken = try Self.poll(&watch, #"[\#(first),{"idMessage":"B","statusMessage":"sent"}]"#, after: taken).taken
    #expect(taken.known.count == 2)
    #expect(!watch.snapshot.needsRecords(of: taken, by: seen + .seconds(9), policy: watch.policy))
    #expect(watch.snapshot.needsRecords(of: taken, by: seen + .seconds(10), policy: watch.policy))
  }

  @Test("Of what is known and what is not, either may be all that is still under way")
  func underWay() throws {
    var watch = Watch.begun()
    func record(_ id: String, _ status: String) -> String {
      #"{"idMessage":"\#(id)","statusMessage":"\#(status)","timestamp":\#(Watch.epoch)}"#
    }
    let (sent, read) = (record("A", "sent"), record("B", "read"))
    var taken = try Self.poll(&watch, "[\(read)]").taken
    var poll = try Self.poll(&watch, "[\(read)]", after: taken)
    #expect(poll.changes.hasMessagesUnderWay == false)
    poll = try Self.poll(&watch, "[\(read),\(sent)]", after: taken)
    #expect(poll.changes.hasMessagesUnderWay == true)
    taken = poll.taken
    poll = try Self.poll(&watch, "[\(sent),\(record("C", "failed"))]", after: taken)
    #expect(poll.changes.hasMessagesUnderWay == true)
    #expect(poll.changes.counts.unchanged == 1)
    #expect(poll.changes.counts.new == 1)
    #expect(try Self.poll(&watch, "[]", after: taken).changes.hasMessagesUnderWay == nil)
  }

  @Test("An answer of which a part is not looked at makes nothing forgotten, even if it comes late")
  func forgetting() throws {
    var watch = Watch.begun(PollPolicy(retention: .seconds(160)))
    let known = #"{"idMessage":"A","statusMessage":"sent"}"#
    _ = try Self.poll(&watch, #"[{"idMessage":"B","statusMessage":"sent"}]"#)
    let taken = try Self.poll(&watch, "[\(known)]").taken
    watch.seconds += 500
    #expect(try Self.poll(&watch, "[\(known)]", after: taken).changes.forgotten.isEmpty)
    #expect(try Self.poll(&watch, "[\(known)]").changes.forgotten == ["B"])
  }
}
