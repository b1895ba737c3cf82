import Curl
import GreenAPI
import Relay
import RelayCore
import RelayStore
import TestServers
import Testing

/// One delivery to a consumer under suspicion, `crm`, and the same one to a healthy consumer, `archive`.
///
/// URL, token and headers hold secrets, all with ``secret`` in them, which nobody is to read anywhere.
struct MisbehavingStage: Sendable {
  let harness: RelayHarness

  static let secret = "s3cret"
  static let path = "/\(secret)-path?key=\(secret)-key"
  static let wait = Duration.seconds(60)

  static func run(
    against url: String, timeout: Duration = .seconds(20), tls: TLSOptions? = nil,
    _ body: (MisbehavingStage) async throws -> Void
  ) async throws {
    try await RelayHarness.run(destinations: 2) { configuration in
      configuration.destinations[0].url = url
      configuration.destinations[0].timeout = timeout
      configuration.destinations[0].tls = tls
      configuration.destinations[0].webhookUrlToken = Secret("\(secret)-token")
      configuration.destinations[0].headers = [.init(name: "X-Key", value: "\(secret)-header")]
      configuration.destinations[0].delivery.retry = RetryPolicy(
        schedule: [Self.wait, .seconds(3600)], jitter: 0)
    } _: { harness in
      let stage = MisbehavingStage(harness: harness)
      try await body(stage)
      #expect(harness.log.count(of: secret) == 0)
    }
  }

  /// What must come of the first attempt.
  struct Expectation: Sendable {
    var failure: AttemptFailure
    var httpStatus: Int?
    /// What the operator reads has each of these in it.
    var words: [String]
    var excerpt: [UInt8] = []
    /// Until the next attempt.
    var wait = MisbehavingStage.wait
  }

  /// Has the delivery made to both, and holds everything that is recorded and shown against what is expected.
  func failFirst(_ expected: Expectation) async throws {
    try await harness.post("A")
    try await harness.poll()
    try await harness.delivered(1, at: "archive")
    let row = try await harness.deliveries(become: "retried") { $0.first?.state == .retrying }[0]

    #expect(row.attempts == 1)
    #expect(row.lastFailure == expected.failure)
    #expect(row.lastHTTPStatus == expected.httpStatus)
    for words in expected.words { #expect(row.lastDetail.contains(words), "\(row.lastDetail)") }
    #expect(!row.lastDetail.contains(Self.secret), "\(row.lastDetail)")
    #expect(try #require(row.dueAt) - harness.time.now().steady == expected.wait)

    let attempts = try await harness.attempts()
    #expect(attempts.map(\.failure) == [expected.failure])
    #expect(attempts.map(\.httpStatus) == [expected.httpStatus])
    #expect(attempts.map(\.detail) == [row.lastDetail])
    #expect(attempts.map(\.excerpt) == [expected.excerpt])

    let destination = try await harness.destination()
    #expect(destination.state == "delivering")
    #expect(destination.latestFailure?.failure == expected.failure.rawValue)
    #expect(destination.latestFailure?.description == row.lastDetail)
    let line = try #require(harness.log.lines.first { $0.contains("attempt failed") })
    #expect(line.contains("attempt failed: \(row.lastDetail); again in \(expected.wait.formatted)"), "\(line)")
    #expect(line.contains("crm"), "\(line)")

    #expect(try await harness.deliveries(at: "archive").map(\.attempts) == [1])
  }

  /// Lets the time of the next attempt come, which must succeed.
  func succeedThen() async throws {
    try await harness.passUntilRetry()
    try await harness.delivered(1)
    let attempts = try await harness.attempts()
    #expect(attempts.count == 2)
    #expect(attempts.last?.failure == nil && attempts.last?.httpStatus == 200)
    #expect(try await harness.deliveries().map(\.attempts) == [2])
  }

  /// Has the delivery made to both, and sees it taken at once.
  func succeedFirst(_ idMessage: String = "A", httpStatus: Int = 200) async throws {
    try await harness.post(idMessage)
    try await harness.poll()
    let rows = try await harness.deliveries(become: "settled") { rows in
      rows.contains { $0.idMessage == idMessage && $0.state != .waiting }
    }
    let row = try #require(rows.first { $0.idMessage == idMessage })
    #expect(row.state == .delivered && row.attempts == 1, "\(row.lastDetail)")
    #expect(row.lastHTTPStatus == httpStatus)
    #expect(row.lastFailure == nil && row.lastDetail.isEmpty)
    let reports = try await harness.outbox.attempts(of: row.id).map(\.report)
    #expect(reports.allSatisfy { $0.failure == nil && $0.excerpt.isEmpty })
    try await harness.deliveries(at: "archive", become: "delivered") { rows in
      rows.contains { $0.idMessage == idMessage && $0.state == .delivered }
    }
  }
}
