/// How an attempt ended, before anything is decided about it.
public enum AttemptOutcome: Hashable, Sendable {
  /// A final status line and header block came back. `retryAfter` is the answer's `Retry-After`, already relative to now.
  case answered(httpStatus: Int, retryAfter: Duration?)
  /// No usable answer.
  case failed(AttemptFailure)

  /// `nil` when the consumer has taken the notification: any 2xx.
  public var failure: AttemptFailure? {
    switch self {
    case .failed(let failure): failure
    case .answered(let status, _):
      switch status {
      case 200..<300: nil
      case 410: .gone
      case 408, 425, 429: .throttled
      case 300..<500: .rejected
      default: .serverError
      }
    }
  }

  public var httpStatus: Int? {
    if case .answered(let status, _) = self { status } else { nil }
  }

  public var retryAfter: Duration? {
    if case .answered(_, let retryAfter) = self { retryAfter } else { nil }
  }
}
