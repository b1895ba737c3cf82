import RelayAdmin
import RelayCore
import RelayStore

/// Deliveries and their attempts in words. What a newer relay says in a word unknown here stands as it is.
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

  static func inWords(_ word: String) -> String { Self(rawValue: word)?.inWords ?? word }
}

extension HistoryDelivery {
  var stateInWords: String { DeliveryState(rawValue: state)?.inWords ?? state }

  /// Empty when it is no dead letter.
  var reasonInWords: String { deadLetterReason.map { DeadLetterReason(rawValue: $0)?.inWords ?? $0 } ?? "" }

  /// The latest attempt: `HTTP 503`, or the failure in words; empty when there was none.
  var latestAnswer: String {
    lastHTTPStatus.map { "HTTP \($0)" } ?? lastFailure.map(AttemptFailure.inWords) ?? ""
  }
}

extension HistoryAttempt {
  /// `HTTP 200`; `HTTP 503: the consumer has an error`; `no connection to the consumer: …`.
  var inWords: String {
    let answer = httpStatus.map { "HTTP \($0)" }
    guard let failure = failure.map(AttemptFailure.inWords) else { return answer ?? "delivered" }
    // Of an answer the status says it all; that there was none has its reason in the detail.
    return answer.map { "\($0): \(failure)" } ?? detail ?? failure
  }
}
