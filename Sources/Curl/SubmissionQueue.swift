import CCurl
import Glibc
import NIOConcurrencyHelpers

/// The way into the client's thread: whatever callers leave here, the thread takes all at once.
final class SubmissionQueue: Sendable {
  enum Command {
    case start([Transfer], CompletionSink)
    case cancel([UInt64], CompletionSink)
    /// Ends the thread.
    case shutDown
  }

  private struct State {
    var commands: [Command] = []
    var isClosed = false
  }

  private let state = NIOLockedValueBox(State())
  /// Written when the queue stops being empty. It is closed only when no caller and no thread is left that could write.
  let wakeUp: Int32

  init() throws(CurlError) {
    wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard wakeUp >= 0 else { throw .outOf("the client's wake-up descriptor") }
  }

  deinit { close(wakeUp) }

  enum Admission {
    case taken
    /// The client is shut down.
    case closed
    /// The guard said no.
    case refused
  }

  /// Leaves a command, unless the queue is closed or `isWanted`, asked under the queue's lock, says no. The lock makes
  /// "cancelled before it was started" and "cancelled after" the only cases there are.
  @discardableResult
  func submit(_ command: Command, if isWanted: () -> Bool = { true }) -> Admission {
    let (admission, wasEmpty) = state.withLockedValue { state -> (Admission, Bool) in
      guard !state.isClosed else { return (.closed, false) }
      guard isWanted() else { return (.refused, false) }
      if case .shutDown = command { state.isClosed = true }
      state.commands.append(command)
      return (.taken, state.commands.count == 1)
    }
    if wasEmpty { wake() }
    return admission
  }

  /// Swaps the commands left so far for an empty array, whose room is used again.
  func take(into commands: inout [Command]) {
    commands.removeAll(keepingCapacity: true)
    state.withLockedValue { swap(&$0.commands, &commands) }
  }

  private func wake() {
    var one: UInt64 = 1
    // Can only fail when the counter is full, which wakes as well.
    _ = write(wakeUp, &one, MemoryLayout<UInt64>.size)
  }
}
