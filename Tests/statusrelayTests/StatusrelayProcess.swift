import Foundation
import NIOConcurrencyHelpers
import Testing

/// The built `statusrelay` as a child process: its arguments, what it prints line by line, and how it ends.
///
/// It sees nothing of the tests' own environment but what it needs to run at all. Every wait has a deadline, and fails at once with
/// all that was printed when the process ends without what was waited for. Whoever lets go of one kills it.
final class StatusrelayProcess: Sendable {
  enum Stream: Sendable { case output, error }

  enum Exit: Hashable, Sendable {
    case code(Int32)
    case signal(Int32)
  }

  /// What the child finds as its standard input.
  enum Input: Sendable {
    case nothing
    /// At most what a pipe holds: 64 KiB.
    case text(String)
    /// A terminal, which all three streams are then; what is printed comes out as ``Stream/output``.
    case terminal
  }

  /// Where the child's standard error goes.
  enum ErrorTarget: Sendable {
    case read
    /// Into a pipe of 4 KiB that nobody reads.
    case unread
    case file(String)
    case closed
  }

  /// All that a process printed, and how it ended.
  struct Result: Sendable {
    var exit: Exit
    var output: String
    var error: String

    var outputLines: [String] { output.split(separator: "\n").map(String.init) }
  }

  /// Where the programs lie: beside the test bundle, whichever way that is run.
  static let directory: String = {
    let bundle =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    return (bundle as NSString).deletingLastPathComponent
  }()

  static let executable = directory + "/statusrelay"

  static let deadline = Duration.seconds(60)

  let processID: pid_t
  private let command: String
  /// The terminal's near side; closed by the reading thread.
  private let terminal: Int32?
  /// The pipe of ``ErrorTarget/unread``.
  private let unread: Int32?
  private let state = NIOLockedValueBox(State())

  private struct State {
    var output = Transcript()
    var error = Transcript()
    var exit: Exit?
    var waiters: [Int: Waiter] = [:]
    var nextWaiter = 0

    subscript(stream: Stream) -> Transcript { stream == .output ? output : error }
  }

  /// Looks at the state after every change; `true` when it has what it waits for.
  private typealias Waiter = @Sendable (borrowing State) -> Bool

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  // MARK: Starting

