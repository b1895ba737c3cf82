import GreenAPI
import RelayCore
import Testing

@Suite struct HistogramTests {
  @Test("A value on a bound belongs below it, one above the last bound to the bucket without one")
  func bounds() {
    var histogram = Histogram(bounds: [0.1, 1, 10])
    for value in [0, 0.1, 0.100001, 1, 9.99, 10, 10.1, 1e9] { histogram.note(value) }
    #expect(histogram.counts == [2, 2, 2, 2])
    #expect(histogram.count == 8)
    #expect(abs(histogram.sum - 1_000_000_031.290001) < 1e-5)
  }

  @Test("A duration counts in seconds")
  func durations() {
    var histogram = Histogram(bounds: [0.25])
    histogram.note(.milliseconds(250))
    histogram.note(.microseconds(250_001))
    #expect(histogram.counts == [1, 1])
    #expect(abs(histogram.sum - 0.500001) < 1e-9)
  }

  @Test("Nothing noted, nothing counted")
  func empty() {
    let histogram = Histogram(bounds: [1])
    #expect(histogram.counts == [0, 0] && histogram.count == 0 && histogram.sum == 0)
  }

  @Test("However many statuses GREEN-API makes up, they are counted as one")
  func otherStatuses() throws {
    var counts = NotificationCounts()
    #expect(counts.labeled.isEmpty)
    counts.note(.read)
    counts.note(.yellowCard)
    counts.note(.read)
    for number in 0..<100 { counts.note(try #require(MessageStatus(rawValue: "madeUp\(number)"))) }
    #expect(counts.labeled.map(\.status) == ["read", "yellowCard", "other"])
    #expect(counts.labeled.map(\.count) == [2, 1, 100])
  }
}
