import RelayCore
import Testing

@Suite struct DestinationDigestTests {
  private static func settlement(_ verdict: Settlement.Verdict, _ failure: AttemptFailure? = nil) -> Settlement {
    Settlement(
      delivery: DeliveryID(rawValue: 1), destination: DestinationID(rawValue: 1), lane: Lane(rawValue: 1),
      verdict: verdict, attempts: 1,
      report: AttemptReport(
        startedAt: UnixTime(milliseconds: 0), duration: .zero, httpStatus: nil, failure: failure))
  }

  private static let retry = Settlement.Verdict.retry(at: SteadyTime(milliseconds: 1000))

  /// Notes so many, and tells how many of them were worth a line.
  private static func lines(_ count: Int, _ digest: inout DestinationDigest, _ settlement: Settlement) -> Int {
    var lines = 0
    for _ in 0..<count where digest.note(settlement) { lines += 1 }
    return lines
  }

  @Test("Successes have no line of their own")
  func successes() {
    var digest = DestinationDigest()
    #expect(digest.isEmpty)
    let lines = Self.lines(3, &digest, Self.settlement(.delivered))
    #expect(lines == 0 && !digest.isEmpty)
  }

  @Test("Failures have ten lines a minute for each reason, and are counted then")
  func failures() throws {
    var digest = DestinationDigest()
    let timeouts = Self.lines(12, &digest, Self.settlement(Self.retry, .timeout))
    let resets = Self.lines(1, &digest, Self.settlement(Self.retry, .reset))
    let deadLetters = Self.lines(11, &digest, Self.settlement(.deadLetter(.scheduleUsedUp), .timeout))
    #expect(timeouts == 10 && resets == 1 && deadLetters == 10)
    var readings = 0
    for _ in 0..<13 where digest.noteFailedReading() { readings += 1 }
    #expect(readings == 10)
    let ended = digest.endPeriod()
    let summary = try #require(ended)
    #expect(summary.delivered == 0 && summary.deadLetters == 11)
    #expect(summary.failures == [.timeout: 23, .reset: 1])
    #expect(summary.unwritten == [.attempt(.timeout): 2, .deadLetter(.scheduleUsedUp): 1, .reading: 3])
  }

  @Test("Each minute begins anew, and one without work has nothing to tell")
  func periods() {
    var digest = DestinationDigest()
    _ = Self.lines(11, &digest, Self.settlement(Self.retry, .timeout))
    _ = Self.lines(1, &digest, Self.settlement(.delivered))
    let (first, second) = (digest.endPeriod(), digest.endPeriod())
    #expect(first?.unwritten == [.attempt(.timeout): 1] && first?.delivered == 1)
    #expect(second == nil)
    let lines = Self.lines(1, &digest, Self.settlement(Self.retry, .timeout))
    let third = digest.endPeriod()
    #expect(lines == 1)
    #expect(third?.failures == [.timeout: 1] && third?.delivered == 0 && third?.unwritten == [:])
  }
}
