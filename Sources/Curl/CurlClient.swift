import NIOConcurrencyHelpers
import Synchronization

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
  /// For tasks that mostly wait for this client.
  public let taskExecutor: LoopTaskExecutor
  /// A hundred years: so that nanoseconds have room for it.
  private static let longestSleep = Duration.seconds(36_525 * 86_400)
  private let latestSleep = Atomic<UInt64>(0)
  private let singles: SingleAnswers
  /// Of all single requests: what the thread keeps for a sink is made once, and what ends together is handed out together.
  private let singleSink: CompletionSink

  /// Throws ``CurlError/Kind-swift.enum/resources`` when there is no descriptor or thread left.
  public init(_ configuration: Configuration = Configuration()) throws(CurlError) {
    submissions = try SubmissionQueue()
    let loop = try TransferLoop(configuration: configuration, submissions: submissions, gauges: gauges)
    thread = try LoopThread(running: loop)
    executor = LoopExecutor(submissions, ended: thread.ended)
    taskExecutor = LoopTaskExecutor(submissions, ended: thread.ended)
    let singles = SingleAnswers()
    self.singles = singles
    singleSink = CompletionSink { singles.resume($0) }
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
    let tag = singles.nextTag()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        singles.await(tag, continuation)
        let command = SubmissionQueue.Command.start([Transfer(tag: tag, request: request)], singleSink)
        switch submissions.submit(command, if: { !Task.isCancelled }) {
        case .taken: break
        case .closed: singles.resume([Completion(tag: tag, result: .failure(.shutDown))])
        case .refused: singles.resume([Completion(tag: tag, result: .failure(.cancelled))])
        }
      }
    } onCancel: {
      cancel([tag], sink: singleSink)
    }
    return try result.get()
  }

  /// Waits on the client's thread: a task that runs there (``taskExecutor``) goes on without another thread being woken. Time goes on
  /// while the machine is suspended.
  /// - Throws: `CancellationError` when the task is cancelled or the client shut down before.
  public func sleep(for duration: Duration) async throws {
    let tag = latestSleep.add(1, ordering: .relaxed).newValue
    let (seconds, attoseconds) = min(max(duration, .zero), Self.longestSleep).components
    let end = SleepTable.now + UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let command = SubmissionQueue.Command.sleep(tag, until: end, continuation)
        if submissions.submit(command, if: { !Task.isCancelled }) != .taken {
          continuation.resume(throwing: CancellationError())
        }
      }
    } onCancel: {
      submissions.submit(.wake(tag))
    }
  }

  /// Aborts the transfers that run, which end as ``CurlError/Kind-swift.enum/shutDown``, closes all connections and
  /// returns when the thread is gone. Further calls wait for the same; transfers started later end at once.
  public func shutDown() async {
    submissions.submit(.shutDown)
    await thread.join()
  }

  public var statistics: ClientStatistics { gauges.snapshot }
}

/// The way of each result to the task that waits for it.
private final class SingleAnswers: Sendable {
  typealias Waiter = CheckedContinuation<Result<HTTPResponse, CurlError>, Never>

  private let latestTag = Atomic<UInt64>(0)
  private let waiters = NIOLockedValueBox<[UInt64: Waiter]>([:])

  func nextTag() -> UInt64 { latestTag.add(1, ordering: .relaxed).newValue }

  func await(_ tag: UInt64, _ waiter: Waiter) {
    waiters.withLockedValue { $0[tag] = waiter }
  }

  func resume(_ completions: [Completion]) {
    let awaited = waiters.withLockedValue { waiters in completions.map { waiters.removeValue(forKey: $0.tag) } }
    for (waiter, completion) in zip(awaited, completions) { waiter?.resume(returning: completion.result) }
  }
}
