import NIOConcurrencyHelpers

/// The port a server listens on, for those who wait until it does.
final class BoundPort: Sendable {
  private enum State {
    case unknown(waiting: [Int: CheckedContinuation<Int, any Error>], nextID: Int)
    case known(Result<Int, any Error>)
  }

  private let state = NIOLockedValueBox(State.unknown(waiting: [:], nextID: 0))

  /// Waits for it to be settled. Ends with a `CancellationError` when the waiting task is cancelled.
  var value: Int {
    get async throws {
      let id = state.withLockedValue { state -> Int in
        guard case .unknown(let waiting, let id) = state else { return -1 }
        state = .unknown(waiting: waiting, nextID: id + 1)
        return id
      }
      return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
          let outcome = state.withLockedValue { state -> Result<Int, any Error>? in
            switch state {
            case .known(let result): return result
            case .unknown(var waiting, let nextID):
              // Cancelled before it could be seen waiting: nobody else would ever resume it.
              if Task.isCancelled { return .failure(CancellationError()) }
              waiting[id] = continuation
              state = .unknown(waiting: waiting, nextID: nextID)
              return nil
            }
          }
          if let outcome { continuation.resume(with: outcome) }
        }
      } onCancel: {
        cancel(id)
      }
    }
  }

  /// The first call counts.
  func settle(_ result: Result<Int, any Error>) {
    let waiting = state.withLockedValue { state -> [CheckedContinuation<Int, any Error>] in
      guard case .unknown(let waiting, _) = state else { return [] }
      state = .known(result)
      return Array(waiting.values)
    }
    for continuation in waiting { continuation.resume(with: result) }
  }

  private func cancel(_ id: Int) {
    let continuation = state.withLockedValue { state -> CheckedContinuation<Int, any Error>? in
      guard case .unknown(var waiting, let nextID) = state else { return nil }
      let continuation = waiting.removeValue(forKey: id)
      state = .unknown(waiting: waiting, nextID: nextID)
      return continuation
    }
    continuation?.resume(throwing: CancellationError())
  }
}