  /// Starts it, or another of our programs, in `directory` (else `/`), which is then its home too.
  init(
    _ arguments: [String], program: String = "statusrelay", environment: [String: String] = [:],
    directory: String? = nil, input: Input = .nothing, error: ErrorTarget = .read
  ) throws {
    command = ([program] + arguments).joined(separator: " ")
    let pipes = try ChildPipes(input, error)
    unread = pipes.unread
    var variables = ProcessInfo.processInfo.environment.filter { name, _ in
      ["PATH", "LANG", "TZ", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"].contains(name) || name.hasSuffix("SAN_OPTIONS")
    }
    variables["HOME"] = directory ?? "/nonexistent"
    variables.merge(environment) { _, new in new }
    do {
      processID = try pipes.spawn(
        Self.directory + "/" + program, [program] + arguments, variables.map { "\($0)=\($1)" }, in: directory ?? "/")
    } catch {
      pipes.closeAll()
      throw error
    }
    terminal = pipes.terminal
    pipes.closeChildEnds()
    // Holds the process until it has ended, so that it is reaped even when nobody waits.
    Thread.detachNewThread { [state = Weak(self), processID, ends = pipes.readEnds] in
      ChildPipes.read(ends) { bytes, isOutput in
        state.object?.change { isOutput ? $0.output.append(bytes) : $0.error.append(bytes) }
      }
      // It is said to have ended before its number is free for another process, so that no signal goes astray.
      var end = siginfo_t()
      while waitid(P_PID, id_t(processID), &end, WEXITED | WNOWAIT) < 0, errno == EINTR {}
      let status = end._sifields._sigchld.si_status
      state.object?.change { $0.exit = end.si_code == Int32(CLD_EXITED) ? .code(status) : .signal(status) }
      while waitpid(processID, nil, 0) < 0, errno == EINTR {}
    }
  }

  deinit {
    kill()
    if let unread { close(unread) }
  }

  private final class Weak: @unchecked Sendable {
    // A weak reference is read and cleared atomically, and it is never assigned after it was made.
    weak var object: StatusrelayProcess?
    init(_ object: StatusrelayProcess) { self.object = object }
  }

  /// Runs it to its end.
  static func run(
    _ arguments: String..., environment: [String: String] = [:], directory: String? = nil, input: Input = .nothing
  ) async throws -> Result {
    let process = try StatusrelayProcess(arguments, environment: environment, directory: directory, input: input)
    return try await process.result()
  }

  // MARK: Watching

  /// The first line that satisfies this, from the beginning of what was printed on; `nil` for a line of the kind that isn't whole yet.
  @discardableResult
  func line(
    of stream: Stream = .error, within deadline: Duration = deadline, _ isWanted: @escaping @Sendable (String) -> Bool
  ) async throws -> String {
    try await wait(for: "a certain line", within: deadline) { $0[stream].lines.first(where: isWanted) }
  }

  /// The first line with this text in it.
  @discardableResult
  func line(
    of stream: Stream = .error, containing text: String, within deadline: Duration = deadline
  ) async throws -> String {
    try await wait(for: "a line with '\(text)'", within: deadline) { state in
      state[stream].lines.first { $0.contains(text) }
    }
  }

  /// Waits until this stands in what was printed, in a whole line or not: a prompt has no line break.
  func text(_ text: String, of stream: Stream = .output, within deadline: Duration = deadline) async throws {
    try await wait(for: "'\(text)'", within: deadline) { $0[stream].text.contains(text) ? () : nil }
  }

  /// What it has printed so far.
  func printed(on stream: Stream) -> String { state.withLockedValue { $0[stream].text } }

  /// How it ended; `nil` while it runs.
  var exit: Exit? { state.withLockedValue { $0.exit } }

  /// Waits for its end.
  func result(within deadline: Duration = deadline) async throws -> Result {
    try await wait(for: "its end", within: deadline) { state in
      state.exit.map { Result(exit: $0, output: state.output.text, error: state.error.text) }
    }
  }

  // MARK: Acting

  /// A signal; nothing when it has ended.
  func send(_ signal: Int32) {
    state.withLockedValue { state in
      if state.exit == nil { _ = Foundation.kill(processID, signal) }
    }
  }

  func kill() { send(SIGKILL) }

  /// Types into its terminal.
  func type(_ text: String) {
    guard let terminal else { return }
    let bytes = Array(text.utf8)
    _ = write(terminal, bytes, bytes.count)
  }

  // MARK: Waiting

  private func change(_ body: (inout State) -> Void) {
    state.withLockedValue { state in
      body(&state)
      for (id, waiter) in state.waiters where waiter(state) { state.waiters[id] = nil }
    }
  }

  private func wait<T: Sendable>(
    for what: String, within deadline: Duration, _ find: @escaping @Sendable (borrowing State) -> T?
  ) async throws -> T {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<T, any Error>) in
      let waiter: Waiter = { [command] state in
        if let found = find(state) {
          continuation.resume(returning: found)
        } else if state.exit != nil {
          continuation.resume(throwing: Self.failure("\(command) ended without \(what)", state))
        } else {
          return false
        }
        return true
      }
      let id = state.withLockedValue { state -> Int? in
        if waiter(state) { return nil }
        state.nextWaiter += 1
        state.waiters[state.nextWaiter] = waiter
        return state.nextWaiter
      }
      guard let id else { return }
      let seconds = Double(deadline.components.seconds) + Double(deadline.components.attoseconds) / 1e18
      DispatchQueue.global().asyncAfter(deadline: .now() + seconds) { [self] in
        let late = state.withLockedValue { state in
          state.waiters.removeValue(forKey: id) == nil ? nil : Self.failure("\(command): no sign of \(what)", state)
        }
        if let late { continuation.resume(throwing: late) }
      }
    }
  }

  private static func failure(_ what: String, _ state: borrowing State) -> Failure {
    let exit = state.exit.map { "\n--- exit: \($0)" } ?? ""
    return Failure(description: "\(what)\(exit)\n--- stdout:\n\(state.output.text)\n--- stderr:\n\(state.error.text)")
  }
}

/// What a stream has brought so far.
private struct Transcript: Sendable {
  private(set) var lines: [String] = []
  private var bytes: [UInt8] = []
  private var lineStart = 0

  var text: String { String(decoding: bytes, as: UTF8.self) }

  mutating func append(_ new: ArraySlice<UInt8>) {
    for byte in new {
      bytes.append(byte)
      guard byte == UInt8(ascii: "\n") else { continue }
      var line = bytes[lineStart..<(bytes.count - 1)]
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      lines.append(String(decoding: line, as: UTF8.self))
      lineStart = bytes.count
    }
  }
}

/// Starts the built binary for the length of `body`, and kills it then if it still runs.
func withStatusrelay<T>(
  _ arguments: String..., environment: [String: String] = [:], directory: String? = nil,
  input: StatusrelayProcess.Input = .nothing, _ body: (StatusrelayProcess) async throws -> T
) async throws -> T {
  let process = try StatusrelayProcess(arguments, environment: environment, directory: directory, input: input)
  do {
    let result = try await body(process)
    process.kill()
    _ = try await process.result()
    return result
  } catch {
    process.kill()
    _ = try? await process.result()
    throw error
  }
}
