import Foundation
import NIOConcurrencyHelpers
import Testing

/// A script of the folder `python`, run by the interpreter that has what Tests/requirements.txt lists.
final class PythonScript: Sendable {
  /// `nil` when the tests run without one.
  static let interpreter = ProcessInfo.processInfo.environment["STATUSRELAY_TEST_PYTHON"]
  static let comment: Comment =
    "STATUSRELAY_TEST_PYTHON is unset: set it to a Python interpreter that has Tests/requirements.txt installed"

  private struct State {
    var output: [UInt8] = []
    var isAtEnd = false
  }

  private let process: Process
  private let state = NIOLockedValueBox(State())

  /// Starts it. What it writes to standard error stands in the test's own output.
  init(_ name: String, input: Data = Data()) throws {
    let script = try #require(Bundle.module.url(forResource: name, withExtension: "py", subdirectory: "python"))
    process = Process()
    process.executableURL = URL(filePath: try #require(Self.interpreter))
    process.arguments = [script.path]
    let (inlet, outlet) = (Pipe(), Pipe())
    process.standardInput = inlet
    process.standardOutput = outlet
    try process.run()
    Thread.detachNewThread { [state] in
      while case let more = outlet.fileHandleForReading.availableData, !more.isEmpty {
        state.withLockedValue { $0.output += more }
      }
      state.withLockedValue { $0.isAtEnd = true }
    }
    try inlet.fileHandleForWriting.write(contentsOf: input)
    try inlet.fileHandleForWriting.close()
  }

  /// The whole lines of its output so far.
  var lines: [String] {
    let output = state.withLockedValue { $0.output }
    return String(decoding: output, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .dropLast().map(String.init)
  }

  /// Waits for so many lines.
  func lines(_ count: Int) async throws -> [String] {
    try await eventually("line \(count) of the script") {
      let isAtEnd = state.withLockedValue { $0.isAtEnd }
      let lines = lines
      if lines.count >= count { return lines }
      if isAtEnd { throw NeverHappened(description: "the script ended with only \(lines)") }
      return nil
    }
  }

  /// A termination would not do: the script may have been started on a thread that blocks it, and such a block is inherited.
  func end() {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }
}
