/// The answer to a request.
public struct HTTPResponse: Sendable {
  public enum Version: String, Sendable {
    case http10 = "1.0"
    case http11 = "1.1"
    case http2 = "2"
    case http3 = "3"
  }

  public struct Timings: Sendable, Hashable {
    /// From the hand-over to the client to the end of the transfer.
    public var total: Duration
  }

  /// The final status; 1xx answers are passed over.
  public let status: Int
  public let httpVersion: Version
  /// The decompressed body, as far as ``ResponseLimit`` lets it be kept.
  public let body: [UInt8]
  /// Whether ``body`` is all there was. Only a request with ``ResponseLimit/keep(first:discardUpTo:)`` sees false: when
  /// bytes were thrown away, or when the peer, a timeout or a damaged encoding cut the body short.
  public let isComplete: Bool
  /// The request's ``HTTPRequest/bodyReceiver`` after it has taken the whole body; ``body`` is empty then. `nil` when the body was not for
  /// it: the answer is no success.
  public internal(set) var bodyReceiver: (any BodyReceiver)?
  public let timings: Timings
  /// The final header block as received, status line and line ends included.
  let headerBlock: [UInt8]

  /// The value of the first header of this name, which is compared without regard to ASCII case. Spaces around the value
  /// are cut off, and bytes that are not UTF-8 are replaced by U+FFFD. Takes time in the size of the header block.
  public func header(_ name: String) -> String? {
    let length = name.utf8.count
    var rest = headerBlock[...]
    while let end = rest.firstIndex(of: .lineFeed) {
      let line = rest[..<end]
      rest = rest[(end + 1)...]
      guard line.count > length, line[line.startIndex + length] == .colon,
        zip(line, name.utf8).allSatisfy({ asciiLowercased($0) == asciiLowercased($1) })
      else { continue }
      return String(decoding: line[(line.startIndex + length + 1)...].trimmingBlanks, as: UTF8.self)
    }
    return nil
  }

  /// All of them as received, in their order, written as ``header(_:)`` reads them. What has no colon is left out.
  public var headers: [(name: String, value: String)] {
    headerBlock.split(separator: .lineFeed).dropFirst().compactMap { line in
      guard let colon = line.firstIndex(of: .colon) else { return nil }
      return (
        String(decoding: line[..<colon].trimmingBlanks, as: UTF8.self),
        String(decoding: line[(colon + 1)...].trimmingBlanks, as: UTF8.self)
      )
    }
  }
}

extension UInt8 {
  static let lineFeed = UInt8(ascii: "\n")
  static let colon = UInt8(ascii: ":")

  /// Space, tab, CR or LF: what may stand around a header's value.
  var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0D || self == 0x0A }
}

extension ArraySlice<UInt8> {
  var trimmingBlanks: ArraySlice<UInt8> {
    guard let first = firstIndex(where: { !$0.isBlank }), let last = lastIndex(where: { !$0.isBlank }) else {
      return []
    }
    return self[first...last]
  }
}

func asciiLowercased(_ byte: UInt8) -> UInt8 {
  (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
}
