/// One HTTP request: where to, what, and the limits that hold for it.
///
/// Only `http` and `https` URLs are accepted, and a redirect is an answer like any other: it is never followed.
public struct HTTPRequest: Sendable {
  public enum Method: Sendable {
    case get
    case post
  }

  public var method: Method
  public var url: RequestURL
  /// Headers of this request alone, sent in this order and before ``sharedHeaders``.
  ///
  /// An empty value is sent as an empty header. `Content-Length`, `Transfer-Encoding` and `Expect` are the client's own
  /// and refused, as are CR, LF and NUL.
  public var headers: [(name: String, value: String)]
  /// Headers that many requests have in common, prepared once. A name that stands in both is sent twice.
  public var sharedHeaders: HeaderList?
  /// The body of a POST, sent with `Content-Length`, never chunked. A GET with a body is refused.
  public var body: [UInt8]
  public var timeouts: Timeouts
  /// What happens to an answer that is too long. Holds for the bytes after decompression.
  public var responseLimit: ResponseLimit
  /// Takes the body of a successful (2xx) answer as it arrives, instead of ``HTTPResponse/body``. Heeded with
  /// ``ResponseLimit/fail(above:)`` only.
  public var bodyReceiver: (any BodyReceiver)?
  /// Bytes taken from the connection at once: more mean fewer system calls for a large answer, and memory while it arrives.
  /// See https://curl.se/libcurl/c/CURLOPT_BUFFERSIZE.html.
  public var receiveBufferSize: Int
  /// TLS settings for an `https` URL; nil takes the system's certificates and verifies the peer.
  public var tls: TLSOptions?
  /// Connects to this Unix socket instead of the URL's host, which is still named in `Host`.
  public var unixSocketPath: String?
  /// A proxy's URL; "" for none; nil for what the environment said when the process made its
  /// first request (`http_proxy`, `https_proxy`, `no_proxy`, …).
  public var proxy: String?
  /// Sent as `Authorization: Basic` right away, without waiting for a challenge.
  public var basicAuthentication: (user: String, password: String)?
  /// Offers every compression that libcurl was built with (gzip, deflate, br, zstd) and decompresses the answer.
  public var acceptCompression: Bool

  public init(
    method: Method = .get,
    url: RequestURL,
    headers: [(name: String, value: String)] = [],
    sharedHeaders: HeaderList? = nil,
    body: [UInt8] = [],
    timeouts: Timeouts = Timeouts(),
    responseLimit: ResponseLimit = .fail(above: 16 << 20),
    bodyReceiver: (any BodyReceiver)? = nil,
    receiveBufferSize: Int = 16 << 10,
    tls: TLSOptions? = nil,
    unixSocketPath: String? = nil,
    proxy: String? = nil,
    basicAuthentication: (user: String, password: String)? = nil,
    acceptCompression: Bool = true
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.sharedHeaders = sharedHeaders
    self.body = body
    self.timeouts = timeouts
    self.responseLimit = responseLimit
    self.bodyReceiver = bodyReceiver
    self.receiveBufferSize = receiveBufferSize
    self.tls = tls
    self.unixSocketPath = unixSocketPath
    self.proxy = proxy
    self.basicAuthentication = basicAuthentication
    self.acceptCompression = acceptCompression
  }
}

/// Makes of a body what is wanted of it, piece by piece as it arrives, where nobody wants the body itself.
///
/// It works on the client's thread, between the events of all other transfers: what takes longer than a piece takes to arrive belongs
/// elsewhere. A value is each transfer's own, however often its request is made; a reference is for one request. A transfer that begins
/// again does so before anything was taken.
public protocol BodyReceiver: Sendable {
  /// Takes the next bytes of the decompressed body, at most as many as libcurl hands over at once (16 KB or
  /// ``HTTPRequest/receiveBufferSize``).
  mutating func take(_ piece: Span<UInt8>)
}

/// How long a transfer may take. Values below a millisecond count as one.
public struct Timeouts: Sendable, Hashable {
  /// From the first attempt to connect until the connection, with TLS, stands.
  public var connect: Duration
  /// From the hand-over to the client to the last byte, time spent waiting for a free connection included.
  public var total: Duration
  /// The longest silence once connected: no byte sent or received for this long. Noticed at most a quarter of it late.
  /// Nil switches the check off.
  public var stalled: Duration?

  public init(connect: Duration = .seconds(10), total: Duration = .seconds(30), stalled: Duration? = nil) {
    self.connect = connect
    self.total = total
    self.stalled = stalled
  }
}

/// What becomes of a response body that is longer than wanted. It is applied while bytes arrive, so that memory never
/// holds more than the limit, whatever the peer sends or a compressed body unfolds to.
public enum ResponseLimit: Sendable, Hashable {
  /// More bytes than this abort the transfer with ``CurlError/Kind-swift.enum/responseTooLarge``. A body that is cut off
  /// by the peer is an error too.
  case fail(above: Int)
  /// The first bytes are kept, the rest is read and thrown away so that the connection can be used again. Beyond
  /// `discardUpTo` bytes the transfer ends there. Either way, once the header block has arrived the request counts as
  /// answered, whatever happens to the body.
  case keep(first: Int, discardUpTo: Int)
}

/// TLS settings of a request. Paths name PEM files.
public struct TLSOptions: Sendable, Hashable {
  /// The certificates to trust instead of the system's.
  public var caFile: String?
  public var clientCertificateFile: String?
  /// Nil when the certificate's file holds the key too.
  public var clientKeyFile: String?
  /// False accepts any certificate for any name. For tests and closed networks only.
  public var verify: Bool

  public init(
    caFile: String? = nil, clientCertificateFile: String? = nil, clientKeyFile: String? = nil, verify: Bool = true
  ) {
    self.caFile = caFile
    self.clientCertificateFile = clientCertificateFile
    self.clientKeyFile = clientKeyFile
    self.verify = verify
  }
}
