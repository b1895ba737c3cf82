import Relay
import RelayCore
import RelayStore

/// Deliveries and their attempts in words.
extension DeliveryState {
  var inWords: String { self == .deadLetter ? "dead letter" : rawValue }
}

extension DeadLetterReason {
  var inWords: String {
    switch self {
    case .scheduleUsedUp: "every attempt of the retry schedule failed"
    case .tooOld: "older than retry.giveUpAfter"
    }
  }
}

extension AttemptFailure {
  var inWords: String {
    switch self {
    case .throttled: "the consumer asks to slow down"
    case .serverError: "the consumer has an error"
    case .rejected: "the consumer rejects it"
    case .gone: "the consumer says it is gone"
    case .timeout: "no answer in time"
    case .resolve: "the host's name has no address"
    case .connect: "no connection"
    case .tls: "the TLS connection failed"
    case .reset: "the connection broke before an answer"
    case .malformedAnswer: "the answer is no HTTP"
    case .unusable: "the request could not be made"
    case .other: "it failed"
    }
  }
}

extension AttemptReport {
  /// `HTTP 200`; `HTTP 503: the consumer has an error`; `no connection: …`.
  var inWords: String {
    let answer = httpStatus.map { "HTTP \($0)" }
    guard let failure else { return answer ?? "delivered" }
    // What the answer said is its status; only without one is there more to say.
    guard let answer else { return detail.isEmpty ? failure.inWords : "\(failure.inWords): \(detail)" }
    return "\(answer): \(failure.inWords)"
  }
}

extension DeliveryRow {
  /// The latest attempt: `HTTP 503`, or the failure in words; empty when there was none.
  var latestAnswer: String { lastHTTPStatus.map { "HTTP \($0)" } ?? lastFailure?.inWords ?? "" }
}
