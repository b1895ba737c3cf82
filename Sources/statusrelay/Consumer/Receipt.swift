import Foundation

/// Everything the consumer has to say about one request.
struct Receipt: Sendable, Hashable {
  var receivedAt: Date
  var request: ReceivedRequest
  var content: NotificationContent
  var token: TokenCheck
  var signature: SignatureCheck
  /// What the consumer answers.
  var answer: Answer
  /// `nil` when it was refused, or is no status.
  var arrival: Arrival?

  struct Answer: Sendable, Hashable {
    var httpStatus: Int
    /// Why it is refused; `nil` when it is not.
    var reason: String?

    var isAcceptance: Bool { (200..<300).contains(httpStatus) }
  }

  var webhookID: String? { request.header("webhook-id") }
}
