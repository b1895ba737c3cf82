/// A point on the relay's own time line, in milliseconds, that never jumps while the process runs.
///
/// It starts at the wall clock (or at the latest steady time the outbox remembers, whichever is later) and advances with the
/// machine's boot-time clock. All waiting, ageing and ordering is done on this line, so that a wall clock stepped by hours
/// neither fires nor delays a retry. Only durations between two steady times mean anything; to show one to a person, add its
/// distance from now to the wall clock.
public struct SteadyTime: Hashable, Comparable, Sendable {
  public var milliseconds: Int64

  public init(milliseconds: Int64) { self.milliseconds = milliseconds }

  public static func < (a: Self, b: Self) -> Bool { a.milliseconds < b.milliseconds }
  public static func + (time: Self, duration: Duration) -> Self {
    SteadyTime(milliseconds: time.milliseconds.saturatingAdding(duration.milliseconds))
  }
  public static func - (time: Self, duration: Duration) -> Self {
    SteadyTime(milliseconds: time.milliseconds.saturatingSubtracting(duration.milliseconds))
  }
  public static func - (a: Self, b: Self) -> Duration {
    .milliseconds(a.milliseconds.saturatingSubtracting(b.milliseconds))
  }
}

/// A point on the wall clock: milliseconds since 1970-01-01 UTC. For showing, for signing, and for the other side's clocks.
public struct UnixTime: Hashable, Comparable, Sendable {
  public var milliseconds: Int64

  public init(milliseconds: Int64) { self.milliseconds = milliseconds }
  /// Saturates some 292 million years from 1970.
  public init(seconds: Int64) { milliseconds = Duration.seconds(seconds).milliseconds }

  /// Whole seconds, rounded down.
  public var seconds: Int64 { milliseconds / 1000 - (milliseconds % 1000 < 0 ? 1 : 0) }

  public static func < (a: Self, b: Self) -> Bool { a.milliseconds < b.milliseconds }
  public static func + (time: Self, duration: Duration) -> Self {
    UnixTime(milliseconds: time.milliseconds.saturatingAdding(duration.milliseconds))
  }
  public static func - (a: Self, b: Self) -> Duration {
    .milliseconds(a.milliseconds.saturatingSubtracting(b.milliseconds))
  }
}

/// One instant as both clocks show it. Decisions take it as `now`.
public struct Moment: Hashable, Sendable {
  public var steady: SteadyTime
  public var unix: UnixTime

  public init(steady: SteadyTime, unix: UnixTime) {
    self.steady = steady
    self.unix = unix
  }
}

extension Duration {
  /// Whole milliseconds, rounded down; saturates some 292 million years out.
  public var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    return overflow ? (seconds < 0 ? .min : .max) : product + attoseconds / 1_000_000_000_000_000
  }
}

extension Int64 {
  // Configured durations and remembered times may be anything; a time at the end of days is wrong by less than a crash is.
  func saturatingAdding(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }

  func saturatingSubtracting(_ other: Int64) -> Int64 {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other < 0 ? .max : .min) : difference
  }
}
