import CCurl
import Glibc

/// The options that stand in one easy handle and that requests differ in. Applying a request sets only those that change,
/// because each costs a call, and the strings a copy.
struct EasyOptions {
  /// libcurl points to it.
  private(set) var url: RequestURL?
  private(set) var tls: TLSOptions?
  private(set) var proxy: String?
  private var method: HTTPRequest.Method?
  private var connectTimeout: Duration?
  private var unixSocketPath: String?
  private var user: String?
  private var password: String?
  private var acceptsCompression = false
  private var receiveBufferSize: Int?

  /// How long certificates read from a CA file are used before the file is read again; libcurl's default is a day.
  /// See https://curl.se/libcurl/c/CURLOPT_CA_CACHE_TIMEOUT.html.
  private static let certificateCacheSeconds = 60

  /// Nil leaves it to the environment. Where that names no proxy when the first request is made, libcurl is told so: it would search the
  /// environment for seven names at each request. See https://curl.se/libcurl/c/CURLOPT_PROXY.html.
  private static let proxyByDefault: String? =
    ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
      .allSatisfy { (name: String) in getenv(name) == nil } ? "" : nil

  /// What must not show up in an error's message, beside URLs and headers.
  var secrets: [String] { [user, password].compactMap(\.self) }

  /// Sets what is the same for every request of this client.
  static func applyFixed(to easy: UnsafeMutableRawPointer) {
    // No signals for timeouts: they belong to the process. See https://curl.se/libcurl/c/CURLOPT_NOSIGNAL.html.
    ccurl_set_long(easy, CURLOPT_NOSIGNAL, 1)
    ccurl_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https")
    ccurl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0)
    ccurl_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
    ccurl_set_long(easy, CURLOPT_TCP_NODELAY, 1)
    ccurl_set_long(easy, CURLOPT_TCP_KEEPALIVE, 1)
    ccurl_set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    ccurl_set_long(easy, CURLOPT_CA_CACHE_TIMEOUT, certificateCacheSeconds)
    // Ending a transfer whose name is still being looked up must not wait for the look-up: it would hold up every other
    // transfer for as long as the name server is silent. See https://curl.se/libcurl/c/CURLOPT_QUICK_EXIT.html.
    ccurl_set_long(easy, CURLOPT_QUICK_EXIT, 1)
  }

  mutating func apply(_ request: HTTPRequest, to easy: UnsafeMutableRawPointer) throws(CurlError) {
    if url !== request.url {
      // The one it points to until now is let go afterwards; it stays if this one is refused.
      try request.url.apply(to: easy)
      url = request.url
    }
    if method != request.method {
      method = request.method
      ccurl_set_long(easy, request.method == .post ? CURLOPT_POST : CURLOPT_HTTPGET, 1)
    }
    if connectTimeout != request.timeouts.connect {
      connectTimeout = request.timeouts.connect
      let milliseconds = request.timeouts.connect.clampedNanoseconds / 1_000_000
      ccurl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, Int(min(milliseconds, UInt64(Int32.max))))
    }
    if acceptsCompression != request.acceptCompression {
      acceptsCompression = request.acceptCompression
      // The empty string stands for every encoding built in.
      ccurl_set_string(easy, CURLOPT_ACCEPT_ENCODING, request.acceptCompression ? "" : nil)
    }
    if receiveBufferSize != request.receiveBufferSize {
      receiveBufferSize = request.receiveBufferSize
      ccurl_set_long(easy, CURLOPT_BUFFERSIZE, request.receiveBufferSize)
    }
    let wantedProxy = request.proxy ?? Self.proxyByDefault
    if proxy != wantedProxy {
      proxy = nil
      try Self.set(CURLOPT_PROXY, wantedProxy, in: easy)
      // A proxy that the caller names is meant: the environment's no_proxy has no say in it.
      try Self.set(CURLOPT_NOPROXY, wantedProxy == nil ? nil : "", in: easy)
      proxy = wantedProxy
    }
    if unixSocketPath != request.unixSocketPath {
      try Self.set(CURLOPT_UNIX_SOCKET_PATH, request.unixSocketPath, in: easy)
      unixSocketPath = request.unixSocketPath
    }
    if user != request.basicAuthentication?.user || password != request.basicAuthentication?.password {
      try Self.set(CURLOPT_USERNAME, request.basicAuthentication?.user, in: easy)
      try Self.set(CURLOPT_PASSWORD, request.basicAuthentication?.password, in: easy)
      user = request.basicAuthentication?.user
      password = request.basicAuthentication?.password
    }
    if let wanted = request.tls, wanted != tls { try apply(wanted, to: easy) }
  }

  private mutating func apply(_ tls: TLSOptions, to easy: UnsafeMutableRawPointer) throws(CurlError) {
    // First, so that a failure half-way leaves a handle that is reset before its next request.
    self.tls = tls
    if let caFile = tls.caFile {
      try Self.set(CURLOPT_CAINFO, caFile, in: easy)
      // Without this the system's directory of certificates would be trusted as well.
      ccurl_set_string(easy, CURLOPT_CAPATH, nil)
    }
    try Self.set(CURLOPT_SSLCERT, tls.clientCertificateFile, in: easy)
    try Self.set(CURLOPT_SSLKEY, tls.clientKeyFile, in: easy)
    ccurl_set_long(easy, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1 : 0)
    // 2 compares the name too; 1 is a leftover of old versions.
    ccurl_set_long(easy, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2 : 0)
  }

  private static func set(
    _ option: CURLoption, _ value: String?, in easy: UnsafeMutableRawPointer
  ) throws(CurlError) {
    // libcurl would take the text to end there.
    if let value, value.utf8.contains(0) {
      throw .invalidRequest("A path, name or password has a NUL in it.")
    }
    let code = ccurl_set_string(easy, option, value)
    guard code != CURLE_OK else { return }
    throw CurlError(
      kind: CurlError.kind(of: code, .init()), code: Int32(code.rawValue),
      message: "libcurl refused an option: \(String(cString: curl_easy_strerror(code))).")
  }
}
