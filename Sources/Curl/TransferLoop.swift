import CCurl
import Glibc

/// The client's thread at work: waits in epoll, lets libcurl act on the sockets and timers that are due, takes in what
/// callers submitted and hands out what has ended, each in one batch a turn. No step looks at all transfers.
///
/// Created on the caller's thread, then used on its own thread alone.
final class TransferLoop {
  private let configuration: CurlClient.Configuration
  private let submissions: SubmissionQueue
  private let gauges: Gauges
  private let multi: OpaquePointer
  private let epoll: Int32
  private let sockets: SocketTable

  private var handles: [EasyHandle?] = []
  private var freeSlots: [Int] = []
  private var idle: [EasyHandle] = []
  private var running = 0
  private var deadlines = DeadlineQueue()
  private var sleeps = SleepTable()
  private var mailboxes: [ObjectIdentifier: Mailbox] = [:]
  /// Those with completions to deliver.
  private var filled: [Mailbox] = []
  private var commands: [SubmissionQueue.Command] = []
  /// When libcurl wants to be called although no socket is ready.
  private var timer: UInt64?
  private var now: UInt64 = 0
  private var isEnding = false

  /// Handles kept for later transfers. One takes some 6 KB; beyond this many, making one anew costs less than the memory.
  private static let keptHandles = 1024
  /// Events taken from epoll in one call. More wait for the next turn, which comes at once.
  private static let eventRoom = 512
  /// The longest sleep, so that the turn counter shows a living thread.
  private static let longestSleep: UInt64 = 10_000_000_000
  /// Marks the wake-up among epoll's events; no socket's mark is as large.
  private static let wakeUpMark = UInt64.max

  init(
    configuration: CurlClient.Configuration, submissions: SubmissionQueue, gauges: Gauges
  ) throws(CurlError) {
    guard CurlLibrary.start() == CURLE_OK, let multi = curl_multi_init() else { throw .outOf("libcurl's handle") }
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    var event = epoll_event()
    // Edge-triggered: each write wakes once, and nothing needs to be read.
    event.events = EPOLLIN.rawValue | EPOLLET.rawValue
    event.data.u64 = Self.wakeUpMark
    guard epoll >= 0, epoll_ctl(epoll, EPOLL_CTL_ADD, submissions.wakeUp, &event) == 0 else {
      curl_multi_cleanup(multi)
      if epoll >= 0 { close(epoll) }
      throw .outOf("the client's epoll descriptor")
    }
    self.multi = OpaquePointer(multi)
    self.configuration = configuration
    self.submissions = submissions
    self.gauges = gauges
    sockets = SocketTable(epoll: epoll, gauges: gauges)
    configure()
  }

  deinit {
    // The callbacks would find an object that is going away.
    ccurl_multi_set_socket_callback(pointer, nil)
    ccurl_multi_set_timer_callback(pointer, nil)
    curl_multi_cleanup(pointer)
    sockets.noteEnd()
    close(epoll)
  }

  /// Runs until the client is shut down; every transfer has ended and been handed out then.
  func run() {
    submissions.adoptThread()
    var events = [epoll_event](repeating: epoll_event(), count: Self.eventRoom)
    while !isEnding {
      let count = epoll_wait(epoll, &events, Int32(events.count), submissions.isEmpty ? sleepMilliseconds : 0)
      now = Self.monotonicNow
      for index in 0..<max(Int(count), 0) where events[index].data.u64 != Self.wakeUpMark {
        guard let event = sockets.translate(events[index]) else { continue }
        act(on: event.descriptor, event.bits)
      }
      runTimer()
      takeFinished()
      deliver()
      sleeps.wakeDue()
      // A task that was waiting for what has just been delivered goes on, then enters its actor, which starts transfers.
      for _ in 0..<3 { takeSubmissions() }
      // Transfers just added have set the timer to now.
      runTimer()
      takeFinished()
      checkDeadlines()
      if isEnding { endAll() }
      gauges.turns.add(1, ordering: .relaxed)
      deliver()
    }
    idle = []
    handles = []
    gauges.handles.store(0, ordering: .relaxed)
  }

