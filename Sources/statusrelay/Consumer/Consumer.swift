import Foundation
import GreenAPI
import GreenAPISimulator
import RelayCore

/// A webhook consumer's decisions: what to make of a request, and what to answer.
///
/// Only what is accepted counts as arrived: a notification that was answered with an error comes for the first time when it comes
/// again.
struct Consumer: Sendable {
  struct Policy: Sendable {
    /// As GREEN-API's webhookUrlToken.
    var token: Secret?
    var secret: SigningSecret?
    /// The share of requests that are answered 503 at random; 0...1.
    var failRate: Double = 0
    /// What is answered where nothing is wrong.
    var statusCode = 200
    /// Decides which requests fail at random.
    var seed: UInt64 = 0
  }

  /// What has come so far.
  struct Tally: Sendable, Hashable {
    var requests = 0
    var refused = 0
    var other = 0
    var arrivals: [Arrival: Int] = [:]

    var accepted: Int { arrivals.values.reduce(0, +) }
  }

  private let policy: Policy
  private var random: SplitMix64
  private var ledger = ArrivalLedger()
  private(set) var tally = Tally()
  /// Everything is answered 503 while it is.
  var isDown = false

  init(_ policy: Policy = Policy()) {
    self.policy = policy
    random = SplitMix64(state: policy.seed)
  }

  mutating func receive(_ request: ReceivedRequest, at now: Date) -> Receipt {
    var receipt = Receipt(
      receivedAt: now, request: request, content: NotificationContent(request.body),
      token: TokenCheck(request, expected: policy.token),
      signature: SignatureCheck(request, secret: policy.secret, at: now),
      answer: Receipt.Answer(httpStatus: policy.statusCode))
    if let refusal = refusal(of: receipt) { receipt.answer = refusal }
    tally.requests += 1
    switch receipt.content {
    case _ where !receipt.answer.isAcceptance: tally.refused += 1
    case .messageStatus(let notification):
      let arrival = ledger.accept(notification, webhookID: receipt.webhookID)
      tally.arrivals[arrival, default: 0] += 1
      receipt.arrival = arrival
    case .other, .malformed: tally.other += 1
    }
    return receipt
  }

  private mutating func refusal(of receipt: Receipt) -> Receipt.Answer? {
    if receipt.request.method != "POST" {
      return Receipt.Answer(httpStatus: 405, reason: "webhooks come by POST, not \(receipt.request.method)")
    }
    if receipt.request.isTooLarge {
      return Receipt.Answer(
        httpStatus: 413, reason: "the body is larger than \(ReceivedRequest.largestBody) bytes")
    }
    if isDown { return Receipt.Answer(httpStatus: 503, reason: "the consumer is down") }
    if policy.failRate > 0, Double.random(in: 0..<1, using: &random) < policy.failRate {
      return Receipt.Answer(httpStatus: 503, reason: "failing at random, as asked for")
    }
    if !receipt.token.isAcceptable {
      return Receipt.Answer(httpStatus: 401, reason: "the token is \(receipt.token.rawValue)")
    }
    switch receipt.signature {
    case .missing: return Receipt.Answer(httpStatus: 401, reason: "the signature is missing")
    case .bad(let why): return Receipt.Answer(httpStatus: 401, reason: "the signature is bad: \(why)")
    case .ok, .none, .unchecked: break
    }
    if case .malformed(let problems) = receipt.content {
      return Receipt.Answer(httpStatus: 400, reason: problems.joined(separator: ", "))
    }
    if !(200..<300).contains(policy.statusCode) {
      return Receipt.Answer(httpStatus: policy.statusCode, reason: "as asked for")
    }
    return nil
  }
}
