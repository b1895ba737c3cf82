import RelayCore
import Testing

@Suite struct HTTPDateTests {
  static let november1994 = UnixTime(seconds: 784_111_777)
  static let now = UnixTime(seconds: 1_760_000_000)  // 2025

  @Test(
    "Every form of RFC 9110 is read",
    arguments: [
      "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
      " Sun, 06 Nov 1994 08:49:37 GMT\t",
    ])
  func forms(text: String) { #expect(HTTPDate.parse(text, now: Self.now) == Self.november1994) }

  @Test(
    "What is no date, or a date that does not exist, is none",
    arguments: [
      "", "0", "GMT", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 2025 00:00:00 GMT",
      "Sun, 29 Feb 2100 00:00:00 GMT", "Sun, 00 Jan 2025 00:00:00 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
      "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:+7 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT",
      "Sun, ٠٦ Nov 1994 08:49:37 GMT",
    ])
  func nonsense(text: String) { #expect(HTTPDate.parse(text, now: Self.now) == nil) }

  @Test(
    "A year of two digits is the latest that is no more than 50 years ahead",
    arguments: [
      (94, 1994), (25, 2025), (75, 2075), (76, 1976), (0, 2000),
    ])
  func centuries(short: Int, year: Int) {
    let digits = short < 10 ? "0\(short)" : "\(short)"
    let time = HTTPDate.parse("Sunday, 06-Nov-\(digits) 08:49:37 GMT", now: Self.now)
    #expect(time == HTTPDate.parse("Sun, 06 Nov \(year) 08:49:37 GMT", now: Self.now))
    #expect(time != nil)
  }

  @Test(
    "Known instants are written in the preferred form",
    arguments: [
      (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
      (-1, "Wed, 31 Dec 1969 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
      (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] as [(Int64, String)])
  func writing(seconds: Int64, text: String) { #expect(HTTPDate.format(UnixTime(seconds: seconds)) == text) }

  @Test("What is written is read back, over all the years there are")
  func roundTrip() {
    var seconds: Int64 = -62_167_219_200  // 0000-01-01
    while seconds < 253_402_300_799 {
      let time = UnixTime(seconds: seconds)
      #expect(HTTPDate.parse(HTTPDate.format(time), now: Self.now) == time)
      seconds += 9_876_543 * 3 + 1
    }
  }

  @Test(
    "Retry-After is seconds or a date, and never negative",
    arguments: [
      ("120", 120), (" 5 ", 5), ("0", 0), ("Thu, 09 Oct 2025 08:54:20 GMT", 60), ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
      ("Thu Oct  9 08:54:20 2025", 60), ("99999999999999999999999999", 3_155_760_000),
    ] as [(String, Int64)])
  func retryAfter(value: String, seconds: Int64) {
    #expect(RetryAfter.wait(value, now: Self.now) == .seconds(seconds))
  }

  @Test("What is neither seconds nor a date is no Retry-After", arguments: ["", " ", "-5", "1.5", "soon", "1 2", "+1"])
  func noRetryAfter(value: String) { #expect(RetryAfter.wait(value, now: Self.now) == nil) }
}
