import Foundation
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
    #expect(TimeText.relative(now + .seconds(-12), to: now) == "12 s ago")
    #expect(TimeText.relative(now + .seconds(300), to: now) == "in 5 min")
    #expect(TimeText.relative(now + .milliseconds(-400), to: now) == "now")
    #expect(TimeText.relative(nil as UnixTime?, to: now) == "-")
    #expect(TimeText.next(now + .seconds(-12), to: now) == "now")
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
