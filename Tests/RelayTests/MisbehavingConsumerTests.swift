import Relay
import RelayCore
import TestServers
import Testing

/// What a consumer may answer, or fail to: what is recorded of it, when it is tried again, what the operator reads, and that another
/// destination feels nothing of it.
@Suite struct MisbehavingConsumerTests {
  typealias Step = MisbehavingConsumer.Step

  struct Row: Sendable, CustomTestStringConvertible {
    var name: String
    var script: [Step]
    var expected: MisbehavingStage.Expectation
    var timeout = Duration.seconds(20)

    var testDescription: String { name }

    init(
      _ name: String, _ script: [Step], _ failure: AttemptFailure, httpStatus: Int? = nil, _ words: String...,
      excerpt: [UInt8] = [], timeout: Duration = .seconds(20)
    ) {
      self.name = name
      self.script = script
      expected = .init(failure: failure, httpStatus: httpStatus, words: words, excerpt: excerpt)
      self.timeout = timeout
    }

    /// An answer with this status line.
    static func status(
      _ text: String, _ failure: AttemptFailure, headers: [String] = [], _ words: String...,
      wait: Duration = MisbehavingStage.wait
    ) -> Row {
      let status = Int(text.prefix(3))!
      let body = Array("no \(status)".utf8)
      var row = Row(
        "HTTP \(text) \(headers)", [.read, .answer(text, headers: headers, body: status == 304 ? [] : body)], failure,
        httpStatus: status, excerpt: status == 304 ? [] : body)
      row.expected.words = ["the consumer answered HTTP \(status)"] + words
      row.expected.wait = wait
      return row
    }
  }

  /// The shortest that a configuration may have.
  private static let shortTimeout = Duration.seconds(1)
  private static let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
  private static let filler = "X-Filler: \(String(repeating: "x", count: 1000))\r\n"

  private static let statuses: [Row] = [
    .status("300 Multiple Choices", .rejected),
    .status("304 Not Modified", .rejected),
    .status("302 Found", .rejected, headers: ["Location: /\(MisbehavingStage.secret)"], "redirects elsewhere", "url"),
    .status("400 Bad Request", .rejected),
    .status("401 Unauthorized", .rejected, "webhookUrlToken"),
    .status("403 Forbidden", .rejected, "webhookUrlToken"),
    .status("404 Not Found", .rejected, "url"),
    .status("405 Method Not Allowed", .rejected, "POST"),
    .status("413 Content Too Large", .rejected, "too large"),
    .status("422 Unprocessable Content", .rejected),
    .status("499 Whatever", .rejected),
    .status("408 Request Timeout", .throttled),
    .status("425 Too Early", .throttled),
    .status("429 Too Many Requests", .throttled, "rateLimit"),
    .status("500 Internal Server Error", .serverError),
    .status("501 Not Implemented", .serverError),
    .status("502 Bad Gateway", .serverError, "gateway"),
    .status("503 Service Unavailable", .serverError),
    .status("504 Gateway Timeout", .serverError, "gateway"),
    .status("599 Whatever", .serverError),
    .status("999 Whatever", .serverError),
  ]

  private static let day = Duration.seconds(24 * 3600)

