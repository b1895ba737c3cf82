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
  /// What the body may be, as long as it has not turned out to be another one; its first ``bodyCount`` bytes have been received.
  private var expected: [UInt8]?
  /// Of a body that need not be handed out.
  private var knownDigest: BodyDigest?
  /// Of the answer's header; `nil` without one. A compressed body is longer.
  private var contentLength: Int?
  /// Whether the body's length is the header's: it isn't compressed.
  private var isPlain = true
  /// Whether the body was the one with the known digest.
  private var isKnown = false
  private var limit = ResponseLimit.fail(above: 0)
  private let rooms: BodyRooms

  init(rooms: BodyRooms) { self.rooms = rooms }

  private var headerCount = 0
  private var bodyCount = 0

  /// Whether body bytes were thrown away.
  var isBodyCut: Bool { expected == nil && !isKnown && bodyCount > body.count }

  mutating func begin(limit: ResponseLimit, expecting expectedBody: ExpectedBody? = nil) {
    self.limit = limit
    expected = nil
    knownDigest = nil
    // Where the beginning is kept only, there is little to spare.
    if case .fail = limit, let expectedBody {
      switch expectedBody {
      case .bytes(let bytes): expected = bytes
      case .digest(let digest): knownDigest = digest
      }
    }
    cut = nil
    status = 0
    isAnswered = false
    if headerBlock.capacity > Self.keptHeaderCapacity {
      headerBlock = []
    } else {
      headerBlock.removeAll(keepingCapacity: true)
    }
    body = []
    isKnown = false
    isPlain = true
    contentLength = nil
    headerCount = 0
    bodyCount = 0
  }

  /// Begins once more with the same limit, before any of the body has been received.
  mutating func beginAgain() {
    begin(limit: limit, expecting: expected.map { .bytes($0) } ?? knownDigest.map { .digest($0) })
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
      isPlain = true
    } else if let length = Self.contentLength(of: line) {
      contentLength = length
    } else if Self.isHeader(line, "content-encoding:") {
      isPlain = false
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
        expected = nil
        return false
      }
      if let expected {
        if Self.holds(expected, bytes, at: received) { return true }
        self.expected = nil
        body.reserveCapacity(min(max(expected.count, contentLength ?? 0, bodyCount), most))
        body.append(contentsOf: expected[..<received])
      } else if received == 0 {
        if knownDigest != nil { body = rooms.take() }
        // Once, instead of growing on the way. What the peer announces and doesn't send is not touched, and costs nothing.
        if let contentLength { body.reserveCapacity(min(contentLength, most)) }
      }
      body.append(contentsOf: bytes)
      // As soon as it is all there, while it is in the processor's cache, so that the next one can have its room.
      if isPlain, bodyCount == contentLength, isKnownBody { forgetKnownBody() }
    case .keep(let first, let discardUpTo):
      if body.count < first { body.append(contentsOf: bytes.prefix(first - body.count)) }
      guard bodyCount <= max(first, discardUpTo) else {
        cut = .enough
        return false
      }
    }
    return true
  }

  /// Lets go of the body and hands it out; `nil` when it is the expected one.
  mutating func takeOutBody() -> [UInt8]? {
    if let expected {
      self.expected = nil
      return bodyCount == expected.count ? nil : Array(expected[..<bodyCount])
    }
    if !isKnown, isKnownBody { forgetKnownBody() }
    if isKnown { return nil }
    defer { body = [] }
    return body
  }

  private var isKnownBody: Bool {
    knownDigest.map { body.count == $0.count && BodyDigest(of: body) == $0 } ?? false
  }

  private mutating func forgetKnownBody() {
    isKnown = true
    let room = body
    body = []
    rooms.give(room)
  }

  /// Lets go of what is left.
  mutating func recycle() {
    body = []
    expected = nil
    knownDigest = nil
  }

  /// Whether these bytes stand there at this place.
  private static func holds(_ expected: [UInt8], _ bytes: UnsafeRawBufferPointer, at place: Int) -> Bool {
    guard let start = bytes.baseAddress, place + bytes.count <= expected.count else { return bytes.isEmpty }
    return expected.withUnsafeBytes { expected in
      expected.baseAddress.map { memcmp($0 + place, start, bytes.count) == 0 } ?? bytes.isEmpty
    }
  }

  /// - Parameter name: in small letters, with the colon.
  private static func isHeader(_ line: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
    guard line.count > name.utf8CodeUnitCount else { return false }
    return name.withUTF8Buffer { name in
      for (index, byte) in name.enumerated() where asciiLowercased(line[index]) != byte { return false }
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
    guard line.count >= 9, line.starts(with: "HTTP/".utf8), let space = line.firstIndex(of: 0x20) else { return nil }
    var status = 0
    for byte in line[(space + 1)...].prefix(3) {
      guard (0x30...0x39).contains(byte) else { return nil }
      status = status * 10 + Int(byte - 0x30)
    }
    return status
  }
}
