import CCurl
import Glibc

/// One `curl_easy` handle with the memory that libcurl reads from and writes to while it runs a transfer. Handles are
/// used again for transfer after transfer, and only the options that differ from the last one's are set.
///
/// Everything here happens on the client's thread.
final class EasyHandle {
  let easy: UnsafeMutableRawPointer
  /// This handle's place in the loop's table and in its deadlines.
  let slot: Int
  private let sockets: SocketTable

  // The transfer under way.
  var mailbox: Mailbox?
  var tag: UInt64 = 0
  private(set) var started: UInt64 = 0
  private(set) var timeouts = TransferTimeouts()
  /// What ``timeouts`` says in nanoseconds.
  private var requestedTimeouts: Timeouts?
  fileprivate(set) var reception = Reception()
  /// The `errno` of the last socket that could not be opened for this transfer.
  fileprivate(set) var socketError: Int32 = 0
  /// Opened for this transfer; libcurl may have closed some.
  private var openedSockets: [Int32] = []
  /// Whether libcurl chose a kept connection that must not be used, see ``mayAsk(localPort:)``.
  private(set) var metSpoiledConnection = false
  private var isKeeping = false
  private var progress = 0
  private var lastProgress: UInt64 = 0

  // What libcurl points to.
  private let errorBuffer = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
  private var headers = HeaderChain()
  private var sharedHeaders: HeaderList?
  private var body = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 10, alignment: 1)

  // What is set in libcurl.
  private var options = EasyOptions()
  private var demandsFreshConnection = false

  /// Room for a body kept between transfers.
  private static let keptBodyCapacity = 64 << 10

  init?(slot: Int, sockets: SocketTable) {
    guard let easy = curl_easy_init() else { return nil }
    self.easy = easy
    self.slot = slot
    self.sockets = sockets
    setBasics()
  }

  deinit {
    curl_easy_cleanup(easy)
    errorBuffer.deallocate()
    body.deallocate()
  }

  // MARK: One transfer

  /// Sets the handle up for this request, or says why it cannot be sent.
  func prepare(_ request: HTTPRequest, at now: UInt64) throws(CurlError) {
    guard request.method == .post || request.body.isEmpty else {
      throw .invalidRequest("A GET request has no body; use POST or leave the body out.")
    }
    started = now
    if requestedTimeouts != request.timeouts {
      requestedTimeouts = request.timeouts
      timeouts = TransferTimeouts(request.timeouts)
    }
    lastProgress = now
    progress = 0
    socketError = 0
    openedSockets.removeAll(keepingCapacity: true)
    errorBuffer.pointee = 0
    demandFreshConnection(false)
    if case .keep = request.responseLimit { isKeeping = true } else { isKeeping = false }
    reception.begin(limit: request.responseLimit, receiver: request.bodyReceiver)
    if options.tls != request.tls, options.tls != nil {
      // libcurl has no way to put one TLS option back to its default.
      curl_easy_reset(easy)
      options = EasyOptions()
      demandsFreshConnection = false
      setBasics()
    }
    try options.apply(request, to: easy)
    try setHeaders(request)
    if request.method == .post { setBody(request.body) }
  }

  /// Makes the same transfer ready to be started once more, on a connection of its own. Its timeouts go on.
  func prepareFreshConnection() {
    demandFreshConnection(true)
    errorBuffer.pointee = 0
    reception.beginAgain()
  }

  private func demandFreshConnection(_ isDemanded: Bool) {
    metSpoiledConnection = false
    guard isDemanded != demandsFreshConnection else { return }
    demandsFreshConnection = isDemanded
    ccurl_set_long(easy, CURLOPT_FRESH_CONNECT, isDemanded ? 1 : 0)
  }

  /// Whether the request may go out on the connection with this local port.
  ///
  /// Bytes that wait on a kept connection before anything was asked there (an answer too many, a proxy's parting 408) would be taken for
  /// the answer to this request. libcurl looks for them itself from version 8 on only. What arrives later can't be told from an
  /// answer that comes early.
  fileprivate func mayAsk(localPort: Int32) -> Bool {
    // A new connection may have the local port of a kept one to another host.
    metSpoiledConnection =
      !demandsFreshConnection && sockets.isSpoiled(localPort: UInt16(truncatingIfNeeded: localPort))
    return !metSpoiledConnection
  }

  /// Lets go of what the transfer held.
  func recycle() {
    mailbox = nil
    reception.recycle()
    if body.count > Self.keptBodyCapacity {
      body.deallocate()
      body = .allocate(byteCount: 1 << 10, alignment: 1)
    }
  }

  /// When this transfer's time must be looked at next.
  func nextCheck(at now: UInt64) -> UInt64 {
    let end = started &+ timeouts.total
    guard let stalled = timeouts.stalled else { return end }
    return min(end, now &+ max(stalled / 4, 1_000_000))
  }

  /// The timeout that has passed by `now`, if one has.
  func passedTimeout(at now: UInt64) -> CurlError? {
    if now >= started &+ timeouts.total {
      var circumstances = progressCircumstances
      // libcurl 7.88.1 has no connect time before the TLS handshake is over: findings/libcurl-connect-time-of-tls.sh.
      if circumstances.isConnecting, openedSockets.contains(where: Self.hasPeer) { circumstances.isConnecting = false }
      let kind = CurlError.kind(of: CURLE_OPERATION_TIMEDOUT, circumstances)
      let what = kind == .connectTimeout ? "No connection was made" : "The transfer was not done"
      return CurlError(
        kind: kind, code: Int32(CURLE_OPERATION_TIMEDOUT.rawValue),
        message: "\(what) within its \(Duration.nanoseconds(timeouts.total)).")
    }
    guard let stalled = timeouts.stalled else { return nil }
    // Before it has a connection a transfer is under the connect timeout.
    let bytes = offset(CURLINFO_PRETRANSFER_TIME_T) == 0 ? -1 : transferredBytes
    if bytes != progress || bytes == -1 {
      progress = bytes
      lastProgress = now
    }
    guard now &- lastProgress >= stalled else { return nil }
    return CurlError(
      kind: .stalled, code: Int32(CURLE_OPERATION_TIMEDOUT.rawValue),
      message: "No byte was sent or received for \(Duration.nanoseconds(stalled)).")
  }

  /// What became of the transfer that libcurl ended with this code.
  func result(of code: CURLcode, at now: UInt64) -> Result<HTTPResponse, CurlError> {
    if code == CURLE_OK {
      // libcurl is content with a connection that is closed within the headers.
      guard reception.isAnswered else {
        return .failure(
          error(.reset, code, "The connection was closed before the headers of the answer had all arrived."))
      }
      return .success(response(isComplete: !reception.isBodyCut, at: now))
    }
    if isKeeping, reception.isAnswered { return .success(response(isComplete: false, at: now)) }
    switch reception.cut {
    case .bodyTooLarge:
      return .failure(
        error(.responseTooLarge, code, "The response body is longer than the request allows; the transfer was ended."))
    case .headersTooLarge:
      return .failure(
        error(.headersTooLarge, code, "The response has more than \(Reception.headerLimit) bytes of headers."))
    case .enough, nil:
      return .failure(failure(code))
    }
  }

  /// What became of the transfer that a timeout ended.
  func result(ofTimeout error: CurlError, at now: UInt64) -> Result<HTTPResponse, CurlError> {
    isKeeping && reception.isAnswered ? .success(response(isComplete: false, at: now)) : .failure(error)
  }

  private func response(isComplete: Bool, at now: UInt64) -> HTTPResponse {
    let version: HTTPResponse.Version =
      switch long(CURLINFO_HTTP_VERSION) {
      case Int(CURL_HTTP_VERSION_1_0): .http10
      case Int(CURL_HTTP_VERSION_2_0): .http2
      case Int(CURL_HTTP_VERSION_3): .http3
      default: .http11
      }
    if version == .http10 || version == .http11 { keepConnection() }
    let body = reception.takeOutBody()
    return HTTPResponse(
      status: reception.status, httpVersion: version, body: body.bytes, isComplete: isComplete,
      bodyReceiver: body.receiver,
      timings: .init(total: .nanoseconds(now &- started)),
      // A copy of just this size: the reception goes on with its own room.
      headerBlock: reception.headerBlock.withUnsafeBufferPointer { Array($0) })
  }

  private func keepConnection() {
    var socket: curl_socket_t = -1
    ccurl_get_socket(easy, CURLINFO_ACTIVESOCKET, &socket)
    if socket >= 0 { sockets.keep(socket, localPort: UInt16(truncatingIfNeeded: long(CURLINFO_LOCAL_PORT))) }
  }

  private func failure(_ code: CURLcode) -> CurlError {
    var circumstances = progressCircumstances
    circumstances.detail = String(cString: errorBuffer)
    circumstances.connectStatus = long(CURLINFO_HTTP_CONNECTCODE)
    circumstances.isRequestSent = long(CURLINFO_REQUEST_SIZE) > 0
    circumstances.isAnswered = reception.isAnswered
    circumstances.socketError = socketError
    let kind = CurlError.kind(of: code, circumstances)
    // libcurl takes this for a lack of memory.
    if kind == .headersTooLarge { return error(kind, code, "A header line of the response is too long.") }
    let general = String(cString: curl_easy_strerror(code))
    // libcurl quotes what it cannot parse.
    let isQuote = kind == .invalidRequest || circumstances.detail.contains("Unsupported proxy")
    return error(kind, code, circumstances.detail.isEmpty || isQuote ? general : circumstances.detail)
  }

  /// How far the transfer has come. A kept connection has no connect time, but goes on to the request at once.
  private var progressCircumstances: CurlError.Circumstances {
    CurlError.Circumstances(
      isConnecting: offset(CURLINFO_CONNECT_TIME_T) == 0 && offset(CURLINFO_PRETRANSFER_TIME_T) == 0,
      isResolved: offset(CURLINFO_NAMELOOKUP_TIME_T) > 0)
  }

  /// Whether a socket is connected.
  private static func hasPeer(_ socket: Int32) -> Bool {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(socket, $0, &length) == 0 }
    }
  }

  private func error(_ kind: CurlError.Kind, _ code: CURLcode, _ message: String) -> CurlError {
    let values = headers.values + (sharedHeaders?.values ?? []) + options.secrets
    return CurlError(
      kind: kind, code: Int32(code.rawValue),
      message: Redaction.redact(message, urls: [options.url?.text ?? "", options.proxy ?? ""], values: values))
  }

  // MARK: libcurl's side

  private func setBasics() {
    let itself = Unmanaged.passUnretained(self).toOpaque()
    ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorBuffer)
    ccurl_set_pointer(easy, CURLOPT_PRIVATE, itself)
    ccurl_set_write_callback(easy, CURLOPT_WRITEFUNCTION, takeBody)
    ccurl_set_pointer(easy, CURLOPT_WRITEDATA, itself)
    ccurl_set_write_callback(easy, CURLOPT_HEADERFUNCTION, takeHeader)
    ccurl_set_pointer(easy, CURLOPT_HEADERDATA, itself)
    ccurl_set_open_socket_callback(easy, openSocket)
    ccurl_set_pointer(easy, CURLOPT_OPENSOCKETDATA, itself)
    ccurl_set_prereq_callback(easy, beforeRequest)
    ccurl_set_pointer(easy, CURLOPT_PREREQDATA, itself)
    // Connections outlive the handle that opened them, so that closing one is the table's affair.
    ccurl_set_close_socket_callback(easy, closeSocket)
    ccurl_set_pointer(easy, CURLOPT_CLOSESOCKETDATA, Unmanaged.passUnretained(sockets).toOpaque())
    EasyOptions.applyFixed(to: easy)
  }

  private func setHeaders(_ request: HTTPRequest) throws(CurlError) {
    let shared = request.sharedHeaders ?? .empty
    try headers.fill(request.headers, before: shared.first)
    if sharedHeaders !== shared { sharedHeaders = shared }
    ccurl_set_list(easy, CURLOPT_HTTPHEADER, headers.first)
  }

  /// Copies the body: libcurl reads it until the transfer ends, and a Swift array's address is not ours to keep.
  private func setBody(_ bytes: [UInt8]) {
    if bytes.count > body.count {
      body.deallocate()
      body = .allocate(byteCount: bytes.count, alignment: 1)
    }
    body.copyBytes(from: bytes)
    ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
    ccurl_set_pointer(easy, CURLOPT_POSTFIELDS, body.baseAddress)
  }

  private var transferredBytes: Int {
    offset(CURLINFO_SIZE_UPLOAD_T) + offset(CURLINFO_SIZE_DOWNLOAD_T) + long(CURLINFO_HEADER_SIZE)
      + long(CURLINFO_REQUEST_SIZE)
  }

  private func long(_ info: CURLINFO) -> Int {
    var value = 0
    ccurl_get_long(easy, info, &value)
    return value
  }

  private func offset(_ info: CURLINFO) -> Int {
    var value: curl_off_t = 0
    ccurl_get_offset(easy, info, &value)
    return Int(value)
  }

  fileprivate func open(_ address: UnsafeMutablePointer<curl_sockaddr>) -> Int32 {
    let socket = sockets.open(
      family: address.pointee.family, type: address.pointee.socktype, protocol: address.pointee.protocol)
    if socket < 0 { socketError = errno } else { openedSockets.append(socket) }
    return socket
  }
}

