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
    var waiters: [UInt64: CheckedContinuation<Void, any Error>] = [:]
    var next: UInt64 = 0

    mutating func takePlace() -> Bool {
      guard free > 0 else { return false }
      free -= 1
      return true
    }
  }

  private let state: NIOLockedValueBox<State>

  init(room: Int) { state = NIOLockedValueBox(State(free: room)) }

  /// Takes a place until ``leave()``, if there is one.
  func enterAtOnce() -> Bool { state.withLockedValue { $0.takePlace() } }

  /// Returns when there is a place, which is taken until ``leave()``.
  /// - Throws: `CancellationError` when the task is cancelled before.
  func enter() async throws {
    let number = state.withLockedValue { state in
      state.next += 1
      return state.next
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let outcome: Result<Void, any Error>? = state.withLockedValue { state in
          // Asked under the lock: the handler below comes before this or finds the waiter.
          if Task.isCancelled { return .failure(CancellationError()) }
          if state.takePlace() { return .success(()) }
          state.queue.append(number)
          state.waiters[number] = continuation
          return nil
        }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      let waiter = state.withLockedValue { $0.waiters.removeValue(forKey: number) }
      waiter?.resume(throwing: CancellationError())
    }
  }

  /// Hands the place to the one who waits longest.
  func leave() {
    let next: CheckedContinuation<Void, any Error>? = state.withLockedValue { state in
      while let number = state.queue.popFirst() {
        if let waiter = state.waiters.removeValue(forKey: number) { return waiter }
      }
      state.free += 1
      return nil
    }
    next?.resume()
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
