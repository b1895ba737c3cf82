import Curl
import Foundation
import GreenAPI
import RelayCore

/// What an operator's test of a destination sent and got: `statusrelay destinations test`. It holds no secret of the relay's.
public struct TestExchange: Codable, Sendable, Hashable {
  public struct Header: Codable, Sendable, Hashable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  public var destination: String
  /// Without what may be secret in it; empty when there is nowhere to send to.
  public var url: String
  /// Those of the relay's own; values from the configuration are shown as `***`.
  public var requestHeaders: [Header] = []
  public var requestBody = ""
  public var startedAt: Date
  /// From the hand-over to the HTTP client to the answer's end.
  public var durationSeconds: Double
  /// `1.0`, `1.1` or `2`; `nil` without an answer.
  public var httpVersion: String?
  public var httpStatus: Int?
  public var answerHeaders: [Header] = []
  /// The first KiB; what isn't UTF-8 in it is replaced by U+FFFD.
  public var answerBody = ""
  /// One of `AttemptFailure`'s, or `noAddress`; `nil` when it was taken.
  public var failure: String?
  /// What happened, in words; empty when it was taken.
  public var detail: String
  /// What would become of a delivery that fared so, in words.
  public var verdict: String

  public static let noAddress = "noAddress"

  /// Nothing could be sent.
  init(destination: String, missing: MissingAddress, at now: Moment) {
    self.destination = destination
    url = ""
    startedAt = Date(now.unix)
    durationSeconds = 0
    failure = Self.noAddress
    detail = "\(missing)"
    verdict = "Nothing was sent, and deliveries wait. \(missing.advice)"
  }

  init(
    destination: String, url: String, requestHeaders: [Header], requestBody: [UInt8],
    result: Result<HTTPResponse, CurlError>, startedAt: Moment, endedAt: Moment, duration: Duration, redactor: Redactor
  ) {
    self.destination = destination
    self.url = redactor.redact(url)
    self.requestHeaders = requestHeaders
    self.requestBody = String(decoding: requestBody, as: UTF8.self)
    self.startedAt = Date(startedAt.unix)
    durationSeconds = Double(duration.milliseconds) / 1000
    guard let outcome = AttemptOutcome(result, now: endedAt.unix) else {
      failure = AttemptFailure.other.rawValue
      detail = "it was called off: the relay is stopping"
      verdict = "Nothing is known of the destination."
      return
    }
    let report = AttemptReport(result, outcome: outcome, startedAt: startedAt, endedAt: endedAt, redactor: redactor)
    failure = report.failure?.rawValue
    detail = report.detail
    verdict = Self.verdict(outcome)
    guard case .success(let response) = result else { return }
    httpVersion = response.httpVersion.rawValue
    httpStatus = response.status
    answerHeaders = response.headers.map { Header(name: $0.name, value: redactor.redact($0.value)) }
    let body = redactor.redact(Array(response.body.prefix(AttemptReport.maximumExcerpt)))
    answerBody = String(decoding: body, as: UTF8.self)
  }

  private static func verdict(_ outcome: AttemptOutcome) -> String {
    switch outcome.failure {
    case nil: "A delivery would count as delivered."
    case .gone: "A delivery would wait, and the destination be paused until it is resumed or given another url."
    case .rejected: "A delivery would be shown as rejected, and tried again by the schedule."
    case .unusable:
      "A delivery would be tried again by the schedule, with no other end until the configuration is mended."
    case .some: "A delivery would be tried again by the schedule."
    }
  }
}
