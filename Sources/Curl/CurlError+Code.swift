import CCurl
import Glibc

extension CurlError {
  /// What is known about a failed transfer beside libcurl's code.
  struct Circumstances {
    /// libcurl's error buffer; empty when it had nothing to add.
    var detail = ""
    /// The status of the proxy's answer to CONNECT; 0 without one.
    var connectStatus = 0
    /// Whether there is no connection yet, neither a new one nor a kept one.
    var isConnecting = false
    /// Whether the host's name has an address by now.
    var isResolved = true
    /// Whether request bytes went out.
    var isRequestSent = false
    /// Whether the final header block has arrived.
    var isAnswered = false
    /// The `errno` of a socket that could not be opened.
    var socketError: Int32 = 0
  }

  /// Maps libcurl's code to the closed set.
  static func kind(of code: CURLcode, _ circumstances: Circumstances) -> Kind {
    if circumstances.connectStatus >= 300 { return .proxy }
    switch code {
    case CURLE_URL_MALFORMAT, CURLE_BAD_FUNCTION_ARGUMENT, CURLE_UNKNOWN_OPTION, CURLE_NOT_BUILT_IN:
      return .invalidRequest
    case CURLE_COULDNT_RESOLVE_HOST:
      // Each look-up takes a thread; libcurl has no code of its own for running out of them.
      return circumstances.detail.contains("thread failed to start") ? .resources : .resolve
    case CURLE_COULDNT_RESOLVE_PROXY, CURLE_PROXY:
      return .proxy
    case CURLE_COULDNT_CONNECT:
      return circumstances.isOutOfSockets ? .resources : .connect
    case CURLE_INTERFACE_FAILED:
      return .connect
    case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CIPHER,
      CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_CRL_BADFILE,
      CURLE_SSL_SHUTDOWN_FAILED, CURLE_USE_SSL_FAILED, CURLE_SSL_CLIENTCERT:
      return .tls
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_PINNEDPUBKEYNOTMATCH,
      CURLE_SSL_INVALIDCERTSTATUS:
      return .certificate
    case CURLE_OPERATION_TIMEDOUT:
      guard circumstances.isConnecting else { return .timeout }
      // Then there is a connection, over which the handshake was not answered.
      if circumstances.detail.hasPrefix("SSL connection timeout") { return .timeout }
      if circumstances.isResolved { return .connectTimeout }
      // Else it may have waited for its turn.
      return circumstances.detail.hasPrefix("Resolving timed out") ? .resolve : .timeout
    case CURLE_GOT_NOTHING:
      return .emptyAnswer
    case CURLE_RECV_ERROR, CURLE_SEND_ERROR:
      // Under TLS 1.3 a server refuses a client's certificate after the handshake, which libcurl sees while reading.
      return circumstances.detail.contains(" alert ") ? .tls : .reset
    case CURLE_PARTIAL_FILE, CURLE_HTTP2_STREAM, CURLE_SEND_FAIL_REWIND, CURLE_QUIC_CONNECT_ERROR, CURLE_HTTP3:
      return .reset
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING, CURLE_HTTP2:
      // The URL's scheme is checked before libcurl sees it, so an unsupported protocol is the answer's: HTTP/0.9, 4.0.
      return .malformedAnswer
    case CURLE_FILESIZE_EXCEEDED:
      return .responseTooLarge
    case CURLE_OUT_OF_MEMORY:
      // libcurl says so as well of a header line above its own limit of 100 KB.
      return circumstances.isRequestSent && !circumstances.isAnswered ? .headersTooLarge : .resources
    case CURLE_ABORTED_BY_CALLBACK:
      return .cancelled
    default:
      return .other
    }
  }

  static func outOf(_ what: String) -> CurlError {
    CurlError(kind: .resources, message: "There is no room for \(what): memory, descriptors or threads are used up.")
  }
}

extension CurlError.Circumstances {
  fileprivate var isOutOfSockets: Bool {
    [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(socketError)
  }
}
