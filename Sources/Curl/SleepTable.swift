import Glibc

/// Those who sleep on the client's thread, and until when.
struct SleepTable {
  typealias Sleeper = CheckedContinuation<Void, any Error>

  private var ends = DeadlineQueue()
  /// By slot.
  private var sleepers: [(tag: UInt64, sleeper: Sleeper)?] = []
  private var freeSlots: [Int] = []
  private var slots: [UInt64: Int] = [:]

  /// Nanoseconds of the clock that goes on while the machine is suspended. epoll's own timeout does not; but the loop never waits for
  /// long, so that whoever should have woken meanwhile wakes soon.
  static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Nanoseconds until the first one wakes; `nil` when nobody sleeps.
  var wait: UInt64? {
    guard let next = ends.next else { return nil }
    let now = Self.now
    return next > now ? next - now : 0
  }

  /// - Parameter tag: as no other sleeper's.
  mutating func add(_ tag: UInt64, until end: UInt64, _ sleeper: Sleeper) {
    let slot = freeSlots.popLast() ?? sleepers.count
    if slot == sleepers.count { sleepers.append(nil) }
    sleepers[slot] = (tag, sleeper)
    slots[tag] = slot
    ends.schedule(slot, at: end)
  }

  /// Wakes those whose time has come, in its order.
  mutating func wakeDue() {
    guard ends.next != nil else { return }
    let now = Self.now
    while let slot = ends.popExpired(at: now) { take(slot)?.resume() }
  }

  /// Wakes one before its time, if it sleeps.
  mutating func cancel(_ tag: UInt64) {
    guard let slot = slots[tag] else { return }
    ends.remove(slot)
    take(slot)?.resume(throwing: CancellationError())
  }

  mutating func cancelAll() {
    for tag in slots.keys { cancel(tag) }
  }

  private mutating func take(_ slot: Int) -> Sleeper? {
    guard let (tag, sleeper) = sleepers[slot] else { return nil }
    sleepers[slot] = nil
    slots[tag] = nil
    freeSlots.append(slot)
    return sleeper
  }
}
