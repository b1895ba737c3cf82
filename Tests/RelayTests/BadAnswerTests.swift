import GreenAPI
import GreenAPISimulator
import Relay
import RelayCore
import Testing

/// What GREEN-API may answer to a poll, end to end: none of it stops the relay or costs it what it knew.
@Suite struct BadAnswerTests {
  struct Answer: Sendable, CustomTestStringConvertible {
    var name: String
    var effect: Fault.Effect
    /// The account's trouble.
    var reason: String

    var testDescription: String { name }

    static func body(_ name: String, _ body: String, _ reason: String) -> Answer {
      Answer(name: name, effect: .status(200, body: body), reason: reason)
    }
  }

  static let unusable: [Answer] = [
    .body("not JSON", "fine, thanks", "notJSON"),
    .body("half an array", #"[{"idMessage":"A","statusMessage":"read""#, "notJSON"),
    .body("nothing at all", "", "emptyBody"),
    .body("a text", #""fine""#, "notAnArray"),
    .body("arrays nested ten thousand deep", String(repeating: "[", count: 10_000), "notJSON"),
    .body(
      "objects nested ten thousand deep in a record",
      #"[{"idMessage":"A","statusMessage":"read","x":"# + String(repeating: #"{"x":"#, count: 10_000) + "1"
        + String(repeating: "}", count: 10_000) + "}]", "notJSON"),
    .body(
      "wrong types in every record", #"[1, "A", null, {"idMessage": {}, "statusMessage": true}]"#, "noUsableRecords"),
    Answer(name: "HTML", effect: .html, reason: "htmlBody"),
    Answer(name: "null", effect: .null, reason: "notAnArray"),
    Answer(name: "an object", effect: .object, reason: "notAnArray"),
    Answer(name: "invalid UTF-8", effect: .garbage, reason: "notJSON"),
    Answer(name: "records without ids", effect: .recordsWithoutIDs, reason: "noUsableRecords"),
    Answer(name: "cut off", effect: .truncated, reason: "network"),
    Answer(name: "HTTP 500", effect: .status(500), reason: "serverTrouble"),
    Answer(name: "HTTP 400 with Internal Server Error", effect: .status(400), reason: "serverTrouble"),
    Answer(name: "HTTP 404", effect: .status(404), reason: "notFound"),
    Answer(name: "100 MB", effect: .huge(megabytes: 100), reason: "answerTooLarge"),
    Answer(name: "a gzip bomb of 1 GB", effect: .gzipBomb(megabytes: 1000), reason: "answerTooLarge"),
  ]

  @Test(
    "An unusable answer degrades the account and keeps its snapshot; the next good one is used", arguments: unusable)
  func degradesAndRecovers(_ answer: Answer) async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      #expect(try await harness.poll().state == "healthy")
      try await harness.delivered(1)
      try await harness.advance("A", to: .delivered)

      try await harness.spoil(answer.effect)
      let degraded = try await harness.poll()
      #expect(degraded.state == "degraded")
      #expect(degraded.reason == answer.reason)
      #expect(degraded.trackedMessages == 1)
      #expect(try await !harness.relay.status().isHealthy)

      let recovered = try await harness.poll()
      #expect(recovered.state == "healthy")
      #expect(recovered.reason == nil)
      #expect(recovered.trackedMessages == 1)
      try await harness.delivered(2)
      #expect(harness.consumer.arrivals == ["A sent", "A delivered"])
    }
  }

  @Test(
    "An answer that isn't understood is shown as it begins, on one line and without what is secret",
    arguments: [
      ("fine,\u{1B}[31m thanks", "fine,[31m thanks"), (#"{"answer":  42}"#, #"{"answer": 42}"#),
      (#"[{"idMessage":"A","statusMessage":"read""#, #"[{"idMessage":"A","statusMessage":"read""#),
      ("<html><title>Log in</title>", "<html><title>Log in</title>"),
      ("see https://user:hunter2@example.com/", "see https://***@example.com/"),
      (String(repeating: "x", count: 100_000), ": " + String(repeating: "x", count: 200)),
    ])
  func shown(body: String, shown: String) async throws {
    try await RelayHarness.run { harness in
      try await harness.spoil(.status(200, body: body))
      let account = try await harness.poll()
      #expect(account.state == "degraded")
      #expect(account.description?.hasSuffix(shown) == true, "\(account.description ?? "")")
    }
  }

  @Test("A record with duplicate keys is used or passed over, and the polls go on")
  func duplicateKeys() async throws {
    let record = #"{"idMessage":"A","idMessage":"B","statusMessage":"sent","statusMessage":"read","timestamp":1}"#
    try await RelayHarness.run { harness in
      try await harness.spoil(.status(200, body: "[\(record)]"))
      #expect(try await harness.poll().failedPolls == 0)
      try await harness.post("C")
      #expect(try await harness.poll().state == "healthy")
      try await eventually("C") { harness.consumer.arrivals.contains("C sent") }
    }
  }

  @Test("Among bad records the good ones are used, and the bad ones counted by reason")
  func someBadRecords() async throws {
    try await RelayHarness.run { harness in
      for id in ["A", "B", "C"] { try await harness.post(id) }
      try await harness.spoil(.badRecords(12))
      let account = try await harness.poll()
      #expect(account.state == "healthy")
      #expect(account.records == 3)
      #expect(
        account.faults == [
          "missingIDMessage": 2, "missingStatusMessage": 4, "notAnObject": 4, "unusableIDMessage": 2,
        ])
      try await harness.delivered(3)
      #expect(Set(harness.consumer.arrivals) == ["A sent", "B sent", "C sent"])
    }
  }

  @Test("An empty array is no news: nothing is forgotten, and nothing announced again when the records are back")
  func emptyArray() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      try await harness.spoil(.emptyArray)
      let empty = try await harness.poll()
      #expect(empty.state == "healthy")
      #expect(empty.trackedMessages == 1)
      try await harness.poll()
      try await harness.advance("A", to: .read)
      try await harness.poll()
      try await harness.delivered(2)
      #expect(harness.consumer.arrivals == ["A sent", "A read"])
    }
  }

  @Test("Ten failing polls in a row are followed by ever longer waits, and the first good answer by the usual one")
  func backsOff() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.spoil(.status(502), times: 10)
      var waits: [Double] = []
      for _ in 0..<10 { waits.append(try #require(try await harness.poll().nextPollInSeconds)) }
      #expect(waits[0] <= 10 && waits[9] >= 150 && waits[9] <= 300)
      let recovered = try await harness.poll()
      #expect(recovered.state == "healthy")
      #expect(try #require(recovered.nextPollInSeconds) <= 5)
      #expect(recovered.failures == ["serverTrouble": 10])
    }
  }
}
