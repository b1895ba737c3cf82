import CCurl
import Glibc
import Synchronization

/// The sockets of one client and what epoll is told about them.
///
/// After each transfer libcurl says that the connection's socket need not be watched, and with the next transfer on the
/// same connection it asks for the same again. To spare these two system calls per transfer the socket stays with epoll,
/// and only if it then has something to say (the peer closed the idle connection) is it taken out. That is safe for the
/// sockets that are opened and closed here; other descriptors, such as the pipes of libcurl's name look-ups, may be
/// closed and their number given away without a word, so these are taken out at once.
///
/// Everything here happens on the client's thread.
final class SocketTable {
  private struct Entry {
    /// What libcurl waits for, as epoll events; 0 for nothing.
    var wanted: UInt32 = 0
    /// What epoll reports.
    var watched: UInt32 = 0
    var isWatched = false
    var isOpenedHere = false
    /// The local port under which it stands in ``kept``; 0 for none.
    var keptPort: UInt16 = 0
    /// Tells the events of this socket from leftovers of one closed earlier that had the same number.
    var generation: UInt32 = 0
  }

  private let epoll: Int32
  private let gauges: Gauges
  /// By descriptor: the kernel gives out the lowest free number, so the table stays as small as the number of sockets.
  private var entries: [Entry] = []
  /// Sockets on which an HTTP/1 exchange has ended, by local port: what libcurl tells of a connection before it uses it.
  private var kept: [UInt16: Int32] = [:]

  init(epoll: Int32, gauges: Gauges) {
    self.epoll = epoll
    self.gauges = gauges
  }

  func open(family: Int32, type: Int32, protocol: Int32) -> Int32 {
    let descriptor = socket(family, type | Int32(SOCK_CLOEXEC.rawValue), `protocol`)
    guard descriptor >= 0 else { return -1 }
    makeRoom(for: descriptor)
    noteSilentClose(of: descriptor)
    let generation = entries[Int(descriptor)].generation &+ 1
    entries[Int(descriptor)] = Entry(isOpenedHere: true, generation: generation)
    gauges.socketsOpened.add(1, ordering: .relaxed)
    return descriptor
  }

  /// The kernel takes a closed descriptor out of epoll by itself.
  func close(_ descriptor: Int32) -> Int32 {
    makeRoom(for: descriptor)
    forget(descriptor)
    let generation = entries[Int(descriptor)].generation
    entries[Int(descriptor)] = Entry(generation: generation)
    gauges.socketsClosed.add(1, ordering: .relaxed)
    return Glibc.close(descriptor)
  }

  /// libcurl 7.88 closes a socket that never got connected without a word. Its number shows up again, or this is the end.
  private func noteSilentClose(of descriptor: Int32) {
    guard entries[Int(descriptor)].isOpenedHere else { return }
    forget(descriptor)
    entries[Int(descriptor)].isOpenedHere = false
    gauges.socketsClosed.add(1, ordering: .relaxed)
  }

  /// libcurl has closed everything.
  func noteEnd() {
    for descriptor in entries.indices { noteSilentClose(of: Int32(descriptor)) }
  }

  /// An exchange that takes turns with others on its connection, as HTTP/1's do, has ended on this socket.
  func keep(_ descriptor: Int32, localPort: UInt16) {
    guard localPort != 0, entries.indices.contains(Int(descriptor)), entries[Int(descriptor)].isOpenedHere else {
      return
    }
    if entries[Int(descriptor)].keptPort == localPort, kept[localPort] == descriptor { return }
    forget(descriptor)
    entries[Int(descriptor)].keptPort = localPort
    kept[localPort] = descriptor
  }

  /// Whether a kept connection has bytes waiting, or has ended, before anything was asked on it.
  func isSpoiled(localPort: UInt16) -> Bool {
    guard let descriptor = kept[localPort] else { return false }
    var byte: UInt8 = 0
    let count = recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
    return count >= 0 || (errno != EAGAIN && errno != EINTR)
  }

  private func forget(_ descriptor: Int32) {
    let port = entries[Int(descriptor)].keptPort
    guard port != 0 else { return }
    entries[Int(descriptor)].keptPort = 0
    if kept[port] == descriptor { kept[port] = nil }
  }

  /// Takes libcurl's wish (`CURL_POLL_IN`, …) for a socket.
  func watch(_ descriptor: Int32, for wish: Int32) {
    makeRoom(for: descriptor)
    let index = Int(descriptor)
    switch wish {
    case CURL_POLL_IN: entries[index].wanted = EPOLLIN.rawValue
    case CURL_POLL_OUT: entries[index].wanted = EPOLLOUT.rawValue
    case CURL_POLL_INOUT: entries[index].wanted = EPOLLIN.rawValue | EPOLLOUT.rawValue
    default: entries[index].wanted = 0
    }
    if entries[index].wanted == 0 {
      if !entries[index].isOpenedHere { unwatch(descriptor) }
    } else if !entries[index].isWatched || entries[index].watched != entries[index].wanted {
      rewatch(descriptor)
    }
  }

  /// The descriptor and libcurl's event bits (`CURL_CSELECT_IN`, …) of a reported event; nil if nobody waits for it.
  func translate(_ event: epoll_event) -> (descriptor: Int32, bits: Int32)? {
    let descriptor = Int32(truncatingIfNeeded: event.data.u64 & 0xFFFF_FFFF)
    let entry = entries[Int(descriptor)]
    guard entry.isWatched, UInt64(entry.generation) == event.data.u64 >> 32 else { return nil }
    guard entry.wanted != 0 else {
      unwatch(descriptor)
      return nil
    }
    // An error or hang-up is shown to libcurl as readiness: reading or writing tells it which one it was.
    let isBroken = event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
    var bits: Int32 = 0
    if entry.wanted & EPOLLIN.rawValue != 0, isBroken || event.events & EPOLLIN.rawValue != 0 {
      bits |= CURL_CSELECT_IN
    }
    if entry.wanted & EPOLLOUT.rawValue != 0, isBroken || event.events & EPOLLOUT.rawValue != 0 {
      bits |= CURL_CSELECT_OUT
    }
    return (descriptor, bits)
  }

  private func makeRoom(for descriptor: Int32) {
    while entries.count <= Int(descriptor) { entries.append(Entry()) }
  }

  private func rewatch(_ descriptor: Int32) {
    let entry = entries[Int(descriptor)]
    var event = epoll_event()
    event.events = entry.wanted
    event.data.u64 = UInt64(entry.generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
    let isKnown = entry.isWatched
    if epoll_ctl(epoll, isKnown ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event) != 0 {
      // A descriptor not opened here may have been closed and opened again, or still be known, behind our back.
      guard errno == ENOENT || errno == EEXIST,
        epoll_ctl(epoll, isKnown ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, &event) == 0
      else { return }
    }
    entries[Int(descriptor)].isWatched = true
    entries[Int(descriptor)].watched = entry.wanted
  }

  private func unwatch(_ descriptor: Int32) {
    guard entries[Int(descriptor)].isWatched else { return }
    entries[Int(descriptor)].isWatched = false
    var unused = epoll_event()
    epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &unused)
  }
}
