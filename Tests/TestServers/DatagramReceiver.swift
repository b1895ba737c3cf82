import Foundation
import NIOConcurrencyHelpers

/// A Unix socket that keeps every datagram it gets, as the service manager's and the journal's are.
package final class DatagramReceiver: Sendable {
  private let descriptor: Int32
  private let received = NIOLockedValueBox<[[UInt8]]>([])
  private let isGone = DispatchSemaphore(value: 0)

  /// - Parameter path: `/…`, or `@…` for an abstract name.
  package init(_ path: String) {
    descriptor = Self.bound(to: path)
    Thread.detachNewThread { [descriptor, received, isGone] in
      var room = [UInt8](repeating: 0, count: 1 << 18)
      while case let count = recv(descriptor, &room, room.count, 0), count > 0 {
        let datagram = Array(room[..<count])
        received.withLockedValue { $0.append(datagram) }
      }
      isGone.signal()
    }
  }

  /// A socket of this name.
  fileprivate static func bound(to path: String) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let (address, length) = address(of: path)
    let status = withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    precondition(status == 0, "no socket at \(path)")
    return descriptor
  }

  fileprivate static func address(of path: String) -> (sockaddr_un, socklen_t) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(path.utf8)
    let isAbstract = bytes[0] == UInt8(ascii: "@")
    if isAbstract { bytes[0] = 0 }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path)! + bytes.count + (isAbstract ? 0 : 1))
    return (address, length)
  }

  package var datagrams: [[UInt8]] { received.withLockedValue { $0 } }

  /// As text, each.
  package var texts: [String] { datagrams.map { String(decoding: $0, as: UTF8.self) } }

  package func stop() {
    shutdown(descriptor, Int32(SHUT_RDWR))
    isGone.wait()
    close(descriptor)
  }
}

/// A Unix socket that takes nothing by itself, so that its queue fills: a service manager or a journal that stands still.
package final class StoppedReceiver: Sendable {
  private let descriptor: Int32

  /// - Parameter path: `/…`, or `@…` for an abstract name.
  package init(_ path: String) { descriptor = DatagramReceiver.bound(to: path) }

  deinit { close(descriptor) }

  /// Sends to it until its queue is full.
  package func fill(_ path: String) {
    let sender = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(sender) }
    let (address, length) = DatagramReceiver.address(of: path)
    withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        while sendto(sender, "x", 1, Int32(MSG_DONTWAIT), address, length) == 1 {}
      }
    }
  }

  /// Takes what is in the queue now, as texts.
  package func receiveAll() -> [String] {
    var texts: [String] = []
    var room = [UInt8](repeating: 0, count: 1 << 18)
    while case let count = recv(descriptor, &room, room.count, Int32(MSG_DONTWAIT)), count > 0 {
      texts.append(String(decoding: room[..<count], as: UTF8.self))
    }
    return texts
  }
}