  private var pointer: UnsafeMutableRawPointer { UnsafeMutableRawPointer(multi) }

  private func configure() {
    let itself = Unmanaged.passUnretained(self).toOpaque()
    ccurl_multi_set_socket_callback(pointer) { _, socket, what, loop, _ in
      guard let loop else { return -1 }
      Unmanaged<TransferLoop>.fromOpaque(loop).takeUnretainedValue().sockets.watch(socket, for: what)
      return 0
    }
    ccurl_multi_set_pointer(pointer, CURLMOPT_SOCKETDATA, itself)
    ccurl_multi_set_timer_callback(pointer) { _, milliseconds, loop in
      guard let loop else { return -1 }
      Unmanaged<TransferLoop>.fromOpaque(loop).takeUnretainedValue().setTimer(milliseconds)
      return 0
    }
    ccurl_multi_set_pointer(pointer, CURLMOPT_TIMERDATA, itself)
    ccurl_multi_set_long(pointer, CURLMOPT_MAX_TOTAL_CONNECTIONS, configuration.maxConnections)
    ccurl_multi_set_long(pointer, CURLMOPT_MAX_HOST_CONNECTIONS, configuration.maxConnectionsPerHost)
    ccurl_multi_set_long(pointer, CURLMOPT_MAXCONNECTS, configuration.idleConnectionCacheSize)
  }

  // MARK: Time

  private static var monotonicNow: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  private func setTimer(_ milliseconds: Int) {
    // Counted from the moment libcurl says it: the turn's own time may be some milliseconds old in a long turn.
    timer = milliseconds < 0 ? nil : milliseconds == 0 ? 0 : Self.monotonicNow + UInt64(milliseconds) * 1_000_000
  }

  private func runTimer() {
    guard let due = timer, due <= now else { return }
    timer = nil
    act(on: CURL_SOCKET_TIMEOUT, 0)
  }

  /// epoll's timeout: rounded up, so that what it is for is due afterwards.
  private var sleepMilliseconds: Int32 {
    let earliest = min(timer ?? .max, deadlines.next ?? .max)
    if earliest == 0 { return 0 }
    let current = Self.monotonicNow
    if earliest <= current { return 0 }
    let wait = min(earliest - current, sleeps.wait ?? .max, Self.longestSleep)
    return Int32((wait + 999_999) / 1_000_000)
  }

  private func checkDeadlines() {
    while let slot = deadlines.popExpired(at: now) {
      guard let handle = handles[slot] else { continue }
      if let timeout = handle.passedTimeout(at: now) {
        end(handle, handle.result(ofTimeout: timeout, at: now))
      } else {
        deadlines.schedule(slot, at: handle.nextCheck(at: now))
      }
    }
  }

  // MARK: libcurl

  private func act(on socket: curl_socket_t, _ bits: Int32) {
    var unused: Int32 = 0
    curl_multi_socket_action(pointer, socket, bits, &unused)
  }

  private func takeFinished() {
    var left: Int32 = 0
    while let message = curl_multi_info_read(pointer, &left) {
      // Read before the handle is taken out, which frees the message.
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
      let code = message.pointee.data.result
      var owner: UnsafeMutableRawPointer?
      ccurl_get_pointer(easy, CURLINFO_PRIVATE, &owner)
      guard let owner else { continue }
      let handle = Unmanaged<EasyHandle>.fromOpaque(owner).takeUnretainedValue()
      if handle.metSpoiledConnection, restart(handle) { continue }
      end(handle, handle.result(of: code, at: now))
    }
  }

  // MARK: Transfers

