import Foundation
import Synchronization
import TestServers

@testable import Curl

/// Connects to a port of this machine and passes bytes on in both directions until either side closes. Returns false when nobody
/// listens there.
@discardableResult
func splice(_ client: Int32, toPort port: UInt16, beginningWith bytes: [UInt8] = []) -> Bool {
  let server = connectToLoopback(port)
  guard server >= 0 else { return false }
  defer { close(server) }
  guard sendAll(bytes, to: server) else { return false }
  var sides = [client, server].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
  var buffer = [UInt8](repeating: 0, count: 16_384)
  while poll(&sides, 2, -1) > 0 {
    for side in 0...1 where sides[side].revents != 0 {
      let count = recv(sides[side].fd, &buffer, buffer.count, 0)
      guard count > 0, sendAll(Array(buffer.prefix(count)), to: sides[1 - side].fd) else { return true }
    }
  }
  return true
}

private func connectToLoopback(_ port: UInt16) -> Int32 {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = inet_addr("127.0.0.1")
  let result = withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  guard result == 0 else {
    close(descriptor)
    return -1
  }
  return descriptor
}

private func sendAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
  var rest = bytes[...]
  while !rest.isEmpty {
    let sent = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    guard sent > 0 else { return false }
    rest = rest.dropFirst(sent)
  }
  return true
}

/// A way in at [::1] that leads to a port at 127.0.0.1.
final class IPv6Door: Sendable {
  let port: UInt16
  private let listener: Int32
  private let accepted = Atomic<Int>(0)

  var acceptedCount: Int { accepted.load(ordering: .sequentiallyConsistent) }

  /// Whether this machine has an IPv6 loopback address.
  static let isThere: Bool = {
    guard let (listener, _) = listen() else { return false }
    close(listener)
    return true
  }()

  init(to target: UInt16) {
    guard let (listener, port) = Self.listen() else { fatalError("no port at [::1]") }
    self.listener = listener
    self.port = port
    Thread.detachNewThread { [self] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        accepted.add(1, ordering: .sequentiallyConsistent)
        Thread.detachNewThread {
          splice(client, toPort: target)
          close(client)
        }
      }
    }
  }

  /// Must be called: the accepting thread keeps the door.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  private static func listen() -> (Int32, UInt16)? {
    let listener = socket(AF_INET6, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_addr = in6addr_loopback
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && Foundation.listen(listener, 16) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    guard isBound else {
      close(listener)
      return nil
    }
    return (listener, UInt16(bigEndian: address.sin6_port))
  }
}
