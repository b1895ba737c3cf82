import Foundation
import RelayCore

/// What a request's `webhook-signature` is worth, by Standard Webhooks:
/// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
enum SignatureCheck: Sendable, Hashable {
  case ok
  /// Why it can't be believed.
  case bad(String)
  /// Expected, and not there.
  case missing
  /// Not expected, and not there.
  case none
  /// There, and no secret to check it by.
  case unchecked

  /// A signed request that is older or newer than this may be one that somebody has recorded and plays again.
  static let tolerance: Int64 = 300

  init(_ request: ReceivedRequest, secret: SigningSecret?, at now: Date) {
    let signature = request.header("webhook-signature")
    guard let secret else {
      self = signature == nil ? .none : .unchecked
      return
    }
    guard let signature else {
      self = .missing
      return
    }
    guard let webhookID = request.header("webhook-id"), !webhookID.isEmpty else {
      self = .bad("webhook-id is missing")
      return
    }
    guard let timestamp = request.header("webhook-timestamp").flatMap({ Int64($0) }) else {
      self = .bad("webhook-timestamp is missing or no number")
      return
    }
    let age = now.timeIntervalSince1970 - Double(timestamp)
    guard abs(age) <= Double(Self.tolerance) else {
      self = .bad("webhook-timestamp is more than \(Self.tolerance / 60) minutes \(age > 0 ? "old" : "ahead")")
      return
    }
    let isOurs = secret.verifies(signature, webhookID: webhookID, timestamp: timestamp, body: request.body)
    self = isOurs ? .ok : .bad("it is not by this secret")
  }

  var isAcceptable: Bool {
    switch self {
    case .ok, .none, .unchecked: true
    case .bad, .missing: false
    }
  }

  /// In one word.
  var name: String {
    switch self {
    case .ok: "ok"
    case .bad: "bad"
    case .missing: "missing"
    case .none: "none"
    case .unchecked: "unchecked"
    }
  }
}