/// A transfer's timeouts in nanoseconds of the monotonic clock.
struct TransferTimeouts {
  var total: UInt64 = 0
  var stalled: UInt64?

  init() {}

  init(_ timeouts: Timeouts) {
    total = timeouts.total.clampedNanoseconds
    stalled = timeouts.stalled?.clampedNanoseconds
  }
}

extension Duration {
  /// At least a millisecond, at most some thirty years, so that sums of two moments cannot overflow.
  var clampedNanoseconds: UInt64 {
    let most: Int64 = 1_000_000_000
    let (seconds, attoseconds) = components
    if seconds >= most { return UInt64(most) * 1_000_000_000 }
    if seconds < 0 { return 1_000_000 }
    return max(UInt64(seconds) * 1_000_000_000 + UInt64(max(attoseconds, 0)) / 1_000_000_000, 1_000_000)
  }

  static func nanoseconds(_ count: UInt64) -> Duration { .nanoseconds(Int64(count)) }
}

// MARK: Callbacks

private func handle(_ pointer: UnsafeMutableRawPointer) -> EasyHandle {
  Unmanaged<EasyHandle>.fromOpaque(pointer).takeUnretainedValue()
}

private let takeBody: @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
  bytes, size, count, pointer in
  guard let pointer else { return 0 }
  let length = size * count
  let taken = handle(pointer).reception.takeBody(UnsafeRawBufferPointer(start: bytes, count: length))
  // Fewer bytes than given make libcurl end the transfer. A call without bytes cannot be refused and never is.
  return taken ? length : 0
}

private let takeHeader: @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
  bytes, size, count, pointer in
  guard let pointer else { return 0 }
  let length = size * count
  let taken = handle(pointer).reception.takeHeader(UnsafeRawBufferPointer(start: bytes, count: length))
  return taken ? length : 0
}

private let openSocket:
  @convention(c) (UnsafeMutableRawPointer?, curlsocktype, UnsafeMutablePointer<curl_sockaddr>?) -> curl_socket_t = {
    pointer, _, address in
    guard let pointer, let address else { return -1 }
    return handle(pointer).open(address)
  }

private let beforeRequest:
  @convention(c) (
    UnsafeMutableRawPointer?, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?, Int32, Int32
  ) -> Int32 = { pointer, _, _, _, localPort in
    guard let pointer else { return CURL_PREREQFUNC_OK }
    return handle(pointer).mayAsk(localPort: localPort) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
  }

private let closeSocket: @convention(c) (UnsafeMutableRawPointer?, curl_socket_t) -> Int32 = { pointer, socket in
  guard let pointer else { return -1 }
  return Unmanaged<SocketTable>.fromOpaque(pointer).takeUnretainedValue().close(socket)
}
