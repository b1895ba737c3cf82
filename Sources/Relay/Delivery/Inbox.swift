import NIOConcurrencyHelpers

/// What happens anywhere, on its way to the one actor that takes it in.
///
/// An `AsyncStream` hands over one element at a time, and asks the task's executor for each: this asks it once for all that is there.
final class Inbox<Element: Sendable>: Sendable {
  private struct State {
    var elements: [Element] = []
    var waiting: CheckedContinuation<Void, Never>?
  }

  private let state = NIOLockedValueBox(State())

  func add(_ element: Element) {
    let waiting = state.withLockedValue { state in
      state.elements.append(element)
      return state.waiting.take()
    }
    waiting?.resume()
  }

  /// All that has come since the last call, in the order it came; waits for something if need be, whether or not the task is
  /// cancelled. There is one at a time who waits.
  func next(isolation: isolated (any Actor)? = #isolation) async -> [Element] {
    await withCheckedContinuation { continuation in
      let isReady = state.withLockedValue { state in
        guard state.elements.isEmpty else { return true }
        state.waiting = continuation
        return false
      }
      if isReady { continuation.resume() }
    }
    return state.withLockedValue { state in
      defer { state.elements = [] }
      return state.elements
    }
  }
}
