import CCurl

/// An immutable list of request headers that many requests share, checked and laid out for libcurl once.
///
/// An empty value is sent as an empty header.
public final class HeaderList: @unchecked Sendable {
  // Sendable: the chain is written in `init` only. libcurl takes it as `const` and reads it on any number of threads.
  private var chain = HeaderChain()

  /// Throws ``CurlError/Kind-swift.enum/invalidRequest`` for a name that is no HTTP token or is the client's own
  /// (`Content-Length`, `Transfer-Encoding`, `Expect`), and for a value with CR, LF or NUL.
  public init(_ headers: [(name: String, value: String)]) throws(CurlError) {
    try chain.fill(headers, before: Suppressions.chain)
  }

  /// The list under a request that shares none.
  static let empty: HeaderList = {
    do { return try HeaderList([]) } catch { fatalError("an empty header list was refused: \(error)") }
  }()

  var first: UnsafeMutablePointer<curl_slist>? { chain.first }

  /// What must not show up in an error's message.
  var values: [String] { chain.values }
}

/// The memory of one `curl_slist`: nodes side by side and their texts one after the other, used again for request after
/// request so that a header costs no allocation.
///
/// libcurl neither frees nor changes the list it is given in `CURLOPT_HTTPHEADER`
/// (https://curl.se/libcurl/c/CURLOPT_HTTPHEADER.html), so it need not come from `curl_slist_append`, and the last node
/// may go on with a list that somebody else owns.
struct HeaderChain: ~Copyable {
  private var nodes: UnsafeMutablePointer<curl_slist>?
  private var nodeCapacity = 0
  private var nodeCount = 0
  private var text: UnsafeMutablePointer<CChar>?
  private var textCapacity = 0
  private var tail: UnsafeMutablePointer<curl_slist>?

  /// Room for texts that a chain keeps between requests; more is given back, so that one large request doesn't cost
  /// memory for ever.
  private static let keptTextCapacity = 16 << 10

  deinit {
    nodes?.deallocate()
    text?.deallocate()
  }

  var first: UnsafeMutablePointer<curl_slist>? { nodeCount == 0 ? tail : nodes }

  /// Replaces the chain's headers, which `next` follows. The owner of `next` must outlive the chain's use.
  mutating func fill(
    _ headers: [(name: String, value: String)], before next: UnsafeMutablePointer<curl_slist>?
  ) throws(CurlError) {
    nodeCount = 0
    tail = next
    guard !headers.isEmpty else { return }
    var bytes = 0
    // "Name: value" and NUL.
    for header in headers { bytes += header.name.utf8.count + header.value.utf8.count + 3 }
    reserve(nodes: headers.count, bytes: bytes)
    guard let nodes, var end = text else { return }
    for index in headers.indices {
      nodes[index].data = end
      nodes[index].next = index + 1 < headers.count ? nodes + index + 1 : next
      end = try Self.write(name: headers[index].name, value: headers[index].value, to: end)
    }
    nodeCount = headers.count
  }

  /// What must not show up in an error's message.
  var values: [String] {
    guard let nodes else { return [] }
    return (0..<nodeCount).compactMap { index in
      let line = String(cString: nodes[index].data)
      return line.firstIndex(of: ":").map { String(line[line.index(after: $0)...].drop { $0 == " " }) }
    }
  }

  private mutating func reserve(nodes wanted: Int, bytes: Int) {
    if wanted > nodeCapacity {
      nodes?.deallocate()
      nodeCapacity = max(wanted, 8)
      nodes = .allocate(capacity: nodeCapacity)
    }
    if bytes > textCapacity || (textCapacity > Self.keptTextCapacity && bytes <= Self.keptTextCapacity) {
      text?.deallocate()
      textCapacity = max(bytes, 512)
      text = .allocate(capacity: textCapacity)
    }
  }

  /// Writes one header in libcurl's spelling and returns the place after it. The caller has reserved the room.
  private static func write(
    name: String, value: String, to start: UnsafeMutablePointer<CChar>
  ) throws(CurlError) -> UnsafeMutablePointer<CChar> {
    let nameBytes = name.utf8.span
    var end = start
    var isToken = nameBytes.count > 0
    for index in nameBytes.indices {
      if !nameBytes[index].isTokenCharacter { isToken = false }
      end[index] = CChar(bitPattern: nameBytes[index])
    }
    guard isToken else { throw .invalidRequest("A header's name is empty or has a character that names cannot have.") }
    guard !isOwnedByClient(name) else {
      throw .invalidRequest("The header \(name) is set by the HTTP client itself; leave it out.")
    }
    let separator = start + nameBytes.count
    end = separator + 2
    let valueBytes = value.utf8.span
    var isBlank = true
    for index in valueBytes.indices {
      let byte = valueBytes[index]
      guard byte != 0, byte != 0x0A, byte != 0x0D else {
        throw .invalidRequest("The value of the header \(name) has a line break or a NUL in it.")
      }
      // What libcurl's ISSPACE counts as space: a value of nothing else would be taken for none.
      if byte != 0x20, !(0x09...0x0D).contains(byte) { isBlank = false }
      end[index] = CChar(bitPattern: byte)
    }
    end += valueBytes.count
    if isBlank {
      separator[0] = CChar(bitPattern: UInt8(ascii: ";"))
      end = separator + 1
    } else {
      separator[0] = CChar(bitPattern: UInt8(ascii: ":"))
      separator[1] = CChar(bitPattern: UInt8(ascii: " "))
    }
    end.pointee = 0
    return end + 1
  }

  private static func isOwnedByClient(_ name: String) -> Bool {
    switch name.utf8.count {
    case 6: isName(name, "expect")
    case 14: isName(name, "content-length")
    case 17: isName(name, "transfer-encoding")
    default: false
    }
  }

  /// - Parameter wanted: in small letters.
  private static func isName(_ name: String, _ wanted: StaticString) -> Bool {
    wanted.withUTF8Buffer { wanted in name.utf8.elementsEqual(wanted) { asciiLowercased($0) == $1 } }
  }
}

/// What ends every chain: it keeps libcurl from adding headers of its own, namely `Expect`, which it sends with a body
/// above 1 MB and then waits a second for the answer, and its default `Content-Type` of an HTML form. A name with nothing
/// after the colon means "don't add".
private enum Suppressions {
  /// Built once and never freed: every chain of the process ends in it. `nonisolated(unsafe)` because it is a pointer;
  /// what it points to is never written again.
  nonisolated(unsafe) static let chain: UnsafeMutablePointer<curl_slist>? =
    curl_slist_append(curl_slist_append(nil, "Expect:"), "Content-Type:")
}

extension UInt8 {
  /// A `tchar` of RFC 9110, 5.6.2.
  fileprivate var isTokenCharacter: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
      UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
      true
    default:
      false
    }
  }
}