  /// The schedule's own wait is a minute.
  private static let waits: [Row] = [
    ("408 Request Timeout", ["Retry-After: 120"], .seconds(120)),
    ("425 Too Early", ["Retry-After: 61"], .seconds(61)),
    ("429 Too Many Requests", ["Retry-After: 3600"], .seconds(3600)),
    // By the consumer's own clock, however wrong it is.
    (
      "408 Request Timeout", ["Date: Thu, 01 Jan 2015 00:00:00 GMT", "Retry-After: Thu, 01 Jan 2015 00:02:00 GMT"],
      .seconds(120)
    ),
    (
      "425 Too Early", ["Date: Fri, 01 Jan 2100 00:00:00 GMT", "Retry-After: Fri, 01 Jan 2100 01:00:00 GMT"],
      .seconds(3600)
    ),
    (
      "429 Too Many Requests",
      ["Retry-After: Sunday, 06-Nov-94 08:51:37 GMT", "Date: Sun, 06 Nov 1994 08:49:37 GMT"], .seconds(120)
    ),
    ("408 Request Timeout", ["Retry-After: 86401"], day),
    ("425 Too Early", ["Retry-After: 99999999999999999999999999"], day),
    (
      "429 Too Many Requests", ["Date: Thu, 01 Jan 2015 00:00:00 GMT", "Retry-After: Fri, 01 Jan 2016 00:00:00 GMT"],
      day
    ),
    ("408 Request Timeout", ["Retry-After: 5"], MisbehavingStage.wait),
    ("425 Too Early", ["Retry-After: Thu, 01 Jan 2015 00:00:00 GMT"], MisbehavingStage.wait),
    ("429 Too Many Requests", ["Retry-After: in a while"], MisbehavingStage.wait),
    ("408 Request Timeout", ["Retry-After: -5"], MisbehavingStage.wait),
    ("425 Too Early", ["Retry-After: 1e9"], MisbehavingStage.wait),
    ("429 Too Many Requests", ["Retry-After:"], MisbehavingStage.wait),
  ].map { .status($0, .throttled, headers: $1, wait: $2) }

