import Curl
import GreenAPI
import NIOConcurrencyHelpers
import RelayCore

/// GREEN-API's methods over libcurl, as far as the relay asks them. No policy: what an answer means is said, not what to do.
public struct GreenAPIClient: Sendable {
  private let client: CurlClient

  /// A month of statuses with thumbnails stays well below this; more is not kept in memory.
  public static let largestAnswer = 64 << 20

  public init(_ client: CurlClient) { self.client = client }

  /// A successful answer to a request for records: what has read its body, and when it was given by the server's clock.
  public struct Answer: Sendable {
    public var reader: RecordsReader
    /// The `Date` header, when it is there and readable.
    public var date: UnixTime?
    /// The body's first bytes.
    fileprivate var beginning: [UInt8]
    fileprivate var secrets: [Secret]

    public func records() throws(Problem) -> ReadAnswer {
      do {
        return try reader.finish()
      } catch {
        throw Problem(error, in: beginning, secrets: secrets)
      }
    }
  }

  /// Why there is no answer to use; `nil` in ``failure`` means that the task was cancelled.
  public struct Problem: Error, Sendable {
    public var failure: PollFailure?
    public var retryAfter: Duration?

    public init(failure: PollFailure?, retryAfter: Duration? = nil) {
      self.failure = failure
      self.retryAfter = retryAfter
    }

    /// Whether only the instance's state tells what is wrong.
    public var isAmbiguous: Bool { if case .api(let failure) = failure { failure.isAmbiguous } else { false } }

    /// Of a 2xx answer that is not what was asked for: it is an error in disguise, or is shown as it begins.
    fileprivate init(_ fault: AnswerFault, in body: [UInt8], secrets: [Secret]) {
      let body = GreenAPIClient.shown(body, secrets)
      self.init(failure: APIFailure(disguisedIn: body).map(PollFailure.api) ?? .answer(fault.showing(body)))
    }
  }

  /// - Parameter now: only to read dates in the answer.
  public func outgoingStatuses(of endpoint: Endpoint, minutes: Int, now: UnixTime) async throws(Problem) -> Answer {
    let (request, reply) = Self.recordsRequest(
      Self.recordsURL(of: endpoint, minutes: minutes), secrets: endpoint.secrets, now: now)
    return try reply.answer(await execute(request))
  }

  /// Where records are asked for, token included.
  static func recordsURL(of endpoint: Endpoint, minutes: Int) -> RequestURL {
    RequestURL(endpoint.url(.getOutgoingStatuses, query: [("minutes", String(minutes))]))
  }

  /// - Parameters:
  ///   - url: made by ``recordsURL(of:minutes:)``.
  ///   - secrets: what of the request must not be seen if the answer repeats it.
  ///   - known: records that need not be looked at when they come again.
  ///   - latestCount: bytes of the answer before; the next one's number is much the same.
  ///   - now: only to read dates in the answer.
  /// - Returns: a request for records, and what is to be made of the response to it.
  static func recordsRequest(
    _ url: RequestURL, secrets: [Secret], knowing known: KnownRecords = KnownRecords(), latestCount: Int = 0,
    now: UnixTime
  ) -> (request: HTTPRequest, reply: Reply) {
    var request = request(url, timeouts: pollTimeouts)
    if latestCount >= largeAnswer { request.receiveBufferSize = receiveBufferSize }
    let arriving = ArrivingAnswer(knowing: known)
    request.bodyReceiver = arriving
    return (request, Reply(arriving: arriving, secrets: secrets, now: now))
  }

  /// What a request for records is to be answered by.
  struct Reply: Sendable {
    fileprivate let arriving: ArrivingAnswer
    fileprivate let secrets: [Secret]
    fileprivate let now: UnixTime

    /// To be asked once.
    func answer(_ result: Result<HTTPResponse, CurlError>) throws(Problem) -> Answer {
      let response = try successful(result, secrets: secrets, now: now)
      let (reader, beginning) = arriving.takeOut()
      return Answer(reader: reader, date: date(of: response, now: now), beginning: beginning, secrets: secrets)
    }
  }

  /// Starts requests whose tags and sink are the caller's.
  func start(_ requests: [Transfer], sink: CompletionSink) { client.start(requests, sink: sink) }

  func cancel(_ tag: UInt64, sink: CompletionSink) { client.cancel([tag], sink: sink) }

  public func settings(of endpoint: Endpoint, now: UnixTime) async throws(Problem) -> AccountSettings {
    try await object(.getSettings, of: endpoint, now: now) { body throws(AnswerFault) in
      try AccountSettings(decoding: body)
    }
  }

  public func state(of endpoint: Endpoint, now: UnixTime) async throws(Problem) -> InstanceState {
    try await object(.getStateInstance, of: endpoint, now: now) { body throws(AnswerFault) in
      try InstanceState(decoding: body)
    }
  }

  /// What a problem comes to once the instance's state is known, which is asked for only when the answer left open what is wrong. The
  /// problem stays as it is when there is no answer to that.
  public func explained(_ problem: Problem, of endpoint: Endpoint, now: UnixTime) async -> Problem {
    guard case .api(let failure) = problem.failure, failure.isAmbiguous,
      let state = try? await state(of: endpoint, now: now)
    else { return problem }
    return Problem(failure: .api(failure.resolved(by: state)), retryAfter: problem.retryAfter)
  }

