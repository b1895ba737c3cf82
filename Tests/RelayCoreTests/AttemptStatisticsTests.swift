import RelayCore
import Testing

@Suite struct AttemptStatisticsTests {
  private let start = SteadyTime(milliseconds: 1_000_000)

  @Test("Nothing attempted, nothing to say")
  func empty() {
    let summary = AttemptStatistics().summary(at: start)
    #expect(summary == .init(attempts: 0, succeeded: 0, p50: nil, p99: nil, since: nil))
  }

  @Test("Percentiles are durations that occurred, over failed attempts too")
  func percentiles() {
    var statistics = AttemptStatistics()
    for milliseconds in (1...100).shuffled() {
      statistics.note(duration: .milliseconds(milliseconds), succeeded: milliseconds % 4 != 0, at: start)
    }
    let summary = statistics.summary(at: start)
    #expect(summary.attempts == 100)
    #expect(summary.succeeded == 75)
    #expect(summary.p50 == .milliseconds(50))
    #expect(summary.p99 == .milliseconds(99))
  }

  @Test("A single attempt is every percentile")
  func single() {
    var statistics = AttemptStatistics()
    statistics.note(duration: .microseconds(1234), succeeded: false, at: start)
    let summary = statistics.summary(at: start)
    #expect(summary.p50 == .microseconds(1234))
    #expect(summary.p99 == .microseconds(1234))
    #expect(summary.succeeded == 0)
  }

  @Test("Only the latest thousand count")
  func bounded() {
    var statistics = AttemptStatistics()
    for second in 0..<1500 {
      let isEarly = second < 500
      statistics.note(
        duration: .milliseconds(isEarly ? 9000 : 10), succeeded: !isEarly, at: start + .seconds(second))
    }
    let summary = statistics.summary(at: start + .seconds(1500))
    #expect(summary.attempts == 1000)
    #expect(summary.succeeded == 1000)
    #expect(summary.p99 == .milliseconds(10))
    #expect(summary.since == start + .seconds(500))
  }

  @Test("An attempt counts for an hour")
  func aged() {
    var statistics = AttemptStatistics()
    statistics.note(duration: .seconds(1), succeeded: false, at: start)
    statistics.note(duration: .seconds(2), succeeded: true, at: start + .seconds(1800))
    #expect(statistics.summary(at: start + .seconds(3600)).attempts == 2)
    let later = statistics.summary(at: start + .seconds(3601))
    #expect(later.attempts == 1)
    #expect(later.p50 == .seconds(2))
    #expect(later.since == start + .seconds(1800))
    #expect(statistics.summary(at: start + .seconds(9000)).attempts == 0)
  }

  @Test("An absurd duration counts as a long one")
  func absurd() {
    var statistics = AttemptStatistics()
    statistics.note(duration: .seconds(Int64.max), succeeded: false, at: start)
    statistics.note(duration: .seconds(-1), succeeded: false, at: start)
    #expect(statistics.summary(at: start).p50 == .zero)
    #expect(statistics.summary(at: start).p99! > .seconds(4000))
  }
}
