import Curl
import RelayCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where the services take the time from, so that tests own it.
public protocol Timekeeper: Sendable {
  func now() -> Moment
  /// Returns when the steady time has come; throws `CancellationError` when the task is cancelled before.
  func sleep(until time: SteadyTime) async throws
  /// By how much longer a sleep may last that can wait a little, so that many end at once; zero: not at all.
  var grain: Duration { get }
  /// The same time, whose sleepers wake on a client's thread as far as it can be had there.
  func sleeping(on client: CurlClient) -> any Timekeeper
}

extension Timekeeper {
  public var grain: Duration { .zero }

  /// When to wake for what is due then and can wait a little: at the same time as all else that is due within the same grain.
  func grained(_ due: SteadyTime) -> SteadyTime {
    let grain = grain.milliseconds
    return grain > 0 ? SteadyTime(milliseconds: (due.milliseconds / grain + 1) * grain) : due
  }

  public func sleeping(on client: CurlClient) -> any Timekeeper { self }
}

/// The machine's clocks: the wall clock as it is, and a steady line that starts at it and advances with the boot-time clock, which
/// neither steps nor stands still while the machine sleeps.
public struct SystemTime: Timekeeper {
  private let origin: SteadyTime
  private let bootTimeAtOrigin: Int64
  /// Whether the wall clock stood before the latest time that the outbox remembers: it was stepped back while the relay was down, so
  /// nobody knows for how long it was.
  public let clockWentBackwards: Bool
  /// A poll comes a second after the one before at the earliest: a fiftieth more is nothing, and lets one wake-up serve 40 of 2,000
  /// accounts.
  public let grain = Duration.milliseconds(20)
  /// `nil`: sleepers wake on Swift's threads.
  private var client: CurlClient?

  /// - Parameter latest: the latest steady time that the outbox remembers; the line never starts before it.
  public init(notBefore latest: SteadyTime? = nil) {
    let wall = SteadyTime(milliseconds: Self.wallClock)
    origin = max(wall, latest ?? wall)
    clockWentBackwards = wall < origin
    bootTimeAtOrigin = Self.bootTime
  }

  public func now() -> Moment {
    Moment(
      steady: SteadyTime(milliseconds: origin.milliseconds + Self.bootTime - bootTimeAtOrigin),
      unix: UnixTime(milliseconds: Self.wallClock))
  }

  public func sleep(until time: SteadyTime) async throws {
    let wait = time - now().steady
    if wait <= .zero {
      try Task.checkCancellation()
    } else if let client {
      try await client.sleep(for: wait)
    } else {
      try await Task.sleep(for: wait, clock: .continuous)
    }
  }

  public func sleeping(on client: CurlClient) -> any Timekeeper {
    var time = self
    time.client = client
    return time
  }

  private static var wallClock: Int64 { read(CLOCK_REALTIME) }

  #if canImport(Glibc)
    private static var bootTime: Int64 { read(CLOCK_BOOTTIME) }
  #else
    private static var bootTime: Int64 { read(CLOCK_MONOTONIC) }
  #endif

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
