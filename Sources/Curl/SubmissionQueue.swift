import CCurl
import Glibc
import NIOConcurrencyHelpers

/// The way into the client's thread: whatever callers leave here, the thread takes all at once.
final class SubmissionQueue: Sendable {
  enum Command {
    case start([Transfer], CompletionSink)
    case cancel([UInt64], CompletionSink)
    case run(UnownedJob, LoopExecutor)
    case runTask(UnownedJob, LoopTaskExecutor)
    /// Under a tag, until nanoseconds of ``SleepTable/now``.
    case sleep(UInt64, until: UInt64, SleepTable.Sleeper)
    case wake(UInt64)
    /// Ends the thread.
    case shutDown
  }

  private struct State {
    var commands: [Command] = []
    var isClosed = false
    var thread: pthread_t?
  }

  private let state = NIOLockedValueBox(State())
  /// Written when the queue stops being empty. It is closed only when no caller and no thread is left that could write.
  let wakeUp: Int32

  init() throws(CurlError) {
    wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard wakeUp >= 0 else { throw .outOf("the client's wake-up descriptor") }
  }

  deinit { close(wakeUp) }

  /// The calling thread is the one that takes the commands. What it leaves here itself wakes nobody: it looks whether there is something
  /// before it sleeps.
  func adoptThread() {
    let thread = pthread_self()
    state.withLockedValue { $0.thread = thread }
  }

  var isEmpty: Bool { state.withLockedValue { $0.commands.isEmpty } }

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
    let (admission, wakes) = state.withLockedValue { state -> (Admission, Bool) in
      guard !state.isClosed else { return (.closed, false) }
      guard isWanted() else { return (.refused, false) }
      if case .shutDown = command { state.isClosed = true }
      state.commands.append(command)
      let isOwn = state.thread.map { pthread_equal($0, pthread_self()) != 0 } ?? false
      return (.taken, state.commands.count == 1 && !isOwn)
    }
    if wakes { wake() }
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
