import CCurl

/// What libcurl is linked: its version, TLS and compression libraries, and whether it speaks HTTP/2.
public let versionDescription: String = {
  CurlLibrary.start()
  let features = curl_version_info(CURLVERSION_FIRST).pointee.features
  let names = [(CURL_VERSION_HTTP2, "HTTP2"), (CURL_VERSION_BROTLI, "brotli"), (CURL_VERSION_ZSTD, "zstd")]
  let present = names.filter { features & $0.0 != 0 }.map(\.1)
  return ([String(cString: curl_version())] + present).joined(separator: " ")
}()

/// The compressions that libcurl was built with, as `Accept-Encoding` names them. A request with
/// ``HTTPRequest/acceptCompression`` offers them anyway; with this among its headers libcurl need not write the line anew each time.
public let acceptableEncodings: String = {
  let features = curl_version_info(CURLVERSION_FIRST).pointee.features
  let names = [(CURL_VERSION_LIBZ, "deflate, gzip"), (CURL_VERSION_BROTLI, "br"), (CURL_VERSION_ZSTD, "zstd")]
  let present = names.filter { features & $0.0 != 0 }.map(\.1)
  return present.isEmpty ? "identity" : present.joined(separator: ", ")
}()

enum CurlLibrary {
  private static let startCode = curl_global_init(Int(CURL_GLOBAL_ALL))

  /// Sets libcurl up, once in the life of the process. It is never torn down: other code may use it too.
  @discardableResult
  static func start() -> CURLcode { startCode }
}
