import Foundation
import NIOConcurrencyHelpers
import Relay
import RelayCore

@testable import Curl

/// A time that stands still until a test moves it. The wall clock can be stepped apart from the steady line.
final class ManualTime: Timekeeper {
  private struct Sleeper {
    let until: SteadyTime
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var steady = SteadyTime(milliseconds: 1_760_000_000_000)
    var wallClockOffset = Duration.zero
    var sleepers: [Int: Sleeper] = [:]
    var nextID = 0

    var now: Moment {
      Moment(steady: steady, unix: UnixTime(milliseconds: steady.milliseconds) + wallClockOffset)
    }
  }

  private let state = NIOLockedValueBox(State())

  func now() -> Moment { state.withLockedValue { $0.now } }

  /// What a clock that nobody has stepped shows: GREEN-API's, in these tests.
  var trueDate: Date { Date(UnixTime(milliseconds: state.withLockedValue { $0.steady.milliseconds })) }

  func advance(by duration: Duration) { advance(to: now().steady + duration) }

  /// Wakes whoever sleeps until then, in the order of their times. A time that has passed changes nothing.
  func advance(to time: SteadyTime) {
    let woken = state.withLockedValue { state in
      state.steady = max(state.steady, time)
      let due = state.sleepers.filter { $0.value.until <= state.steady }
      for id in due.keys { state.sleepers[id] = nil }
      return due.values.sorted { $0.until < $1.until }
    }
    for sleeper in woken { sleeper.continuation.resume() }
  }

  /// Steps the wall clock, as an operator or a time server does; the steady line goes on as if nothing had been.
  func stepWallClock(by duration: Duration) { state.withLockedValue { $0.wallClockOffset += duration } }

  /// Whether somebody sleeps until just then.
  func hasSleeper(until time: SteadyTime) -> Bool {
    state.withLockedValue { state in state.sleepers.values.contains { $0.until == time } }
  }

  func sleep(until time: SteadyTime) async throws {
    let id = state.withLockedValue { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let outcome = state.withLockedValue { state -> Result<Void, any Error>? in
          if Task.isCancelled { return .failure(CancellationError()) }
          if state.steady >= time { return .success(()) }
          state.sleepers[id] = Sleeper(until: time, continuation: continuation)
          return nil
        }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      let sleeper = state.withLockedValue { $0.sleepers.removeValue(forKey: id) }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }
}
