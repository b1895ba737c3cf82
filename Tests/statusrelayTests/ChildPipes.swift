import Foundation

/// The descriptors between a test and the child process it starts. All are closed on exec, so that children started at the same time
/// don't hold each other's.
struct ChildPipes {
  private var input: Int32
  private var output: Int32
  private var error: Int32
  private var near: [Int32]
  private var isTerminal = false
  /// The end of a pipe that is kept open and not read.
  private(set) var unread: Int32?

  struct Failure: Error, CustomStringConvertible {
    var description: String
    init(_ what: String, _ code: Int32) { description = "\(what): \(String(cString: strerror(code)))" }
  }

  init(_ source: StatusrelayProcess.Input, _ errorTarget: StatusrelayProcess.ErrorTarget = .read) throws {
    try self.init(source)
    switch errorTarget {
    case .read: return
    case .unread:
      _ = fcntl(near[1], GNUFunctions.setPipeSize, 4096)
      unread = near[1]
    case .file(let path):
      close(error)
      close(near[1])
      error = open(path, O_WRONLY | O_CLOEXEC)
      guard error >= 0 else { throw Failure("no \(path)", errno) }
    case .closed:
      close(error)
      close(near[1])
      error = -1
    }
    near.removeLast()
  }

  private init(_ source: StatusrelayProcess.Input) throws {
    switch source {
    case .terminal:
      let terminal = GNUFunctions.openTerminal(O_RDWR | O_NOCTTY | O_CLOEXEC)
      var name = [CChar](repeating: 0, count: 128)
      guard terminal >= 0, GNUFunctions.grantTerminal(terminal) == 0, GNUFunctions.unlockTerminal(terminal) == 0,
        GNUFunctions.nameTerminal(terminal, &name, name.count) == 0
      else { throw Failure("no terminal", errno) }
      let far = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
      guard far >= 0 else { throw Failure("no terminal", errno) }
      (input, output, error, near, isTerminal) = (far, far, far, [terminal], true)
    case .nothing, .text:
      let out = try Self.pipe()
      let err = try Self.pipe()
      (output, error, near) = (out.write, err.write, [out.read, err.read])
      if case .text(let text) = source {
        let source = try Self.pipe()
        let bytes = Array(text.utf8)
        precondition(bytes.count <= 65_536, "more than a pipe holds")
        _ = write(source.write, bytes, bytes.count)
        close(source.write)
        input = source.read
      } else {
        input = open("/dev/null", O_RDONLY | O_CLOEXEC)
      }
    }
  }

  private static func pipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    guard GNUFunctions.makePipe(&ends, O_CLOEXEC) == 0 else { throw Failure("no pipe", errno) }
    return (ends[0], ends[1])
  }

  /// The terminal, or the output's and the error's pipes: whoever reads them closes them.
  var readEnds: [Int32] { near }
  var terminal: Int32? { isTerminal ? near[0] : nil }

  func closeChildEnds() { for end in Set([input, output, error]) where end >= 0 { close(end) } }

  func closeAll() {
    closeChildEnds()
    for end in near { close(end) }
  }

  /// Starts a program with these as its standard streams, no signal blocked or ignored, and in this directory.
  func spawn(_ path: String, _ arguments: [String], _ environment: [String], in directory: String) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (end, number) in [(input, STDIN_FILENO), (output, STDOUT_FILENO), (error, STDERR_FILENO)] {
      if end >= 0 {
        posix_spawn_file_actions_adddup2(&actions, end, number)
      } else {
        posix_spawn_file_actions_addclose(&actions, number)
      }
    }
    _ = GNUFunctions.addChangeOfDirectory(&actions, directory)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var child: pid_t = 0
    let code = withCStrings(arguments) { arguments in
      withCStrings(environment) { environment in
        posix_spawn(&child, path, &actions, &attributes, arguments, environment)
      }
    }
    guard code == 0 else { throw Failure("can't start \(path)", code) }
    return child
  }

  /// Reads until every end is closed from the other side; on a thread of its own.
  static func read(_ ends: [Int32], _ take: (ArraySlice<UInt8>, _ isOutput: Bool) -> Void) {
    var polled = ends.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while polled.contains(where: { $0.fd >= 0 }) {
      guard poll(&polled, nfds_t(polled.count), -1) >= 0 || errno == EINTR else { break }
      for index in polled.indices where polled[index].fd >= 0 && polled[index].revents != 0 {
        let count = Foundation.read(polled[index].fd, &buffer, buffer.count)
        if count > 0 {
          take(buffer[..<count], index == 0)
        } else if count == 0 || errno != EINTR {
          // A terminal ends with EIO.
          polled[index].fd = -1
        }
        polled[index].revents = 0
      }
    }
    for end in ends { close(end) }
  }
}

private func withCStrings<T>(_ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> T) -> T {
  let pointers = texts.map { strdup($0) }
  defer { for pointer in pointers { free(pointer) } }
  return body(pointers + [nil])
}