  private func object<Content>(
    _ method: APIMethod, of endpoint: Endpoint, now: UnixTime, decode: ([UInt8]) throws(AnswerFault) -> Content
  ) async throws(Problem) -> Content {
    let request = Self.request(RequestURL(endpoint.url(method)), timeouts: Self.settingsTimeouts)
    let body = try Self.successful(await execute(request), secrets: endpoint.secrets, now: now).body
    if APIFailure(disguisedIn: body) != nil, let failure = APIFailure(disguisedIn: Self.shown(body, endpoint.secrets)) {
      throw Problem(failure: .api(failure))
    }
    do {
      return try decode(body)
    } catch {
      throw Problem(error, in: body, secrets: endpoint.secrets)
    }
  }

  /// From a request for records to the end of the answer.
  static let longestPoll = Duration.seconds(180)
  /// A large answer may take its time as long as bytes keep coming.
  private static let pollTimeouts = Timeouts(connect: .seconds(10), total: longestPoll, stalled: .seconds(30))
  /// Short, as polls wait while the settings are asked for.
  private static let settingsTimeouts = Timeouts(connect: .seconds(10), total: .seconds(15))

  /// Of a large answer. libcurl's default of 16 KB takes a quarter more processor time for 4 MB, as each read of a socket has its price
  /// and lets an acknowledgement go; still more room than this gains nothing.
  private static let receiveBufferSize = 128 << 10
  /// A shorter one has arrived before it matters.
  private static let largeAnswer = 512 << 10

  private static let headers: HeaderList = {
    do {
      return try HeaderList([
        ("Accept", "application/json"), ("Accept-Encoding", acceptableEncodings), ("User-Agent", Version.userAgent),
      ])
    } catch {
      fatalError("the requests' headers were refused: \(error)")
    }
  }()

  private static func request(_ url: RequestURL, timeouts: Timeouts) -> HTTPRequest {
    HTTPRequest(
      url: url, sharedHeaders: headers, timeouts: timeouts, responseLimit: .fail(above: largestAnswer))
  }

  private func execute(_ request: HTTPRequest) async -> Result<HTTPResponse, CurlError> {
    do {
      return .success(try await client.execute(request))
    } catch {
      return .failure(error)
    }
  }

  private static func successful(
    _ result: Result<HTTPResponse, CurlError>, secrets: [Secret], now: UnixTime
  ) throws(Problem) -> HTTPResponse {
    let response: HTTPResponse
    switch result {
    case .success(let arrived): response = arrived
    case .failure(let error): throw Problem(failure: failure(error))
    }
    guard (200..<300).contains(response.status) else {
      throw Problem(
        failure: .api(APIFailure(httpStatus: response.status, body: shown(response.body, secrets))),
        retryAfter: response.header("Retry-After").flatMap {
          RetryAfter.wait($0, now: date(of: response, now: now) ?? now)
        })
    }
    return response
  }

  /// The beginning of an error's body without the secrets that it may repeat: the path is in it at times, with the token.
  fileprivate static func shown(_ body: [UInt8], _ secrets: [Secret]) -> [UInt8] {
    Redactor(secrets).redact(Array(body.prefix(APIFailure.longestBody)))
  }

  private static func date(of response: HTTPResponse, now: UnixTime) -> UnixTime? {
    response.header("Date").flatMap { HTTPDate.parse($0, now: now) }
  }

  private static func failure(_ error: CurlError) -> PollFailure? {
    switch error.kind {
    case .cancelled, .shutDown: nil
    case .responseTooLarge: .answerTooLarge(limitBytes: largestAnswer)
    default: .network(kind: error.kind.rawValue, detail: Redaction.redact(error.message))
    }
  }
}

/// The reader of one answer, which takes the body as it arrives. It stays where it is: passing it on as a value copies a dozen references
/// each time, which is a fortieth of what an answer of a hundred records costs.
private final class ArrivingAnswer: BodyReceiver {
  private let state: NIOLockedValueBox<State>

  private struct State {
    var reader: RecordsReader
    /// As much as an error in disguise takes, and as is shown of an answer that isn't understood.
    var beginning: [UInt8] = []
  }

  init(knowing known: KnownRecords) { state = NIOLockedValueBox(State(reader: RecordsReader(knowing: known))) }

  func take(_ piece: Span<UInt8>) {
    state.withLockedValue { state in
      let missing = min(APIFailure.bytesLookedAt - state.beginning.count, piece.count)
      if missing > 0 {
        piece.extracting(first: missing).withUnsafeBufferPointer { state.beginning.append(contentsOf: $0) }
      }
      state.reader.take(piece)
    }
  }

  func takeOut() -> (reader: RecordsReader, beginning: [UInt8]) {
    state.withLockedValue { state in
      var taken = State(reader: RecordsReader())
      swap(&state, &taken)
      return (taken.reader, taken.beginning)
    }
  }
}
