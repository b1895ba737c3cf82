/// Dates in HTTP's header fields: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
public enum HTTPDate {
  /// Reads any of the three forms: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
  /// `Sun Nov  6 08:49:37 1994`. The day of the week is not held against the date.
  /// - Parameter now: gives the second form its century: the year is the latest that is no more than 50 years ahead.
  /// - Returns: `nil` for anything else, and for a date that does not exist.
  public static func parse(_ text: String, now: UnixTime) -> UnixTime? {
    let words = text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "," })
    switch words.count {
    case 6 where isUTC(words[5]):
      return time(year: number(words[3], digits: 4), month: words[2], day: number(words[1], digits: 2), clock: words[4])
    case 4 where isUTC(words[3]):
      let date = words[1].split(separator: "-", omittingEmptySubsequences: false)
      guard date.count == 3, let year = number(date[2], digits: 2) else { return nil }
      return time(
        year: fullYear(year, now: now), month: date[1], day: number(date[0], digits: 2), clock: words[2])
    case 5:
      let day = number(words[2], digits: 2) ?? number(words[2], digits: 1)
      return time(year: number(words[4], digits: 4), month: words[1], day: day, clock: words[3])
    default:
      return nil
    }
  }

  /// The preferred form, `Sun, 06 Nov 1994 08:49:37 GMT`, for years 0 to 9999.
  public static func format(_ time: UnixTime) -> String {
    let days = time.seconds.flooredQuotient(secondsPerDay)
    let second = time.seconds - days * secondsPerDay
    let (year, month, day) = civil(day: days)
    let weekday = weekdays[Int((days - 3) - (days - 3).flooredQuotient(7) * 7)]
    return "\(weekday), \(padded(day, 2)) \(months[month - 1]) \(padded(year, 4)) "
      + "\(padded(Int(second / 3600), 2)):\(padded(Int(second / 60 % 60), 2)):\(padded(Int(second % 60), 2)) GMT"
  }

  // MARK: Words

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
  /// From Sunday; 1970-01-04 was one.
  private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let secondsPerDay: Int64 = 86_400

  private static func isUTC(_ word: Substring) -> Bool { word == "GMT" || word == "UTC" }

  private static func number(_ word: Substring, digits: Int) -> Int? {
    guard word.utf8.count == digits, word.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(word)
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func fullYear(_ year: Int, now: UnixTime) -> Int {
    let (present, _, _) = civil(day: now.seconds.flooredQuotient(secondsPerDay))
    let latest = present + 50
    let candidate = latest - latest % 100 + year
    return candidate > latest ? candidate - 100 : candidate
  }

  private static func time(year: Int?, month: Substring, day: Int?, clock: Substring) -> UnixTime? {
    let parts = clock.split(separator: ":", omittingEmptySubsequences: false).map { number($0, digits: 2) }
    guard let year, let day, let month = months.firstIndex(where: { $0 == month }).map({ $0 + 1 }),
      parts.count == 3, let hour = parts[0], let minute = parts[1], let second = parts[2],
      hour < 24, minute < 60, second <= 60  // 60: a leap second
    else { return nil }
    let days = self.day(year: year, month: month, day: day)
    guard civil(day: days) == (year, month, day) else { return nil }
    return UnixTime(seconds: days * secondsPerDay + Int64(hour * 3600 + minute * 60 + second))
  }

  // MARK: The calendar

  // Years are counted from 1 March, so that the leap day comes last; 400 of them have 146 097 days, and March to January are
  // months of 30.6 days on average, which (153 · month + 2) / 5 lays out exactly.

  /// Days since 1970-01-01.
  private static func day(year: Int, month: Int, day: Int) -> Int64 {
    let marchYear = Int64(month > 2 ? year : year - 1)
    let marchMonth = Int64(month > 2 ? month - 3 : month + 9)
    let leapDays = marchYear.flooredQuotient(4) - marchYear.flooredQuotient(100) + marchYear.flooredQuotient(400)
    return marchYear * 365 + leapDays + (153 * marchMonth + 2) / 5 + Int64(day) - 1 - 719_468
  }

  private static func civil(day: Int64) -> (year: Int, month: Int, day: Int) {
    let sinceMarchOfYear0 = day + 719_468
    let era = sinceMarchOfYear0.flooredQuotient(146_097)
    let dayOfEra = sinceMarchOfYear0 - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    return (
      Int(era * 400 + yearOfEra + (month <= 2 ? 1 : 0)), Int(month), Int(dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    )
  }
}

extension Int64 {
  /// The quotient rounded down, where `/` rounds towards zero.
  fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
    self / divisor - (self % divisor < 0 ? 1 : 0)
  }
}
