import Curl
import GreenAPI
import RelayCore

extension AttemptOutcome {
  /// What a finished transfer means; `nil` when it was called off by ourselves.
  init?(_ result: Result<HTTPResponse, CurlError>, now: UnixTime) {
    switch result {
    case .success(let response):
      let date = response.header("Date").flatMap { HTTPDate.parse($0, now: now) }
      self = .answered(
        httpStatus: response.status,
        retryAfter: response.header("Retry-After").flatMap { RetryAfter.wait($0, now: date ?? now) })
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
    case .timeout, .stalled: self = .timeout
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
  init(_ result: Result<HTTPResponse, CurlError>, outcome: AttemptOutcome, startedAt: Moment, endedAt: Moment) {
    var detail = ""
    var excerpt: [UInt8] = []
    switch result {
    case .success(let response) where outcome.failure != nil:
      detail = "the consumer answered HTTP \(response.status)"
      excerpt = Array(response.body.prefix(Self.maximumExcerpt))
    case .success: break
    case .failure(let error): detail = Redaction.redact(error.message)
    }
    self.init(
      startedAt: startedAt.unix, duration: endedAt.steady - startedAt.steady, httpStatus: outcome.httpStatus,
      failure: outcome.failure, detail: detail, excerpt: excerpt)
  }
}
