import NIOConcurrencyHelpers
import RelayCore

/// Wakes many sleepers with few timers: all that are due within the same fiftieth of a second wake at its end.
///
/// Thousands of accounts are each polled at a time of their own, and a timer that goes off alone wakes libcurl's thread for one poll: of
/// 2,000 accounts polled once a second that takes a fourteenth more processor time.
final class SharedWakeUps: Sendable {
  private let time: any Timekeeper
  private let executor: any TaskExecutor
  private let waiting = NIOLockedValueBox(Waiting())

  private struct Waiting {
    /// By when they wake.
    var bells: [SteadyTime: Bell] = [:]
    var nextSleeper: UInt64 = 0

    /// The last one to go takes the timer along.
    mutating func takeOut(_ sleeper: UInt64, _ end: SteadyTime) -> CheckedContinuation<Void, any Error>? {
      let continuation = bells[end]?.sleepers.removeValue(forKey: sleeper)
      if bells[end]?.sleepers.isEmpty == true { bells.removeValue(forKey: end)?.timer.cancel() }
      return continuation
    }
  }

  /// A timer and who sleeps until it goes off.
  private struct Bell {
    var timer: Task<Void, Never>
    var sleepers: [UInt64: CheckedContinuation<Void, any Error>] = [:]
  }

  /// - Parameter executor: runs the timers.
  init(time: any Timekeeper, executor: any TaskExecutor = globalConcurrentExecutor) {
    self.time = time
    self.executor = executor
  }

  /// Like the time's own `sleep(until:)`, and up to its grain longer.
  func sleep(until due: SteadyTime) async throws {
    let grain = time.grain.milliseconds
    guard grain > 0, due > time.now().steady else { return try await time.sleep(until: due) }
    let end = SteadyTime(milliseconds: (due.milliseconds / grain + 1) * grain)
    let sleeper = waiting.withLockedValue { waiting in
      waiting.nextSleeper += 1
      return waiting.nextSleeper
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isCancelled = waiting.withLockedValue { waiting in
          // Asked under the lock: the handler below comes before this or finds the sleeper.
          if Task.isCancelled { return true }
          waiting.bells[end, default: Bell(timer: timer(until: end))].sleepers[sleeper] = continuation
          return false
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
      }
    } onCancel: {
      let continuation = waiting.withLockedValue { $0.takeOut(sleeper, end) }
      continuation?.resume(throwing: CancellationError())
    }
  }

  /// How many sleep just now.
  var sleepers: Int { waiting.withLockedValue { $0.bells.values.reduce(0) { $0 + $1.sleepers.count } } }

  /// Ends when it has gone off, or is cancelled with its last sleeper.
  private func timer(until end: SteadyTime) -> Task<Void, Never> {
    Task(executorPreference: executor) { [self] in
      guard (try? await time.sleep(until: end)) != nil else { return }
      let bell = waiting.withLockedValue { $0.bells.removeValue(forKey: end) }
      for continuation in bell?.sleepers.values ?? [:].values { continuation.resume() }
    }
  }
}
