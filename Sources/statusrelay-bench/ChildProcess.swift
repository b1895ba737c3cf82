import Foundation

/// This program again, with other arguments. It is killed when this is let go, and ends by itself when we do: a pipe to its stdin is
/// open as long as we live.
final class ChildProcess {
  private let process = Process()
  private let life = Pipe()

  init(_ arguments: [String]) throws {
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = arguments
    process.standardInput = life
    try process.run()
  }

  deinit {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// In the child: watches over the pipe, on a thread of its own.
  static func endWithParent() {
    Thread.detachNewThread {
      var byte: UInt8 = 0
      while read(STDIN_FILENO, &byte, 1) > 0 {}
      exit(0)
    }
  }
}
