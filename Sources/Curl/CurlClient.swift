import NIOConcurrencyHelpers

/// An HTTP client on libcurl's multi interface: one thread of its own runs any number of transfers, keeps connections
/// and uses them again.
///
/// Transfers go in with ``start(_:sink:)`` and come out at their ``CompletionSink``, both in batches; for a single
/// request there is ``execute(_:)``. A client must be ended with ``shutDown()``; one that is merely let go of ends its
/// transfers all the same, at some later moment.
public final class CurlClient: Sendable {
  public struct Configuration: Sendable, Hashable {
    /// The most connections open at once; further transfers wait for one. 0 means no limit.
    /// See https://curl.se/libcurl/c/CURLMOPT_MAX_TOTAL_CONNECTIONS.html.
    public var maxConnections: Int
    /// The most connections open at once to one host and port; 0 means no limit.
    /// See https://curl.se/libcurl/c/CURLMOPT_MAX_HOST_CONNECTIONS.html.
    public var maxConnectionsPerHost: Int
    /// The most connections, busy ones included, among which a finished transfer's connection is kept for the next one.
    /// Fewer than there are transfers at once means that connections are not kept.
    /// See https://curl.se/libcurl/c/CURLMOPT_MAXCONNECTS.html.
    public var idleConnectionCacheSize: Int

    public init(maxConnections: Int = 0, maxConnectionsPerHost: Int = 0, idleConnectionCacheSize: Int = 8192) {
      self.maxConnections = maxConnections
      self.maxConnectionsPerHost = maxConnectionsPerHost
      self.idleConnectionCacheSize = idleConnectionCacheSize
    }
  }

  private let submissions: SubmissionQueue
  private let gauges = Gauges()
  private let thread: LoopThread
  /// For an actor whose business is this client's transfers.
  public let executor: LoopExecutor

  /// Throws ``CurlError/Kind-swift.enum/resources`` when there is no descriptor or thread left.
  public init(_ configuration: Configuration = Configuration()) throws(CurlError) {
    submissions = try SubmissionQueue()
    let loop = try TransferLoop(configuration: configuration, submissions: submissions, gauges: gauges)
    thread = try LoopThread(running: loop)
    executor = LoopExecutor(submissions, ended: thread.ended)
  }

  deinit {
    submissions.submit(.shutDown)
  }

  /// Starts transfers. Each of them ends exactly once at the sink, those that cannot be sent too.
  ///
  /// Returns at once, and may be called on any thread.
  public func start(_ transfers: [Transfer], sink: CompletionSink) {
    guard !transfers.isEmpty, submissions.submit(.start(transfers, sink)) == .closed else { return }
    sink.take(transfers.map { Completion(tag: $0.tag, result: .failure(.shutDown)) })
  }

  /// Aborts those of the sink's transfers that still run; they end as ``CurlError/Kind-swift.enum/cancelled``. A tag
  /// that does not run is passed over.
  public func cancel(_ tags: [UInt64], sink: CompletionSink) {
    submissions.submit(.cancel(tags, sink))
  }

  /// Sends one request and waits for its end. When the task is cancelled the transfer is aborted and this throws
  /// ``CurlError/Kind-swift.enum/cancelled``.
  public func execute(_ request: HTTPRequest) async throws(CurlError) -> HTTPResponse {
    let answer = SingleAnswer()
    let sink = CompletionSink { completions in
      for completion in completions { answer.resume(completion.result) }
    }
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        answer.await(continuation)
        let command = SubmissionQueue.Command.start([Transfer(tag: 0, request: request)], sink)
        switch submissions.submit(command, if: { !Task.isCancelled }) {
        case .taken: break
        case .closed: answer.resume(.failure(.shutDown))
        case .refused: answer.resume(.failure(.cancelled))
        }
      }
    } onCancel: {
      cancel([0], sink: sink)
    }
    return try result.get()
  }

  /// Aborts the transfers that run, which end as ``CurlError/Kind-swift.enum/shutDown``, closes all connections and
  /// returns when the thread is gone. Further calls wait for the same; transfers started later end at once.
  public func shutDown() async {
    submissions.submit(.shutDown)
    await thread.join()
  }

  public var statistics: ClientStatistics { gauges.snapshot }
}

/// The way of one result to one waiting task.
private final class SingleAnswer: Sendable {
  private let waiter = NIOLockedValueBox<CheckedContinuation<Result<HTTPResponse, CurlError>, Never>?>(nil)

  func await(_ continuation: CheckedContinuation<Result<HTTPResponse, CurlError>, Never>) {
    waiter.withLockedValue { $0 = continuation }
  }

  func resume(_ result: Result<HTTPResponse, CurlError>) {
    let continuation = waiter.withLockedValue { waiter in
      defer { waiter = nil }
      return waiter
    }
    continuation?.resume(returning: result)
  }
}
