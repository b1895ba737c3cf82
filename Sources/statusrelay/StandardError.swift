import Foundation

/// stderr, written to without dying or waiting for ever: a full disk, a pipe that nobody reads and a terminal that is gone take nothing,
/// and that is no reason to leave undone what a command is for.
enum StandardError {
  /// How long a reader may take nothing before the rest of a text is given up.
  private static let patience: Int32 = 5000

  static func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      var ready = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
      let count = poll(&ready, 1, patience)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      // A pipe that is ready has room for this much, so that this doesn't wait.
      let piece = rest.prefix(Int(PIPE_BUF))
      let written = piece.withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if written > 0 {
        rest = rest.dropFirst(written)
      } else if errno != EINTR, errno != EAGAIN {
        return
      }
    }
  }

  static func writeLine(_ text: String) { write(text + "\n") }
}

enum StandardStreams {
  /// To be called first of all. Standard streams that were closed are opened on `/dev/null`: otherwise the next file to be opened, the
  /// outbox or a socket, would get the number, and log lines would be written into it. A reader that goes away is an error of the
  /// writing call, and no signal that ends the process.
  static func prepare() {
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(stream, F_GETFD) < 0 && errno == EBADF {
      // The lowest free number is this one, as those below are open by now.
      _ = open("/dev/null", stream == STDIN_FILENO ? O_RDONLY : O_WRONLY)
    }
    signal(SIGPIPE, SIG_IGN)
  }
}
