import Foundation
import RelayAdmin
import RelayCore
import Testing

@testable import statusrelay

@Suite("Times and tables as text")
struct TextTests {
  @Test(
    "A point in time is read as how long ago or as ISO 8601",
    arguments: [
      ("2026-11-21T08:00:00Z", 1_795_248_000_000), ("2026-11-21t08:00:00.25z", 1_795_248_000_250),
      ("2026-11-21 09:00:00+01:00", 1_795_248_000_000), ("2026-11-21T02:30-0530", 1_795_248_000_000),
      ("2026-11-21T08:00Z", 1_795_248_000_000), ("2024-02-29T00:00Z", 1_709_164_800_000),
    ] as [(String, Int64)])
  func times(_ text: String, _ milliseconds: Int64) throws {
    #expect(try PointInTime.argument(text) == .at(UnixTime(milliseconds: milliseconds)))
  }

  @Test("Without a zone it is local time; a date alone is its midnight")
  func localTimes() throws {
    let zone = try #require(TimeZone(secondsFromGMT: 3600))
    #expect(UnixTime(iso8601: "2026-11-21T09:00", zone: zone) == UnixTime(milliseconds: 1_795_248_000_000))
    #expect(UnixTime(iso8601: "2026-11-21", zone: zone) == UnixTime(milliseconds: 1_795_215_600_000))
  }

  @Test(
    "What is no time is refused",
    arguments: [
      "", "yesterday", "2026-13-01", "2026-02-30", "2026-11-21T25:00Z", "2026-11-21T08:61Z", "2026-11-21T08:00+25:00",
      "-2h", "2hours",
    ])
  func noTimes(_ text: String) {
    #expect(throws: (any Error).self) { try PointInTime.argument(text) }
  }

  @Test("How long ago counts back from now")
  func ago() throws {
    let now = UnixTime(milliseconds: 1_795_248_000_000)
    #expect(try PointInTime.argument("2h").time(now: now) == UnixTime(milliseconds: 1_795_240_800_000))
  }

  @Test("Times are told from now, or by the clock; what was due counts as due now")
  func rowTimes() {
    let now = Date(timeIntervalSince1970: 1_795_248_000)
    let list = RowTimes.relative(to: now)
    #expect(list.past(now - 12) == "12 s ago")
    #expect(list.past(now + 300) == "in 5 min")
    #expect(list.past(now - 0.4) == "now")
    #expect(list.past(nil) == "-")
    #expect(list.next(now - 12) == "now")
    #expect(list.next(now + 300) == "in 5 min")
    #expect(list.next(nil) == "-")
    let feed = RowTimes.clock(now: now)
    #expect(feed.past(now).wholeMatch(of: #/\d\d-\d\d \d\d:\d\d:00/#) != nil)
    #expect(feed.past(nil) == "-")
    #expect(feed.next(now + 300) == "in 5 min")
  }

  @Test(
    "How long something took is told to the tenth of a second where that says something",
    arguments: [
      (nil, "-"), (0.0004, "<1 ms"), (0.0421, "42 ms"), (1, "1.0 s"), (2.449, "2.4 s"), (12.9, "12 s"),
      (90, "1 min 30 s"),
    ] as [(Double?, String)])
  func lengths(_ seconds: Double?, _ text: String) {
    #expect(TimeText.length(seconds) == text)
  }

  @Test("A table aligns its columns, says - for nothing, and cuts and cleans what could spoil the screen")
  func table() {
    var table = Table(.number("ID"), .text("NAME"), .text("END"))
    #expect(table.text([["7", "a", "x"], ["1234", "", "y"]]) == "  ID  NAME  END\n   7  a     x\n1234  -     y\n")
    #expect(table.text([["8", "\u{1B}[2J\nb", "z"]]) == "   8  \u{FFFD}[2J\u{FFFD}b  z\n")
    #expect(table.text([]) == "")
    var wide = Table(.text("A"))
    #expect(wide.text([[String(repeating: "x", count: 500)]]).count < 110)
  }
}
