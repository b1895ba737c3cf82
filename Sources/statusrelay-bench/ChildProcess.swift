import Foundation

/// This program again, with other arguments. It is killed when this is let go, and ends by itself when we do: a pipe to its stdin is
/// open as long as we live.
final class ChildProcess {
  private let process = Process()
  private let life = Pipe()

  /// - Parameter errorFile: where its standard error goes, else to ours.
  init(_ arguments: [String], errorFile: String? = nil) throws {
    if let errorFile {
      guard FileManager.default.createFile(atPath: errorFile, contents: nil),
        let file = FileHandle(forWritingAtPath: errorFile)
      else { throw BenchFailure("no file at \(errorFile)") }
      process.standardError = file
    }
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = arguments
    process.standardInput = life
    try process.run()
  }

  /// What it has used of processors so far, in its own and in the kernel's code.
  var processorTime: Duration {
    get throws {
      var clock = clockid_t()
      var time = timespec()
      guard clock_getcpuclockid(process.processIdentifier, &clock) == 0, clock_gettime(clock, &time) == 0 else {
        throw BenchFailure("a process has ended early: \(process.arguments ?? [])")
      }
      return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
  }

  /// Bytes of memory in use now, and at most so far.
  var memory: (resident: Int, peak: Int) {
    get throws {
      let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
      func bytes(_ name: String) throws -> Int {
        let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
        guard let kilobytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) }) else {
          throw BenchFailure("a process has ended early: \(process.arguments ?? [])")
        }
        return kilobytes * 1024
      }
      return (try bytes("VmRSS"), try bytes("VmHWM"))
    }
  }

  deinit { end() }

  /// Kills it, unless it is gone already.
  func end() {
    guard process.isRunning else { return }
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
