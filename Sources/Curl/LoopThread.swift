import CCurl
import Dispatch
import Glibc
import NIOConcurrencyHelpers

/// The thread that runs a client's loop. A POSIX thread rather than Foundation's, because it can be joined: after a
/// shutdown nothing of it is left.
final class LoopThread: Sendable {
  private enum State {
    case running
    case ended
    /// Joined, or left to the system.
    case released
  }

  private struct Shared {
    var state = State.running
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  /// What the new thread gets.
  private final class Entry {
    let loop: TransferLoop
    let board: Board

    init(loop: TransferLoop, board: Board) {
      self.loop = loop
      self.board = board
    }
  }

  private final class Board: Sendable {
    let shared = NIOLockedValueBox(Shared())
    let ended = DispatchGroup()

    init() { ended.enter() }

    func announceEnd() {
      defer { ended.leave() }
      let waiters = shared.withLockedValue { shared in
        if shared.state == .running { shared.state = .ended }
        defer { shared.waiters = [] }
        return shared.waiters
      }
      for waiter in waiters { waiter.resume() }
    }
  }

  private let board = Board()
  private let thread: pthread_t

  init(running loop: sending TransferLoop) throws(CurlError) {
    let entry = Unmanaged.passRetained(Entry(loop: loop, board: board)).toOpaque()
    guard let thread = Self.start(entry) else {
      Unmanaged<Entry>.fromOpaque(entry).release()
      board.ended.leave()
      throw .outOf("the client's thread")
    }
    self.thread = thread
  }

  deinit {
    // Not joined here: the last reference may go away on the very thread, in a sink.
    let isOurs = board.shared.withLockedValue { shared in
      defer { shared.state = .released }
      return shared.state != .released
    }
    if isOurs { pthread_detach(thread) }
  }

  /// Empty when the thread has nothing left to do but return.
  var ended: DispatchGroup { board.ended }

  /// Returns when the thread is gone.
  func join() async {
    await withCheckedContinuation { continuation in
      let hasEnded = board.shared.withLockedValue { shared in
        if shared.state == .running { shared.waiters.append(continuation) }
        return shared.state != .running
      }
      if hasEnded { continuation.resume() }
    }
    let isOurs = board.shared.withLockedValue { shared in
      defer { shared.state = .released }
      return shared.state == .ended
    }
    // It has nothing left to do but return, so this does not block.
    if isOurs { pthread_join(thread, nil) }
  }

  private static let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { main($0) }

  private static func start(_ entry: UnsafeMutableRawPointer) -> pthread_t? {
    var thread = pthread_t()
    return pthread_create(&thread, nil, body, entry) == 0 ? thread : nil
  }

  private static func main(_ pointer: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let pointer else { return nil }
    ccurl_name_this_thread("curl")
    blockSignals()
    let board = run(Unmanaged<Entry>.fromOpaque(pointer).takeRetainedValue())
    board.announceEnd()
    return nil
  }

  /// When this returns the loop is gone, its sockets with it: it takes the last reference along.
  private static func run(_ entry: consuming Entry) -> Board {
    entry.loop.run()
    return entry.board
  }

  /// Signals belong to the program's own threads; SIGPIPE, which a TLS library may cause by writing to a closed
  /// connection, to nobody. The synchronous ones stay, for they are crashes.
  private static func blockSignals() {
    var signals = sigset_t()
    sigfillset(&signals)
    for crash in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT] { sigdelset(&signals, crash) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }
}
