import Curl
import GreenAPI
import RelayCore

/// GREEN-API's methods over libcurl, as far as the relay asks them. No policy: what an answer means is said, not what to do.
public struct GreenAPIClient: Sendable {
  private let client: CurlClient

  /// A month of statuses with thumbnails stays well below this; more is not kept in memory.
  public static let largestAnswer = 64 << 20

  public init(_ client: CurlClient) { self.client = client }

  /// A successful answer's body, and when it was given by the server's clock.
  public struct Answer: Sendable {
    public var body: [UInt8]
    /// Whether it is the body that was expected; ``body`` is empty then.
    public var isExpected = false
    /// The `Date` header, when it is there and readable.
    public var date: UnixTime?
  }

  /// Why there is no answer to use; `nil` in ``failure`` means that the task was cancelled.
  public struct Problem: Error, Sendable {
    public var failure: PollFailure?
    public var retryAfter: Duration?

    public init(failure: PollFailure?, retryAfter: Duration? = nil) {
      self.failure = failure
      self.retryAfter = retryAfter
    }
  }

  /// - Parameter now: only to read dates in the answer.
  public func outgoingStatuses(of endpoint: Endpoint, minutes: Int, now: UnixTime) async throws(Problem) -> Answer {
    try await records(at: Self.recordsURL(of: endpoint, minutes: minutes), expecting: nil, now: now)
  }

  /// Where records are asked for, token included.
  static func recordsURL(of endpoint: Endpoint, minutes: Int) -> String {
    endpoint.url(.getOutgoingStatuses, query: [("minutes", String(minutes))])
  }

  /// - Parameters:
  ///   - url: made by ``recordsURL(of:minutes:)``.
  ///   - expectedBody: what the answer probably is, see `HTTPRequest`.
  ///   - now: only to read dates in the answer.
  func records(
    at url: String, expecting expectedBody: ExpectedBody?, now: UnixTime
  ) async throws(Problem) -> Answer {
    let isLarge = expectedBody.map { $0.count >= AnswerRoom.leastAnswer } ?? false
    return try await get(
      url, timeouts: Self.pollTimeouts, receiveBufferSize: isLarge ? Self.receiveBufferSize : nil,
      expecting: expectedBody, now: now)
  }

  public func settings(of endpoint: Endpoint, now: UnixTime) async throws(Problem) -> AccountSettings {
    let answer = try await get(endpoint.url(.getSettings), timeouts: Self.settingsTimeouts, now: now)
    do {
      return try AccountSettings(decoding: answer.body)
    } catch {
      throw Problem(failure: .answer(error))
    }
  }

  /// From a request for records to the end of the answer.
  static let longestPoll = Duration.seconds(180)
  /// A large answer may take its time as long as bytes keep coming.
  private static let pollTimeouts = Timeouts(connect: .seconds(10), total: longestPoll, stalled: .seconds(30))
  /// Short, as polls wait while the settings are asked for.
  private static let settingsTimeouts = Timeouts(connect: .seconds(10), total: .seconds(15))

  /// Of a large answer. libcurl's default of 16 KB takes a seventh more processor time for 4 MB; still more room takes more again, as it
  /// doesn't stay in the nearest cache.
  private static let receiveBufferSize = 64 << 10

  private func get(
    _ url: String, timeouts: Timeouts, receiveBufferSize: Int? = nil, expecting expectedBody: ExpectedBody? = nil,
    now: UnixTime
  ) async throws(Problem) -> Answer {
    var request = HTTPRequest(
      url: url, headers: [("Accept", "application/json"), ("User-Agent", Version.userAgent)], timeouts: timeouts,
      responseLimit: .fail(above: Self.largestAnswer), expectedBody: expectedBody)
    if let receiveBufferSize { request.receiveBufferSize = receiveBufferSize }
    let response: HTTPResponse
    do {
      response = try await client.execute(request)
    } catch {
      throw Problem(failure: Self.failure(error))
    }
    let date = response.header("Date").flatMap { HTTPDate.parse($0, now: now) }
    guard (200..<300).contains(response.status) else {
      throw Problem(
        failure: .api(APIFailure(httpStatus: response.status, body: response.body)),
        retryAfter: response.header("Retry-After").flatMap { RetryAfter.wait($0, now: date ?? now) })
    }
    return Answer(body: response.body, isExpected: response.isExpectedBody, date: date)
  }

  private static func failure(_ error: CurlError) -> PollFailure? {
    switch error.kind {
    case .cancelled, .shutDown: nil
    case .responseTooLarge: .answerTooLarge(limitBytes: largestAnswer)
    default: .network(kind: error.kind.rawValue, detail: Redaction.redact(error.message))
    }
  }
}