  private static let noAnswers: [Row] = [
    Row(
      "1xx, then nothing", [.read, .send(hint), .silence], .timeout, "did not answer", "not done within",
      timeout: shortTimeout),
    Row("1xx, then the end", [.read, .send(hint), .end], .reset, "without an answer"),
    Row("1xx, then a reset", [.read, .send(hint), .awaitRead, .reset], .reset, "cut"),
    Row("1xx without end", [.read, .flood(hint)], .malformedAnswer, "more headers"),
    Row("another protocol", [.read, .send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), .end], .reset),
    Row("silence", [.read, .silence], .timeout, "did not answer", "not done within", timeout: shortTimeout),
    Row(
      "slow headers", [.read, .send("HTTP/1.1 200 OK\r\n"), .trickle("X-Slow: 1\r\n")], .timeout, "did not answer",
      "not done within", timeout: shortTimeout),
    Row(
      "headers without end", [.read, .send("HTTP/1.1 200 OK\r\n"), .flood(filler)], .malformedAnswer,
      "more headers"),
    Row(
      "a header without end", [.read, .send("HTTP/1.1 200 OK\r\nX: "), .flood(String(repeating: "x", count: 4096))],
      .malformedAnswer, "more headers", "header line"),
    Row("a reset before the request is read", [.awaitRequest, .reset], .reset, "cut", "reset"),
    Row("a reset instead of an answer", [.read, .reset], .reset, "cut", "reset"),
    Row(
      "a reset within the status line", [.read, .send("HTTP/1.1 2"), .awaitRead, .reset], .reset, "cut", "reset"),
    Row(
      "a reset within the headers", [.read, .send("HTTP/1.1 200 OK\r\nContent-Le"), .awaitRead, .reset], .reset, "cut",
      "reset"),
    Row("the end before the request is read", [.end], .reset, "without an answer"),
    Row("the end instead of an answer", [.read, .end], .reset, "without an answer"),
    Row("the end within the headers", [.read, .send("HTTP/1.1 200 OK\r\nContent-Le"), .end], .reset, "cut"),
    Row("another protocol's greeting", [.send("220 smtp.example.com ESMTP\r\n"), .end], .malformedAnswer, "no HTTP"),
    Row("a page without headers", [.read, .send("<html>hello</html>\n"), .end], .malformedAnswer, "no HTTP"),
    Row("an HTTP that there is not", [.read, .send("HTTP/7.3 200 OK\r\n\r\n"), .end], .malformedAnswer, "no HTTP"),
    Row("a status that is no number", [.read, .send("HTTP/1.1 OK\r\n\r\n"), .end], .malformedAnswer, "no HTTP"),
  ]

  private static let longBody = Array((0..<5000).map { UInt8(ascii: "a") + UInt8($0 % 26) })
  private static let busy = "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n"

  /// The answer says no, and then its body goes wrong.
  private static let badBodies: [Row] = [
    Row(
      "a long body", [.read, .answer("500 No", body: longBody)], .serverError, httpStatus: 500, "HTTP 500",
      excerpt: Array(longBody.prefix(1024))),
    Row(
      "a body without end", [.read, .send(busy + "\r\n"), .flood("endless ")], .serverError, httpStatus: 503,
      "HTTP 503", excerpt: Array(String(repeating: "endless ", count: 128).utf8)),
    Row(
      "a body that stops", [.read, .send(busy + "Content-Length: 100\r\n\r\nhalf"), .silence], .serverError,
      httpStatus: 503, "HTTP 503", excerpt: Array("half".utf8), timeout: shortTimeout),
    Row(
      "a body cut off", [.read, .send(busy + "Content-Length: 100\r\n\r\nhalf"), .end], .serverError, httpStatus: 503,
      "HTTP 503", excerpt: Array("half".utf8)),
    Row(
      "a reset within the body", [.read, .send(busy + "Content-Length: 100\r\n\r\nhalf"), .awaitRead, .reset],
      .serverError, httpStatus: 503, "HTTP 503", excerpt: Array("half".utf8)),
    Row(
      "a broken chunk", [.read, .send(busy + "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n"), .end],
      .serverError, httpStatus: 503, "HTTP 503", excerpt: Array("half".utf8)),
    Row(
      "a gzip bomb", [.read, .answer("500 No", headers: ["Content-Encoding: gzip"], body: gzipBomb)], .serverError,
      httpStatus: 500, "HTTP 500", excerpt: Array(gzipBomb.prefix(1024))),
    Row(
      "a refusal before the request is read", [.answer("413 Content Too Large", body: []), .end], .rejected,
      httpStatus: 413, "too large"),
    Row(
      "a refusal, and a reset after it", [.read, .answer("500 No", body: []), .awaitRead, .reset], .serverError,
      httpStatus: 500, "HTTP 500"),
  ]

  /// A megabyte of gzip that unfolds to 165: spaces, and 258 more of them with every 13 bits (RFC 1951, 3.2.6).
  private static let gzipBomb: [UInt8] = {
    let unit: [UInt8] = [0xA3, 0x60, 0x14, 0x8C, 0x82, 0x51, 0x30, 0x0A, 0x46, 0xC1, 0x28, 0x18, 0x05]
    return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF, 0x53, 0x50, 0x18, 0x05] + (0..<80_000).flatMap { _ in unit }
  }()

  @Test(
    "An attempt that failed is recorded with its cause, said in words, made again when it is time, and nobody else's trouble",
    arguments: statuses + waits + noAnswers + badBodies)
  func failure(_ row: Row) async throws {
    let consumer = MisbehavingConsumer(row.script)
    defer { consumer.stop() }
    let url = consumer.url(path: MisbehavingStage.path)
    try await MisbehavingStage.run(against: url, timeout: row.timeout) { stage in
      try await stage.failFirst(row.expected)
      try await stage.succeedThen()
    }
  }

  @Test(
    "An answer that takes the notification counts, whatever becomes of the connection then",
    arguments: [
      (200, [.read, .answer(body: [])]), (201, [.read, .answer("201 Created")]),
      (204, [.read, .send("HTTP/1.1 204 No Content\r\n\r\n")]), (299, [.read, .answer("299 Fine")]),
      (200, [.read, .answer(headers: ["Retry-After: 3600", "Location: http://127.0.0.1:1/"])]),
      (200, [.read, .send("HTTP/1.1 100 Continue\r\n\r\n" + hint + hint), .answer()]),
      (200, [.answer(), .read]), (200, [.answer(), .end]),
      (200, [.read, .send("HTTP/1.0 200 OK\r\n\r\nfine"), .end]),
      (200, [.read, .send("HTTP/1.1 200 OK\r\n\r\n"), .trickle("slow ")]),
      (200, [.read, .send("HTTP/1.1 200 OK\r\n\r\n"), .flood("endless ")]),
      (200, [.read, .send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), .end]),
      (200, [.read, .send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), .awaitRead, .reset]),
      (200, [.read, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), .end]),
      (202, [.read, .answer("202 Accepted", headers: ["Content-Encoding: gzip"], body: gzipBomb)]),
      (202, [.read, .answer("202 Accepted", body: [UInt8](repeating: 0x78, count: 1 << 20))]),
      (200, [.read, .answer(), .awaitRead, .reset]), (200, [.read, .answer(), .end]),
    ] as [(Int, [Step])])
  func success(_ status: Int, _ script: [Step]) async throws {
    let consumer = MisbehavingConsumer(script)
    defer { consumer.stop() }
    try await MisbehavingStage.run(against: consumer.url(), timeout: .seconds(1)) { stage in
      try await stage.succeedFirst(httpStatus: status)
      #expect(consumer.requests.count <= 1)
      // The connection's end does the next one no harm.
      try await stage.succeedFirst("B")
    }
  }

  @Test(
    "A redirect is said to lead elsewhere, with where to, and never followed",
    arguments: [
      "301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect",
    ]
  )
  func redirect(_ status: String) async throws {
    let elsewhere = MisbehavingConsumer()
    defer { elsewhere.stop() }
    let target = "http://user:\(MisbehavingStage.secret)@127.0.0.1:\(elsewhere.port)\(MisbehavingStage.path)"
    let consumer = MisbehavingConsumer([.read, .answer(status, headers: ["Location: \(target)"], body: [])])
    defer { consumer.stop() }
    try await MisbehavingStage.run(against: consumer.url()) { stage in
      try await stage.failFirst(
        .init(
          failure: .rejected, httpStatus: Int(status.prefix(3)),
          words: ["http://127.0.0.1:\(elsewhere.port)", "not followed", "url"]))
      try await stage.succeedThen()
    }
    #expect(elsewhere.connectionCount == 0)
    #expect(consumer.requests.count == 2)
  }

  @Test("410 pauses the destination and spends no attempt; the operator reads what to do, and nobody else waits")
  func gone() async throws {
    let consumer = MisbehavingConsumer([.read, .answer("410 Gone", body: Array("moved away".utf8))])
    defer { consumer.stop() }
    try await MisbehavingStage.run(against: consumer.url(path: MisbehavingStage.path)) { stage in
      let harness = stage.harness
      try await harness.post("A")
      try await harness.poll()
      let row = try await harness.deliveries(become: "held") { $0.first?.lastFailure == .gone }[0]
      #expect(row.lastHTTPStatus == 410)
      #expect(row.attempts == 0)
      #expect(row.lastDetail.hasPrefix("the consumer answered HTTP 410"), "\(row.lastDetail)")
      let attempts = try await harness.attempts()
      #expect(attempts.map(\.failure) == [.gone])
      #expect(attempts.map(\.excerpt) == [Array("moved away".utf8)])
      let destination = try await harness.destination()
      #expect(destination.state == "gone")
      #expect(destination.latestFailure?.description == row.lastDetail)
      let line = try #require(harness.log.lines.first { $0.contains("410") })
      #expect(line.contains("statusrelay destinations resume crm"), "\(line)")
      // A day later it has not been tried again.
      harness.time.advance(by: .seconds(86_400))
      try await harness.post("B")
      try await harness.poll()
      try await harness.delivered(2, at: "archive")
      #expect(consumer.requests.count == 1)
      #expect(try await harness.relay.setPause(nil, ofDestination: "crm"))
      try await harness.delivered(2)
    }
  }
}
