import GreenAPI
import RelayCore
import Testing

@testable import Curl
@testable import Relay

@Suite struct AttemptOutcomeTests {
  private static let now = UnixTime(seconds: 1_760_000_000)

  private static func answer(_ status: Int, _ headers: String = "", body: String = "") -> Result<
    HTTPResponse, CurlError
  > {
    .success(
      HTTPResponse(
        status: status, httpVersion: .http11, body: Array(body.utf8), isComplete: true,
        timings: .init(total: .milliseconds(1)), headerBlock: Array("HTTP/1.1 \(status)\r\n\(headers)\r\n".utf8)))
  }

  @Test(
    "Every way a transfer can fail has its meaning; only what we called off ourselves has none",
    arguments: CurlError.Kind.allCases)
  func failures(_ kind: CurlError.Kind) {
    let outcome = AttemptOutcome(.failure(CurlError(kind: kind, message: "m")), now: Self.now)
    let expected: AttemptFailure? =
      switch kind {
      case .cancelled, .shutDown: nil
      case .connectTimeout, .timeout, .stalled: .timeout
      case .resolve: .resolve
      case .connect, .proxy: .connect
      case .tls, .certificate: .tls
      case .reset, .emptyAnswer: .reset
      case .malformedAnswer, .headersTooLarge, .responseTooLarge: .malformedAnswer
      case .invalidRequest: .unusable
      case .resources, .other: .other
      }
    #expect(outcome?.failure == expected)
    #expect((outcome == nil) == (expected == nil))
  }

  @Test(
    "GREEN-API's Python kit, which serves / only, is named where the answer is Tornado's 404, and nowhere else",
    arguments: [
      (404, "Server: TornadoServer/6.4.1\r\n", "", true),
      (404, "Server: nginx\r\n", "<html><title>404: Not Found</title><body>404: Not Found</body></html>", true),
      (404, "Server: nginx\r\n", "<html><head><title>404 Not Found</title></head>", false), (404, "", "", false),
      (405, "Server: TornadoServer/6.4.1\r\n", "", false), (500, "Server: TornadoServer/6.4.1\r\n", "", false),
    ])
  func tornado(_ status: Int, _ headers: String, _ body: String, _ isNamed: Bool) {
    let result = Self.answer(status, headers, body: body)
    let now = Moment(steady: SteadyTime(milliseconds: 0), unix: Self.now)
    let report = AttemptReport(
      result, outcome: AttemptOutcome(result, now: Self.now)!, startedAt: now, endedAt: now, redactor: Redactor())
    #expect(report.detail.contains("whatsapp-api-webhook-server-python") == isNamed, "\(report.detail)")
    #expect(report.detail.contains("path /") == isNamed)
  }

  @Test(
    "Retry-After is read as seconds, and as a date by the answer's own clock",
    arguments: [
      ("Retry-After: 120\r\n", Duration.seconds(120)),
      ("Date: Thu, 09 Oct 2025 05:00:00 GMT\r\nRetry-After: Thu, 09 Oct 2025 05:01:30 GMT\r\n", .seconds(90)),
      ("Retry-After: Thu, 09 Oct 2025 08:54:20 GMT\r\n", .seconds(60)),
      ("Retry-After: Thu, 09 Oct 2025 08:00:00 GMT\r\n", .zero), ("Retry-After: soon\r\n", nil), ("", nil),
    ] as [(String, Duration?)])
  func retryAfter(_ headers: String, _ wait: Duration?) {
    // `now` is Thu, 09 Oct 2025 08:53:20 GMT.
    #expect(AttemptOutcome(Self.answer(503, headers), now: Self.now)?.retryAfter == wait)
  }

  @Test("The report keeps the beginning of a failing answer's body, and nothing of a good one's")
  func report() {
    let start = Moment(steady: SteadyTime(milliseconds: 5_000), unix: Self.now)
    let end = Moment(steady: SteadyTime(milliseconds: 5_250), unix: Self.now)
    func report(_ result: Result<HTTPResponse, CurlError>) -> AttemptReport {
      AttemptReport(
        result, outcome: AttemptOutcome(result, now: Self.now)!, startedAt: start, endedAt: end, redactor: Redactor())
    }
    let failed = report(Self.answer(500, body: String(repeating: "x", count: 5000)))
    #expect(failed.duration == .milliseconds(250))
    #expect(failed.detail == "the consumer answered HTTP 500")
    #expect(failed.excerpt.count == AttemptReport.maximumExcerpt)
    let delivered = report(Self.answer(200, body: "thanks"))
    #expect(delivered.failure == nil && delivered.detail.isEmpty && delivered.excerpt.isEmpty)
    let unanswered = report(
      .failure(CurlError(kind: .connect, message: "no way to https://x.example/waInstance1/m/abcdefghij?t=s")))
    #expect(unanswered.httpStatus == nil && unanswered.failure == .connect)
    #expect(!unanswered.detail.contains("abcdefghij"))
  }
}
