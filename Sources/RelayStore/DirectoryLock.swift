import Foundation
import NIOConcurrencyHelpers

/// The one right to write an outbox: an exclusive `flock` on a file of its directory.
///
/// The kernel frees it when the process ends, however it ends, so that nothing stale can be left; the file itself stays. It
/// belongs to the open file and not to the process, so that a second opening within one process is refused too. The holder's
/// process id stands in the file for people; nothing relies on it.
final class DirectoryLock: Sendable {
  /// `nil` once released.
  private let descriptor: NIOLockedValueBox<Int32?>

  /// - Throws: ``OutboxError/Kind/inUse`` when it is held.
  init(_ files: OutboxFiles) throws(OutboxError) {
    // Closed on exec: a child that inherited it would hold the lock after we are gone.
    let descriptor = open(files.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw files.unusable("can't take its lock file \(files.lock)", errno) }
    var result: Int32
    repeat { result = flock(descriptor, LOCK_EX | LOCK_NB) } while result != 0 && errno == EINTR
    guard result == 0 else {
      let code = errno
      let holder = Self.readHolder(descriptor)
      close(descriptor)
      guard code == EWOULDBLOCK else { throw files.unusable("can't be locked", code) }
      throw OutboxError(
        .inUse,
        """
        The state directory \(files.directory) is in use by another statusrelay\(holder.map { " (process \($0))" } ?? ""). \
        Stop that one first, or give this one a stateDirectory of its own.
        """)
    }
    self.descriptor = NIOLockedValueBox(descriptor)
    let text = Array("\(getpid())\n".utf8)
    // Only for people: that it can't be written (a full disk) is no reason not to run.
    if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
  }

  deinit { release() }

  func release() {
    descriptor.withLockedValue { descriptor in
      if let open = descriptor {
        // A child just forked holds the same open file until it executes its program; this unlocks it for both.
        _ = flock(open, LOCK_UN)
        close(open)
      }
      descriptor = nil
    }
  }

  private static func readHolder(_ descriptor: Int32) -> Int32? {
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0 else { return nil }
    return Int32(String(decoding: bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }
}
