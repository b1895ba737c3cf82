/// Gives each kind of log line so many lines of its own in a period; further ones are counted, to be told when the period ends.
///
/// By default ten: at the worst a destination writes ten lines a minute for each reason that it can fail for, and one with the count.
public struct LineBudget<Kind: Hashable & Sendable>: Sendable {
  /// How many lines a kind has in a period.
  public let lines: Int
  /// How many of each kind there were in this period.
  private var counts: [Kind: Int] = [:]

  public init(lines: Int = 10) { self.lines = lines }

  /// Counts one line.
  /// - Returns: whether it is to be written; when not, ``endPeriod()`` tells of it.
  public mutating func admit(_ kind: Kind) -> Bool {
    let count = counts[kind, default: 0] + 1
    counts[kind] = count
    return count <= lines
  }

  /// Begins a new period.
  /// - Returns: how many lines of each kind the one before counted without writing them; kinds without any are left out.
  public mutating func endPeriod() -> [Kind: Int] {
    defer { counts.removeAll(keepingCapacity: true) }
    return counts.compactMapValues { $0 > lines ? $0 - lines : nil }
  }
}
