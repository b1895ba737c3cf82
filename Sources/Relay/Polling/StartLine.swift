import NIOConcurrencyHelpers
import RelayCore
import Synchronization

/// Where accounts wait until they may be asked for the first time; `StartQueue` decides when that is.
final class StartLine: Sendable {
  private let time: any Timekeeper
  private let executor: any TaskExecutor
  /// Nobody is asked before.
  private let opening: SteadyTime
  private let state = NIOLockedValueBox(State())
  private let latestID = Atomic<UInt64>(0)

  private struct State {
    var queue = StartQueue()
    var waiters: [UInt64: CheckedContinuation<Bool, Never>] = [:]
    /// The timer for those who come next.
    var bell: (end: SteadyTime, timer: Task<Void, Never>)?
  }

  /// To be made when the process starts.
  /// - Parameter executor: runs the timer.
  init(time: any Timekeeper, executor: any TaskExecutor) {
    self.time = time
    self.executor = executor
    opening = time.now().steady + StartQueue.opening
  }

  /// Waits until an account may be asked.
  /// - Parameters:
  ///   - isUnderWay: whether it had something on its way.
  ///   - notBefore: the account's own earliest time, if it has one.
  /// - Returns: `false` when the task is cancelled before.
  func turn(to apiURL: String, isUnderWay: Bool, notBefore: SteadyTime?) async -> Bool {
    let id = latestID.add(1, ordering: .relaxed).newValue
    return await withTaskCancellationHandler {
      await withCheckedContinuation { waiter in
        let isCalledOff = state.withLockedValue { state in
          guard !Task.isCancelled else { return true }
          state.waiters[id] = waiter
          state.queue.enter(
            id, apiURL: apiURL, isUnderWay: isUnderWay, notBefore: max(opening, notBefore ?? opening),
            at: time.now().steady)
          return false
        }
        if isCalledOff { waiter.resume(returning: false) } else { letGo() }
      }
    } onCancel: {
      callOff(id)
    }
  }

  /// How many wait just now.
  var waiting: Int { state.withLockedValue { $0.waiters.count } }

  private func callOff(_ id: UInt64) {
    let waiter = state.withLockedValue { state in
      state.queue.callOff(id)
      setBell(&state)
      return state.waiters.removeValue(forKey: id)
    }
    waiter?.resume(returning: false)
  }

  private func letGo() {
    let due = state.withLockedValue { state in
      let due = state.queue.due(at: time.now().steady).compactMap { state.waiters.removeValue(forKey: $0) }
      setBell(&state)
      return due
    }
    for waiter in due { waiter.resume(returning: true) }
  }

  private func setBell(_ state: inout State) {
    guard let next = state.queue.nextTime.map(time.grained) else {
      state.bell.take()?.timer.cancel()
      return
    }
    // One that goes off too early finds nobody, and is set anew.
    if let bell = state.bell, bell.end <= next { return }
    state.bell?.timer.cancel()
    state.bell = (
      next,
      Task(executorPreference: executor) { [self] in
        guard (try? await time.sleep(until: next)) != nil else { return }
        self.state.withLockedValue { if $0.bell?.end == next { $0.bell = nil } }
        letGo()
      }
    )
  }
}
