import CCurl
import Foundation
import Synchronization
import TestServers

/// A server for very many connections and requests: one thread, epoll, and no more of HTTP than the tests send. The
/// first letter of the path says what happens: `o` a whole answer, `c` an answer and a close, `r` a reset, `g` garbage,
/// `h` nothing until ``release()``, then a whole answer.
final class MassServer: Sendable {
  private let listener: Int32
  private let epoll: Int32
  private let wakeUp: Int32
  private let thread = DispatchSemaphore(value: 0)
  private let isStopped = Atomic<Bool>(false)
  private let isReleased = Atomic<Bool>(false)
  let port: UInt16
  /// Told the number of held requests each time it grows.
  private let onHold: @Sendable (Int) -> Void

  var url: String { "http://127.0.0.1:\(port)/" }

  init(onHold: @escaping @Sendable (Int) -> Void = { _ in }) {
    self.onHold = onHold
    (listener, port) = ScriptedServer.listenOnLoopback(backlog: 8192)
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    wakeUp = eventfd(0, Int32(EFD_CLOEXEC))
    watch(listener)
    watch(wakeUp)
    Thread.detachNewThread { [self] in
      run()
      thread.signal()
    }
  }

  /// Answers what is held, and from now on at once.
  func release() {
    isReleased.store(true, ordering: .sequentiallyConsistent)
    wake()
  }

  func stop() {
    isStopped.store(true, ordering: .sequentiallyConsistent)
    wake()
    thread.wait()
    for descriptor in [listener, epoll, wakeUp] { close(descriptor) }
  }

  private func wake() {
    var one: UInt64 = 1
    _ = write(wakeUp, &one, 8)
  }

  private func watch(_ descriptor: Int32) {
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.fd = descriptor
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
  }

  private func run() {
    let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine".utf8)
    let closingAnswer = Array("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine".utf8)
    var events = [epoll_event](repeating: epoll_event(), count: 1024)
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var open: Set<Int32> = []
    var held: [Int32] = []

    func send(_ bytes: [UInt8], to descriptor: Int32) {
      _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
    func end(_ descriptor: Int32) {
      open.remove(descriptor)
      held.removeAll { $0 == descriptor }
      close(descriptor)
    }

    while true {
      let count = epoll_wait(epoll, &events, Int32(events.count), -1)
      for index in 0..<max(Int(count), 0) {
        let descriptor = events[index].data.fd
        if descriptor == wakeUp {
          var unused: UInt64 = 0
          _ = read(wakeUp, &unused, 8)
        } else if descriptor == listener {
          let new = accept(listener, nil, nil)
          guard new >= 0 else { continue }
          open.insert(new)
          watch(new)
        } else {
          let length = recv(descriptor, &buffer, buffer.count, 0)
          guard length > 7 else {
            end(descriptor)
            continue
          }
          // "POST /o": requests are small and come in one piece.
          switch buffer[buffer[0] == UInt8(ascii: "G") ? 5 : 6] {
          case UInt8(ascii: "h") where !isReleased.load(ordering: .sequentiallyConsistent):
            held.append(descriptor)
            onHold(held.count)
          case UInt8(ascii: "c"):
            send(closingAnswer, to: descriptor)
            end(descriptor)
          case UInt8(ascii: "r"):
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
            end(descriptor)
          case UInt8(ascii: "g"):
            send(Array("garbage\r\n\r\n".utf8), to: descriptor)
            end(descriptor)
          default:
            send(answer, to: descriptor)
          }
        }
      }
      if isReleased.load(ordering: .sequentiallyConsistent) {
        for descriptor in held { send(answer, to: descriptor) }
        held = []
      }
      if isStopped.load(ordering: .sequentiallyConsistent) { break }
    }
    for descriptor in open { close(descriptor) }
  }
}
