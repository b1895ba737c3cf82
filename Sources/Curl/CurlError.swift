/// Why a request has no answer.
///
/// The message is libcurl's or the client's own. It may name a host, a port or a file, never a URL's path, query or user
/// information, nor a header's value.
public struct CurlError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The closed set of reasons, fit for logs and metrics.
  public enum Kind: String, Sendable, CaseIterable {
    /// The request cannot be sent as it stands: URL, header or option. Trying again is no use.
    case invalidRequest
    /// The host's name has no address.
    case resolve
    /// No connection to the host.
    case connect
    /// The TLS handshake failed, or a local certificate file cannot be used.
    case tls
    /// The peer's certificate was not accepted.
    case certificate
    /// The time ran out before there was a connection: nobody answered at the address.
    case connectTimeout
    /// The time ran out later.
    case timeout
    /// No byte for as long as the stall timeout.
    case stalled
    /// The connection was closed or reset before the answer was whole.
    case reset
    /// The connection was closed without a byte of an answer.
    case emptyAnswer
    case responseTooLarge
    case headersTooLarge
    /// What came back is not HTTP, or its encoding is damaged.
    case malformedAnswer
    /// The proxy cannot be found, or refused to pass the request on.
    case proxy
    /// The caller cancelled the request.
    case cancelled
    /// The client was shut down.
    case shutDown
    /// Out of memory, descriptors or threads.
    case resources
    case other
  }

  public let kind: Kind
  /// libcurl's `CURLcode`; 0 when the client, not libcurl, found the fault.
  public let code: Int32
  public let message: String

  public init(kind: Kind, code: Int32 = 0, message: String) {
    self.kind = kind
    self.code = code
    self.message = message
  }

  public var description: String {
    code == 0 ? "\(kind.rawValue): \(message)" : "\(kind.rawValue): \(message) (libcurl error \(code))"
  }
}

extension CurlError {
  static let cancelled = CurlError(kind: .cancelled, message: "The request was cancelled.")
  static let shutDown = CurlError(kind: .shutDown, message: "The HTTP client was shut down before the request ended.")

  static func invalidRequest(_ message: String) -> CurlError {
    CurlError(kind: .invalidRequest, message: message)
  }
}
