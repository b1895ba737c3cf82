import Glibc

/// What has been received of one answer: takes the header lines and body bytes as they come and decides when it is
/// enough.
///
/// 1xx blocks in front of the answer are passed over, trailers after it too, but all of them count towards the limit of
/// the headers.
struct Reception {
  /// Why the client itself stopped receiving.
  enum Cut {
    case headersTooLarge
    case bodyTooLarge
    /// Under ``ResponseLimit/keep(first:discardUpTo:)``: no more is wanted.
    case enough
  }

  /// The most header bytes of one answer. libcurl would take 100 KB in each line.
  static let headerLimit = 64 << 10
  /// Header room kept between answers.
  private static let keptHeaderCapacity = 8 << 10

  private(set) var cut: Cut?
  /// The final status; 0 before its line.
  private(set) var status = 0
  /// Whether the final header block is there, down to its empty line.
  private(set) var isAnswered = false
  private(set) var headerBlock: [UInt8] = []
  private var body: [UInt8] = []
  /// Takes the body instead of ``body``, if the answer is a success.
  private var receiver: (any BodyReceiver)?
  /// Of the answer's header; `nil` without one. A compressed body is longer.
  private var contentLength: Int?
  private var limit = ResponseLimit.fail(above: 0)
  private var headerCount = 0
  private var bodyCount = 0

  /// Whether body bytes were thrown away.
  var isBodyCut: Bool { !isReceiving && bodyCount > body.count }

  /// Whether the body goes to the receiver. Where only the beginning is kept, there is little to hand on.
  private var isReceiving: Bool {
    if case .fail = limit { receiver != nil && (200..<300).contains(status) } else { false }
  }

  mutating func begin(limit: ResponseLimit, receiver: (any BodyReceiver)? = nil) {
    self.limit = limit
    self.receiver = receiver
    cut = nil
    status = 0
    isAnswered = false
    if headerBlock.capacity > Self.keptHeaderCapacity {
      headerBlock = []
    } else {
      headerBlock.removeAll(keepingCapacity: true)
    }
    body = []
    contentLength = nil
    headerCount = 0
    bodyCount = 0
  }

  /// Begins once more with the same limit, before any of the body has been received.
  mutating func beginAgain() {
    begin(limit: limit, receiver: receiver)
  }

  /// Takes one header line, line end included; false stops the transfer.
  mutating func takeHeader(_ line: UnsafeRawBufferPointer) -> Bool {
    headerCount += line.count
    guard headerCount <= Self.headerLimit else {
      cut = .headersTooLarge
      return false
    }
    guard !isAnswered else { return true }
    if let status = Self.status(of: line) {
      self.status = status
      headerBlock.removeAll(keepingCapacity: true)
      contentLength = nil
    } else if let length = Self.contentLength(of: line) {
      contentLength = length
    }
    headerBlock.append(contentsOf: line)
    if let first = line.first, first == UInt8(ascii: "\r") || first == .lineFeed { isAnswered = status >= 200 }
    return true
  }

  /// Takes the next bytes of the decompressed body; false stops the transfer.
  mutating func takeBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let received = bodyCount
    bodyCount += bytes.count
    switch limit {
    case .fail(let most):
      guard bodyCount <= most else {
        cut = .bodyTooLarge
        body = []
        receiver = nil
        return false
      }
      if isReceiving {
        receiver?.take(bytes.assumingMemoryBound(to: UInt8.self).span)
        return true
      }
      // Once, instead of growing on the way. What the peer announces and doesn't send is not touched, and costs nothing.
      if received == 0, let contentLength { body.reserveCapacity(min(contentLength, most)) }
      body.append(contentsOf: bytes)
    case .keep(let first, let discardUpTo):
      if body.count < first { body.append(contentsOf: bytes.prefix(first - body.count)) }
      guard bodyCount <= max(first, discardUpTo) else {
        cut = .enough
        return false
      }
    }
    return true
  }

  /// Lets go of the body and hands it out, or the receiver that has taken it.
  mutating func takeOutBody() -> (bytes: [UInt8], receiver: (any BodyReceiver)?) {
    defer { recycle() }
    return (body, isReceiving ? receiver : nil)
  }

  /// Lets go of what is left.
  mutating func recycle() {
    body = []
    receiver = nil
  }

  /// - Parameter name: in small letters, with the colon.
  private static func isHeader(_ line: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
    guard line.count > name.utf8CodeUnitCount else { return false }
    return name.withUTF8Buffer { name in
      for index in name.indices where asciiLowercased(line[index]) != name[index] { return false }
      return true
    }
  }

  /// The number in "Content-Length: 17"; nil for any other line.
  private static func contentLength(of line: UnsafeRawBufferPointer) -> Int? {
    let name: StaticString = "content-length:"
    guard line.count < 40, isHeader(line, name) else { return nil }
    var length = 0
    for byte in line[name.utf8CodeUnitCount...] where !byte.isBlank {
      guard (0x30...0x39).contains(byte), length < 1 << 48 else { return nil }
      length = length * 10 + Int(byte - 0x30)
    }
    return length
  }

  /// The status in "HTTP/1.1 200 OK"; nil for any other line.
  private static func status(of line: UnsafeRawBufferPointer) -> Int? {
    guard line.count >= 9, isHeader(line, "http/"), let space = line.firstIndex(of: 0x20) else { return nil }
    var status = 0
    for byte in line[(space + 1)...].prefix(3) {
      guard (0x30...0x39).contains(byte) else { return nil }
      status = status * 10 + Int(byte - 0x30)
    }
    return status
  }
}
