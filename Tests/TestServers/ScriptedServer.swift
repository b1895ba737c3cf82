import Foundation
import NIOConcurrencyHelpers
import Synchronization

@testable import Curl

/// A server on a free loopback port, or a Unix socket, whose every connection is played by a script on a thread of its
/// own. It does just what the script says, misbehaviour included.
package final class ScriptedServer: Sendable {
  private struct State {
    var connections: Set<Int32> = []
    var isStopped = false
  }

  package let port: UInt16
  private let listener: Int32
  private let unixSocketPath: String?
  private let state = NIOLockedValueBox(State())
  private let accepted = Atomic<Int>(0)
  private let threads = DispatchGroup()

  /// Connections accepted so far.
  package var acceptedCount: Int { accepted.load(ordering: .sequentiallyConsistent) }
  package var url: String { "http://127.0.0.1:\(port)" }

  /// With a context the script speaks through TLS, and is not played when the handshake fails.
  package init(
    unixSocketPath: String? = nil, tls: TLSServerContext? = nil,
    _ script: @escaping @Sendable (ServerConnection) -> Void
  ) {
    self.unixSocketPath = unixSocketPath
    (listener, port) = unixSocketPath.map { (Self.listen(onUnixSocket: $0), 0) } ?? Self.listenOnLoopback()
    threads.enter()
    Thread.detachNewThread { [self] in
      acceptAll(tls, script)
      threads.leave()
    }
  }

  /// Cuts every connection and returns when all threads are gone. Must be called: the accepting thread keeps the server.
  package func stop() {
    state.withLockedValue { state in
      state.isStopped = true
      for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
    }
    shutdown(listener, Int32(SHUT_RDWR))
    threads.wait()
    close(listener)
    if let unixSocketPath { unlink(unixSocketPath) }
  }

  private func acceptAll(_ tls: TLSServerContext?, _ script: @escaping @Sendable (ServerConnection) -> Void) {
    while true {
      let descriptor = accept(listener, nil, nil)
      guard descriptor >= 0 else {
        if errno == EINTR || errno == ECONNABORTED { continue }
        return
      }
      // A process that another test starts meanwhile must not hold the connection open.
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      let isWanted = state.withLockedValue { state in
        if !state.isStopped { state.connections.insert(descriptor) }
        return !state.isStopped
      }
      guard isWanted else {
        close(descriptor)
        return
      }
      let number = accepted.add(1, ordering: .sequentiallyConsistent).newValue
      threads.enter()
      Thread.detachNewThread { [self] in
        blockBrokenPipeSignal()
        let session = tls.map { TLSServerSession($0, descriptor: descriptor) }
        if session?.isEstablished != false {
          script(ServerConnection(descriptor: descriptor, number: number, tls: session))
        } else {
          // A close with bytes unread would be a reset, which overtakes the alert.
          shutdown(descriptor, Int32(SHUT_WR))
          ServerConnection(descriptor: descriptor, number: number, tls: nil).waitForClose()
        }
        session?.end()
        state.withLockedValue { state in
          state.connections.remove(descriptor)
          close(descriptor)
        }
        threads.leave()
      }
    }
  }

  package static func listenOnLoopback(backlog: Int32 = 1024) -> (Int32, UInt16) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && Glibc.listen(listener, backlog) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    precondition(bound, "no loopback port: \(String(cString: strerror(errno)))")
    return (listener, UInt16(bigEndian: address.sin_port))
  }

  private static func listen(onUnixSocket path: String) -> Int32 {
    let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8) + [0]) }
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 && Glibc.listen(listener, 16) == 0
      }
    }
    precondition(bound, "no Unix socket at \(path): \(String(cString: strerror(errno)))")
    return listener
  }
}

/// A request as it came in.
package struct ReceivedRequest: Sendable {
  package var line = ""
  package var headers: [String] = []
  package var body: [UInt8] = []

  package func header(_ name: String) -> String? {
    let prefix = name.lowercased() + ":"
    return headers.first { $0.lowercased().hasPrefix(prefix) }
      .map { $0.dropFirst(prefix.count).trimmingCharacters(in: .whitespaces) }
  }
}

/// One connection in the hands of a script.
package struct ServerConnection: Sendable {
  package let descriptor: Int32
  /// 1 for the first connection of the server.
  package let number: Int
  package let tls: TLSServerSession?

  /// Some of the next bytes; 0 or less when there are no more.
  package func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    tls?.receive(into: buffer) ?? recv(descriptor, buffer.baseAddress, buffer.count, 0)
  }

  private func transmit(_ buffer: UnsafeRawBufferPointer) -> Int {
    tls?.transmit(buffer) ?? Glibc.send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
  }

  /// Just so many bytes; nil when the client closes before.
  package func readBytes(_ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let more = bytes.withUnsafeMutableBytes { receive(into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...])) }
      guard more > 0 else { return nil }
      filled += more
    }
    return bytes
  }

  /// The next request; nil when the client has closed. Reads a byte at a time up to the body, so that none is lost.
  package func readRequest() -> ReceivedRequest? {
    var head: [UInt8] = []
    while !head.ends(with: Array("\r\n\r\n".utf8)) {
      guard let byte = readBytes(1) else { return nil }
      head += byte
    }
    var lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n")
    var request = ReceivedRequest(line: lines.removeFirst(), headers: lines.filter { !$0.isEmpty })
    let length = request.header("content-length").flatMap(Int.init) ?? 0
    guard let body = readBytes(length) else { return nil }
    request.body = body
    return request
  }

  /// False when the client has gone.
  @discardableResult
  package func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { transmit(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  @discardableResult
  package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  /// A whole answer with its length.
  @discardableResult
  package func answer(_ status: String = "200 OK", headers: [String] = [], body: [UInt8] = Array("fine".utf8)) -> Bool {
    let head = (["HTTP/1.1 \(status)", "Content-Length: \(body.count)"] + headers).joined(separator: "\r\n")
    return send(Array("\(head)\r\n\r\n".utf8) + body)
  }

  /// Makes the coming close a reset.
  package func armReset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
  }

  /// Waits until the client has read everything sent. A reset would throw away what it has not.
  package func awaitAllRead() {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getpeername(descriptor, $0, &length) }
    }
    let client = String(format: ":%04X", UInt16(bigEndian: address.sin_port))
    var unacknowledged: Int32 = 0
    while true {
      _ = ioctl(descriptor, UInt(TIOCOUTQ), &unacknowledged)
      let table = (try? String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)) ?? ""
      // Columns: number, local address, remote address, state, tx_queue:rx_queue.
      let queues = table.split(separator: "\n").lazy.map { $0.split(separator: " ") }
        .first { $0.count > 4 && $0[1].hasSuffix(client) }?[4]
      if unacknowledged == 0, queues?.hasSuffix(":00000000") != false { return }
      usleep(1000)
    }
  }

  /// Stays silent until the client closes or the server is stopped.
  package func waitForClose() {
    var sink = [UInt8](repeating: 0, count: 4096)
    while sink.withUnsafeMutableBytes({ receive(into: $0) }) > 0 {}
  }

  /// Answers request after request.
  package func serve(_ each: (ReceivedRequest) -> Void) {
    while let request = readRequest() { each(request) }
  }
}

extension Array where Element: Equatable {
  fileprivate func ends(with suffix: [Element]) -> Bool {
    count >= suffix.count && self[(count - suffix.count)...].elementsEqual(suffix)
  }
}
