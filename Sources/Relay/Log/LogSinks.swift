import Foundation
import RelayCore
import Systemd

extension LogWriter {
  /// A writer to standard error, or with the format `journald` to the journal as far as there is one.
  public convenience init(_ log: RelayConfiguration.Log) {
    let standardError = LogStream(STDERR_FILENO)
    guard log.format == .journald, let journal = JournalSocket() else {
      self.init { standardError.write($0, as: log.format) }
      return
    }
    self.init(journal, else: standardError)
  }

  /// A writer to the journal, and to a stream what the journal does not take.
  convenience init(_ journal: JournalSocket, else stream: LogStream) {
    self.init { lines in
      let refused = lines.filter { !journal.send($0.journalEntry) }
      return refused.isEmpty ? [] : stream.write(refused, as: .journald)
    }
  }
}

/// A file, pipe or terminal that takes log lines: whole ones, as no other thread of this process writes there while it runs.
struct LogStream: Sendable {
  private let descriptor: Int32

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// Waits as long as it takes until the lines are written.
  /// - Returns: all of them, when some could not be: the reader has gone, or the disk is full.
  func write(_ lines: [LogLine], as format: RelayConfiguration.Log.Format) -> [LogLine] {
    write(Array(lines.map { $0.text(format) }.joined().utf8)) ? [] : lines
  }

  private func write(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        // Somebody else who has the same pipe or terminal open wants it not to block.
        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&ready, 1, -1)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }
}
