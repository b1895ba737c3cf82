import Curl
import GreenAPI
import RelayCore

extension AttemptOutcome {
  /// What a finished transfer means; `nil` when it was called off by ourselves.
  init?(_ result: Result<HTTPResponse, CurlError>, now: UnixTime) {
    switch result {
    case .success(let response):
      // Looking through the headers would be a good part of the work on a delivery that succeeds.
      guard !(200..<300).contains(response.status) else {
        self = .answered(httpStatus: response.status, retryAfter: nil)
        return
      }
      let retryAfter = response.header("Retry-After").flatMap { header in
        RetryAfter.wait(header, now: response.header("Date").flatMap { HTTPDate.parse($0, now: now) } ?? now)
      }
      self = .answered(httpStatus: response.status, retryAfter: retryAfter)
    case .failure(let error):
      guard let failure = AttemptFailure(error.kind) else { return nil }
      self = .failed(failure)
    }
  }
}

extension AttemptFailure {
  fileprivate init?(_ kind: CurlError.Kind) {
    switch kind {
    case .cancelled, .shutDown: return nil
    case .connectTimeout, .timeout, .stalled: self = .timeout
    case .resolve: self = .resolve
    case .connect, .proxy: self = .connect
    case .tls, .certificate: self = .tls
    case .reset, .emptyAnswer: self = .reset
    case .malformedAnswer, .headersTooLarge, .responseTooLarge: self = .malformedAnswer
    case .invalidRequest: self = .unusable
    case .resources, .other: self = .other
    }
  }
}

extension AttemptReport {
  /// What the history keeps of a finished transfer.
  /// - Parameter redactor: of the destination's secrets, as consumers repeat what they got.
  init(
    _ result: Result<HTTPResponse, CurlError>, outcome: AttemptOutcome, startedAt: Moment, endedAt: Moment,
    redactor: Redactor
  ) {
    var detail = ""
    var excerpt: [UInt8] = []
    switch result {
    case .success(let response) where outcome.failure != nil:
      detail = redactor.redact(response.complaint)
      excerpt = Array(redactor.redact(Array(response.body.prefix(Self.maximumExcerpt))).prefix(Self.maximumExcerpt))
    case .success: break
    case .failure(let error): detail = redactor.redact(error.complaint)
    }
    self.init(
      startedAt: startedAt.unix, duration: endedAt.steady - startedAt.steady, httpStatus: outcome.httpStatus,
      failure: outcome.failure, detail: detail, excerpt: excerpt)
  }
}

// What an operator reads of a failed attempt: what happened, then what to do about it where that can be said.

extension HTTPResponse {
  fileprivate var complaint: String {
    ["the consumer answered HTTP \(status)", advice].compactMap(\.self).joined(separator: "; ")
  }

  /// What to do about a status outside 2xx; `nil` where that can't be said.
  public var advice: String? {
    switch status {
    case 301, 302, 303, 307, 308:
      "it redirects \(redirectTarget), which is not followed: correct the destination's url"
    case 401, 403: "compare webhookUrlToken, or the user and password in url, with what it expects"
    case 404 where isTornados:
      "it runs on Tornado; GREEN-API's Python kit (whatsapp-api-webhook-server-python) does, and serves the path / only: take the path off the destination's url if that is what it is"
    case 404: "there is nothing at this path: check the destination's url"
    case 405: "it takes no POST at this path: check the destination's url"
    case 407: "a proxy on the way asks for a user and password"
    case 410: "it wants no more deliveries at this address"
    case 413: "the notification is too large for it: raise the limit at its side"
    case 429: "a lower rateLimit or maxConcurrency would spare it"
    case 502, 504: "that is a gateway in front of it, which can't reach it"
    default: nil
    }
  }

  /// Whether the answer is Tornado's own page for a path that it doesn't know.
  var isTornados: Bool {
    header("Server")?.hasPrefix("TornadoServer/") == true
      || String(decoding: body.prefix(64), as: UTF8.self).hasPrefix(
        "<html><title>404: Not Found</title><body>404: Not Found")
  }

  /// Scheme, host and port of the `Location`. Its path and query may repeat what is secret in ours.
  private var redirectTarget: String {
    guard let location = header("Location"),
      let match = location.prefixMatch(of: /(https?:\/\/)([^\/?#]*@)?([A-Za-z0-9.\-:\[\]]{1,255})/.ignoresCase())
    else { return "elsewhere" }
    return "to \(match.output.1)\(match.output.3)"
  }
}

extension CurlError {
  fileprivate var complaint: String {
    let reason = message.hasSuffix(".") ? String(message.dropLast()) : message
    guard let summary else { return reason }
    return "\(summary) (\(reason))"
  }

  /// `nil` when the message says it all.
  private var summary: String? {
    switch kind {
    case .connectTimeout:
      "nobody answered at the consumer's address: is it up, and does its firewall let this machine's address through, beside GREEN-API's?"
    case .timeout, .stalled: "the consumer did not answer in time"
    case .resolve: "the consumer's host has no address: check the destination's url, and the name server"
    case .connect: "no connection to the consumer: is it running, and is the destination's url right?"
    case .certificate: certificateSummary
    case .tls: handshakeSummary
    case .reset: "the consumer cut the connection before its answer was there"
    case .emptyAnswer:
      "the consumer closed the connection without an answer; a port that expects https: does so too"
    case .malformedAnswer: "what came back is no HTTP: does the destination's url lack https:, or is its port wrong?"
    case .headersTooLarge: "the consumer's answer has more headers than any answer needs"
    case .responseTooLarge, .proxy, .invalidRequest, .cancelled, .shutDown, .resources, .other: nil
    }
  }

  // The words below are OpenSSL's and libcurl's, which have no codes for these.

  private var certificateSummary: String {
    if message.contains("expired") { return "the consumer's certificate has expired: it must be renewed" }
    if message.contains("not yet valid") { return "the consumer's certificate is not valid yet: compare the clocks" }
    if message.contains("subject name") || message.contains("does not match") {
      return "the consumer's certificate is made out to another name than its url has"
    }
    if ["issuer", "self", "first certificate"].contains(where: message.contains) {
      return "the consumer's certificate is by an authority unknown here: name that one's certificate in tls.caFile"
    }
    return "the consumer's certificate was not accepted"
  }

  private var handshakeSummary: String {
    if ["certificate file", "private key file", "load PEM"].contains(where: message.contains) {
      return "a file that the destination's tls names can't be used"
    }
    if message.contains("wrong version number") {
      return "there is no TLS at the consumer's port: should the destination's url begin with http: instead of https:?"
    }
    if ["certificate required", "unknown ca", "bad certificate"].contains(where: message.contains) {
      return "the consumer asks for a client certificate that it trusts: see tls.clientCertificateFile"
    }
    if message.contains("handshake failure") {
      return "the consumer refused the handshake: it may ask for a client certificate (tls.clientCertificateFile)"
    }
    return "no TLS connection to the consumer came about"
  }
}
