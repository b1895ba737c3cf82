import Foundation

/// stdout, written to in whole pieces.
///
/// When whoever read it has gone (`statusrelay listen | head -1`) writing throws ``Closed``; left to itself, `FileHandle` would end the
/// process there and then, with what it had begun left behind.
enum StandardOutput {
  struct Closed: Error {}

  static func write(_ text: String) throws(Closed) {
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count >= 0 {
        written += count
      } else if errno == EAGAIN {
        var ready = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
        poll(&ready, 1, -1)
      } else if errno != EINTR {
        throw Closed()
      }
    }
  }

  /// Throws when whoever read it has gone, without writing anything.
  static func checkReader() throws(Closed) {
    var reader = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
    if poll(&reader, 1, 0) > 0, Int32(reader.revents) & (POLLERR | POLLNVAL) != 0 { throw Closed() }
  }

  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
}

/// Says on stderr how things go.
func tell(_ text: String) {
  StandardError.writeLine(text)
}