  private func takeSubmissions() {
    submissions.take(into: &commands)
    guard !commands.isEmpty else { return }
    // Actors have run meanwhile: what starts now starts now.
    now = Self.monotonicNow
    for index in commands.indices {
      switch commands[index] {
      case .start(let transfers, let sink):
        let mailbox = mailbox(of: sink)
        for transfer in transfers { start(transfer, in: mailbox) }
      case .cancel(let tags, let sink):
        guard let mailbox = mailboxes[ObjectIdentifier(sink)] else { continue }
        for tag in tags {
          if let handle = mailbox.running[tag] { end(handle, .failure(.cancelled)) }
        }
      case .run(let job, let executor):
        job.runSynchronously(on: executor.asUnownedSerialExecutor())
      case .runTask(let job, let executor):
        job.runSynchronously(on: executor.asUnownedTaskExecutor())
      case .sleep(let tag, let end, let sleeper):
        sleeps.add(tag, until: end, sleeper)
      case .wake(let tag):
        sleeps.cancel(tag)
      case .shutDown:
        isEnding = true
      }
    }
    commands.removeAll(keepingCapacity: true)
  }

  private func mailbox(of sink: CompletionSink) -> Mailbox {
    let key = ObjectIdentifier(sink)
    if let known = mailboxes[key] { return known }
    let new = Mailbox(sink)
    mailboxes[key] = new
    return new
  }

  private func start(_ transfer: Transfer, in mailbox: Mailbox) {
    guard mailbox.running[transfer.tag] == nil else {
      hand(.failure(.invalidRequest("The tag \(transfer.tag) belongs to a transfer that runs.")), transfer.tag, mailbox)
      return
    }
    guard let handle = idle.popLast() ?? makeHandle() else {
      hand(.failure(.outOf("another transfer")), transfer.tag, mailbox)
      return
    }
    do throws(CurlError) {
      try handle.prepare(transfer.request, at: now)
      guard curl_multi_add_handle(pointer, handle.easy) == CURLM_OK else { throw CurlError.outOf("another transfer") }
    } catch {
      keep(handle)
      hand(.failure(error), transfer.tag, mailbox)
      return
    }
    handle.mailbox = mailbox
    handle.tag = transfer.tag
    mailbox.running[transfer.tag] = handle
    running += 1
    deadlines.schedule(handle.slot, at: handle.nextCheck(at: now))
  }

  /// Takes the transfer out of libcurl, which aborts it if it is under way, and hands its result out.
  private func end(_ handle: EasyHandle, _ result: Result<HTTPResponse, CurlError>) {
    curl_multi_remove_handle(pointer, handle.easy)
    deadlines.remove(handle.slot)
    running -= 1
    if let mailbox = handle.mailbox {
      mailbox.running[handle.tag] = nil
      hand(result, handle.tag, mailbox)
    }
    keep(handle)
  }

  /// Nothing has been sent: the transfer starts again, on a connection of its own. Its deadline stands.
  private func restart(_ handle: EasyHandle) -> Bool {
    curl_multi_remove_handle(pointer, handle.easy)
    handle.prepareFreshConnection()
    return curl_multi_add_handle(pointer, handle.easy) == CURLM_OK
  }

  private func endAll() {
    sleeps.cancelAll()
    for case let handle? in handles where handle.mailbox != nil { end(handle, .failure(.shutDown)) }
  }

  private func hand(_ result: Result<HTTPResponse, CurlError>, _ tag: UInt64, _ mailbox: Mailbox) {
    if mailbox.add(Completion(tag: tag, result: result)) { filled.append(mailbox) }
  }

  private func deliver() {
    // Before the delivery, so that whoever gets a result finds its transfer no longer counted.
    gauges.running.store(running, ordering: .relaxed)
    for mailbox in filled {
      if mailbox.running.isEmpty { mailboxes[ObjectIdentifier(mailbox.sink)] = nil }
      mailbox.deliver()
    }
    filled.removeAll(keepingCapacity: true)
  }

  // MARK: Handles

  private func makeHandle() -> EasyHandle? {
    let slot = freeSlots.last ?? handles.count
    guard let handle = EasyHandle(slot: slot, sockets: sockets) else { return nil }
    if freeSlots.popLast() == nil { handles.append(handle) } else { handles[slot] = handle }
    gauges.handles.add(1, ordering: .relaxed)
    return handle
  }

  private func keep(_ handle: EasyHandle) {
    handle.recycle()
    if idle.count < Self.keptHandles {
      idle.append(handle)
    } else {
      handles[handle.slot] = nil
      freeSlots.append(handle.slot)
      gauges.handles.subtract(1, ordering: .relaxed)
    }
  }
}
