import Foundation
import GreenAPI
import Relay
import RelayCore
import TestServers
import Testing

/// Deliveries of the real relay, verified by the packages that consumers use for Standard Webhooks.
@Suite(.enabled(if: PythonScript.interpreter != nil, PythonScript.comment))
struct SignatureVerificationTests {
  private static let old = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  private static let new = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD2bp0Cbrd+nA="
  /// RFC 8032, 7.1, test 1: the seed, the seed with its public key, the public key.
  private static let seed = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
  private static let wholeKey =
    "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg=="
  private static let publicKey = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
  /// Of the same section's test 2.
  private static let otherPublicKey = "whpk_PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw="

  private static let accepted = "accepted"
  private static let noMatch = "No matching signature found"
  private static let tooOld = "Message timestamp too old"

  /// What the script takes for a delivery.
  private struct Captured: Encodable {
    var headers: [String: String] = [:]
    var body: Data

    init(_ request: ReceivedRequest) {
      body = Data(request.body)
      for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] { headers[name] = request.header(name) }
    }
  }

  /// One object for each key, of every verifier's verdict, for each delivery.
  private typealias Verdicts = [[[String: String]]]

  private func verify(_ deliveries: [Captured], by keys: String...) async throws -> Verdicts {
    struct Task: Encodable {
      var deliveries: [Captured]
      var keys: [String]
    }
    let script = try PythonScript(
      "verify_webhooks", input: JSONEncoder().encode(Task(deliveries: deliveries, keys: keys)))
    defer { script.end() }
    return try await script.lines(deliveries.count).map {
      try JSONDecoder().decode([[String: String]].self, from: Data($0.utf8))
    }
  }

  /// Both packages' verdict on a `whsec_` key.
  private func packages(_ verdict: String) -> [String: String] { ["standardwebhooks": verdict, "svix": verdict] }
  private func cryptography(_ verdict: String) -> [String: String] { ["cryptography": verdict] }

  /// Runs the body with a relay that signs with these secrets, in a time that is ours or so much behind.
  private func withRelay(
    _ secrets: String..., behind: Duration = .zero, _ body: (RelayHarness) async throws -> Void
  ) async throws {
    let secrets = try secrets.map { try SigningSecret(Secret($0)) }
    try await RelayHarness.run { configuration in
      configuration.destinations[0].signingSecrets = secrets
      configuration.destinations[0].delivery.retry = RetryPolicy(schedule: [.seconds(3600)], jitter: 0)
    } _: { harness in
      let now = UnixTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
      harness.time.stepWallClock(by: now - harness.time.now().unix - behind)
      try await body(harness)
    }
  }

  private func deliver(_ idMessage: String, _ harness: RelayHarness) async throws -> Captured {
    let count = harness.consumer.requests.count
    try await harness.post(idMessage)
    try await harness.poll()
    return Captured(try await harness.consumer.received(count + 1)[count])
  }

  @Test("Both packages accept what a whsec_ secret signed, by that secret only")
  func symmetric() async throws {
    try await withRelay(Self.old) { harness in
      let delivery = try await deliver("A", harness)
      #expect(
        try await verify([delivery], by: Self.old, Self.new) == [[packages(Self.accepted), packages(Self.noMatch)]])
    }
  }

  @Test("What was changed on the way is accepted by nobody: body, id, timestamp, signature")
  func tampered() async throws {
    try await withRelay(Self.old, Self.seed) { harness in
      let delivery = try await deliver("A", harness)
      var forged = [Captured](repeating: delivery, count: 4)
      forged[0].body = Data(String(decoding: delivery.body, as: UTF8.self).replacing("sent", with: "read").utf8)
      forged[1].headers["webhook-id"]?.append("x")
      let timestamp = try #require(Int(delivery.headers["webhook-timestamp"] ?? ""))
      forged[2].headers["webhook-timestamp"] = "\(timestamp + 1)"
      // The first byte of each signature is another one.
      forged[3].headers["webhook-signature"] = delivery.headers["webhook-signature"]?.split(separator: " ")
        .map { signature in
          let comma = signature.firstIndex(of: ",")!
          let first = signature.index(after: comma)
          return signature[...comma] + (signature[first] == "A" ? "B" : "A") + signature[first...].dropFirst()
        }.joined(separator: " ")
      #expect(
        try await verify([delivery] + forged, by: Self.old, Self.publicKey)
          == [[packages(Self.accepted), cryptography(Self.accepted)]]
          + forged.map { _ in [packages(Self.noMatch), cryptography(Self.noMatch)] })
    }
  }

  @Test("A whsk_ secret, as seed or whole key, signs what its public key verifies", arguments: [seed, wholeKey])
  func asymmetric(_ secret: String) async throws {
    try await withRelay(secret) { harness in
      let delivery = try await deliver("A", harness)
      #expect(
        try await verify([delivery], by: Self.publicKey, Self.otherPublicKey, Self.old)
          == [[cryptography(Self.accepted), cryptography(Self.noMatch), packages(Self.noMatch)]])
    }
  }

  @Test(
    "In the course of a rotation consumers with the old and with the new key accept; after it only those with the new one"
  )
  func rotation() async throws {
    try await withRelay(Self.old, Self.new) { harness in
      let during = try await deliver("A", harness)
      try await harness.delivered(1)
      var changed = harness.configuration
      changed.destinations[0].signingSecrets = [try SigningSecret(Secret(Self.new))]
      try await harness.relay.reload(changed)
      let after = try await deliver("B", harness)
      #expect(
        try await verify([during, after], by: Self.old, Self.new) == [
          [packages(Self.accepted), packages(Self.accepted)], [packages(Self.noMatch), packages(Self.accepted)],
        ])
    }
  }

  @Test(
    "A rotation from one kind of key to the other leaves no consumer out, whichever stands first",
    arguments: [false, true])
  func mixedRotation(isReversed: Bool) async throws {
    let secrets = isReversed ? [Self.seed, Self.old] : [Self.old, Self.seed]
    try await withRelay(secrets[0], secrets[1]) { harness in
      let delivery = try await deliver("A", harness)
      #expect(delivery.headers["webhook-signature"]?.hasPrefix(isReversed ? "v1a," : "v1,") == true)
      #expect(
        try await verify([delivery], by: Self.old, Self.publicKey)
          == [[packages(Self.accepted), cryptography(Self.accepted)]])
    }
  }

  @Test(
    "An attempt of an hour ago is too old to be accepted; the next one of the same delivery has its own time, and is")
  func timestamps() async throws {
    try await withRelay(Self.old, Self.seed, behind: .seconds(3600)) { harness in
      harness.consumer.behaveNext(.answer("500 No"))
      let first = try await deliver("A", harness)
      try await harness.passUntilRetry()
      let second = Captured(try await harness.consumer.received(2)[1])
      #expect(first.headers["webhook-id"] == second.headers["webhook-id"])
      let verdicts = try await verify([first, second], by: Self.old, Self.publicKey)
      #expect(verdicts[0] == [packages(Self.tooOld), cryptography("Message timestamp too old or too new")])
      #expect(verdicts[1] == [packages(Self.accepted), cryptography(Self.accepted)])
    }
  }
}
