import Glibc

/// One datagram to a Unix socket.
struct UnixDatagram {
  private var address = sockaddr_un()
  private var length: socklen_t = 0

  /// - Parameter path: `/…`, or `@…` for a name in Linux's abstract namespace (https://man7.org/linux/man-pages/man7/unix.7.html); `nil`
  ///   for anything else, and for what is too long to be either.
  init?(_ path: String) {
    var bytes = Array(path.utf8)
    guard let first = bytes.first, bytes.count > 1, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      return nil
    }
    switch first {
    case UInt8(ascii: "/"): break
    case UInt8(ascii: "@"): bytes[0] = 0
    default: return nil
    }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    // An abstract name has no end but the address's.
    let end = bytes[0] == 0 ? 0 : 1
    length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path)! + bytes.count + end)
  }

  /// A socket to send with; nil when the system has none left.
  static func openSocket() -> Int32? {
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    return descriptor >= 0 ? descriptor : nil
  }

  /// - Parameter waits: whether to wait for room in the receiver's queue; else a full one counts as not sent.
  /// - Returns: whether it was sent.
  func send(_ bytes: [UInt8], with descriptor: Int32, waits: Bool = true) -> Bool {
    let flags = Int32(MSG_NOSIGNAL) | (waits ? 0 : Int32(MSG_DONTWAIT))
    return send(bytes, with: descriptor, flags)
  }

  private func send(_ bytes: [UInt8], with descriptor: Int32, _ flags: Int32) -> Bool {
    withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        var sent: Int
        repeat {
          sent = sendto(descriptor, bytes, bytes.count, flags, address, length)
        } while sent < 0 && errno == EINTR
        return sent == bytes.count
      }
    }
  }
}
