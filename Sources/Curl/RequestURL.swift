import CCurl

/// Where requests go: an absolute `http:` or `https:` URL, already percent-encoded.
///
/// It is checked and taken apart once, for as many requests as go there. libcurl does so for every transfer of a URL that it is given as a
/// text, which is a tenth of what a small request costs; see https://curl.se/libcurl/c/CURLOPT_CURLU.html.
public final class RequestURL: @unchecked Sendable {
  // Sendable: written in `init` only. libcurl copies the parts for each transfer, and changes nothing.
  public let text: String
  /// libcurl's `CURLU`.
  private let parts: Result<OpaquePointer, CurlError>

  /// Nothing is refused here: requests to a URL that can't be used end with ``CurlError/Kind-swift.enum/invalidRequest``.
  public init(_ text: String) {
    self.text = text
    do throws(CurlError) {
      parts = .success(try Self.parse(text))
    } catch {
      parts = .failure(error)
    }
  }

  deinit {
    if case .success(let parts) = parts { curl_url_cleanup(parts) }
  }

  /// Sets it in an easy handle, which points to this from then on.
  func apply(to easy: UnsafeMutableRawPointer) throws(CurlError) {
    let parts = try parts.get()
    // The parts win. The text is libcurl's idea of where it was last, which would be that of the handle's first request for ever.
    guard ccurl_set_string(easy, CURLOPT_URL, text) == CURLE_OK,
      ccurl_set_pointer(easy, CURLOPT_CURLU, UnsafeMutableRawPointer(parts)) == CURLE_OK
    else { throw .outOf("a URL") }
  }

  private static func parse(_ text: String) throws(CurlError) -> OpaquePointer {
    try check(text)
    guard let parts = curl_url() else { throw .outOf("a URL") }
    let code = curl_url_set(parts, CURLUPART_URL, text, 0)
    guard code == CURLUE_OK else {
      curl_url_cleanup(parts)
      if code == CURLUE_OUT_OF_MEMORY { throw .outOf("a URL") }
      throw .invalidRequest("The URL can't be used: \(String(cString: curl_url_strerror(code))).")
    }
    return parts
  }

  private static func check(_ text: String) throws(CurlError) {
    let start = text.utf8.prefix(8).map(asciiLowercased)
    guard start.starts(with: "http://".utf8) || start.elementsEqual("https://".utf8) else {
      throw .invalidRequest("The URL does not begin with http:// or https://.")
    }
    // libcurl forgives a third slash and takes the path's first part for the host.
    let host = text.utf8.dropFirst(start[4] == .colon ? 7 : 8)
    guard let first = host.first, first != UInt8(ascii: "/") else { throw .invalidRequest("The URL names no host.") }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      throw .invalidRequest("The URL has a space or a control character in it; percent-encode it.")
    }
  }
}

extension RequestURL: ExpressibleByStringLiteral {
  public convenience init(stringLiteral text: String) { self.init(text) }
}
