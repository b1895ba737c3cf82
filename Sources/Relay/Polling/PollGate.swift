import Collections
import NIOConcurrencyHelpers

/// Lets so many polls of one host be under way at once, from the request until what it brought is recorded; further ones wait, in the
/// order they came.
///
/// Each has a connection and an answer in memory, and libcurl looks through the connections to a host for each request that it starts
/// there, at 0.2 µs for each of them. Without a gate ten thousand accounts whose first polls came together had 9,500 connections from
/// then on, each poll took 2 ms of processor time for them, and they never caught up.
final class PollGate: Sendable {
  private struct State {
    var free: Int
    /// First come, first served. Those called off are not in ``waiters`` any more.
    var queue: Deque<UInt64> = []
    var waiters: [UInt64: @Sendable () -> Void] = [:]
    var next: UInt64 = 0
  }

  private let state: NIOLockedValueBox<State>

  init(room: Int) { state = NIOLockedValueBox(State(free: room)) }

  /// Takes a place until ``leave()``, or waits for one.
  /// - Parameter go: called when there is a place, which is taken by then, on the thread of the one who leaves it; not when there is one
  ///   at once.
  /// - Returns: under which number it waits; `nil` when it has a place.
  func enter(orWaitTo go: @escaping @Sendable () -> Void) -> UInt64? {
    state.withLockedValue { state in
      guard state.free == 0 else {
        state.free -= 1
        return nil
      }
      state.next += 1
      state.queue.append(state.next)
      state.waiters[state.next] = go
      return state.next
    }
  }

  /// Gives up waiting.
  /// - Returns: `false` when the place was already given: it is called.
  func callOff(_ number: UInt64) -> Bool {
    state.withLockedValue { $0.waiters.removeValue(forKey: number) != nil }
  }

  /// Hands the place to the one who waits longest.
  func leave() {
    let go: (@Sendable () -> Void)? = state.withLockedValue { state in
      while let number = state.queue.popFirst() {
        if let waiter = state.waiters.removeValue(forKey: number) { return waiter }
      }
      state.free += 1
      return nil
    }
    go?()
  }

  var waiting: Int { state.withLockedValue { $0.waiters.count } }
}

/// A gate for each host: one that doesn't answer holds up none but its own accounts.
final class PollGates: Sendable {
  private let room: Int
  private let gates = NIOLockedValueBox<[String: PollGate]>([:])

  /// - Parameter room: of each gate. 1,024 let five thousand polls a second through when an answer takes a fifth of a second.
  init(room: Int) { self.room = room }

  /// - Parameter apiURL: an account's.
  func gate(to apiURL: String) -> PollGate {
    gates.withLockedValue { gates in
      if let known = gates[apiURL] { return known }
      let new = PollGate(room: room)
      gates[apiURL] = new
      return new
    }
  }
}
