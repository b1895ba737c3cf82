/// The header field `Retry-After`: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
public enum RetryAfter {
  /// How long to wait, from seconds or a date; never negative. The caller caps it.
  /// - Parameter now: what a date is compared with: the answer's own `Date` where it has one, so that the two clocks' difference
  ///   does not count.
  /// - Returns: `nil` for what is neither.
  public static func wait(_ value: String, now: UnixTime) -> Duration? {
    let words = value.split(whereSeparator: { $0 == " " || $0 == "\t" })
    if words.count == 1, words[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      return .seconds(min(Int64(words[0]) ?? .max, longest))
    }
    return HTTPDate.parse(value, now: now).map { max(.zero, $0 - now) }
  }

  /// A century in seconds: longer waits mean no more, and could overflow.
  private static let longest: Int64 = 3_155_760_000
}
