import Curl
import Testing

/// A response held against the one that is expected: the caller gets what was sent, whatever was expected.
@Suite(.timeLimit(.minutes(3))) struct ExpectedBodyTests {
  /// Some hundred kilobytes: more than libcurl hands over at once.
  private static let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var expected: [UInt8]
    var isExpected = false
  }

  private static func changed(at place: Int) -> [UInt8] {
    var other = body
    other[place] ^= 1
    return other
  }

  static let cases = [
    Case(testDescription: "the same", expected: body, isExpected: true),
    Case(testDescription: "nothing", expected: []),
    Case(testDescription: "another first byte", expected: changed(at: 0)),
    Case(testDescription: "another byte in the middle", expected: changed(at: 150_000)),
    Case(testDescription: "another last byte", expected: changed(at: body.count - 1)),
    Case(testDescription: "a byte less", expected: body.dropLast()),
    Case(testDescription: "a byte more", expected: body + [0]),
    Case(testDescription: "half of it", expected: Array(body.prefix(150_000))),
    Case(testDescription: "twice as much", expected: body + body),
  ]

  enum Form: CaseIterable { case length, chunked }
  enum Kind: CaseIterable { case bytes, digest }

  private static func expectation(_ body: [UInt8], _ kind: Kind) -> ExpectedBody {
    kind == .bytes ? .bytes(body) : .digest(BodyDigest(of: body))
  }

  @Test("What arrives is the body, and whether it is the expected one is told", arguments: cases, Kind.allCases)
  func told(_ expectation: Case, _ kind: Kind) async throws {
    for form in Form.allCases { try await told(expectation, kind, form) }
  }

  private func told(_ expectation: Case, _ kind: Kind, _ form: Form) async throws {
    let body = Self.body
    try await withServer { connection in
      connection.serve { _ in
        switch form {
        case .length: connection.answer(body: body)
        case .chunked:
          let size = String(body.count, radix: 16)
          connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(size)\r\n")
          connection.send(body)
          connection.send("\r\n0\r\n\r\n")
        }
      }
    } do: { client, server in
      var request = HTTPRequest.direct(server.url)
      request.expectedBody = Self.expectation(expectation.expected, kind)
      request.receiveBufferSize = 64 << 10
      for _ in 1...2 {
        let response = try await client.execute(request)
        #expect(response.body == (expectation.isExpected ? [] : body))
        #expect(response.isComplete)
        #expect(response.isExpectedBody == expectation.isExpected)
      }
      // Nothing of it stays with the handle.
      request.expectedBody = nil
      let plain = try await client.execute(request)
      #expect(plain.body == body)
      #expect(!plain.isExpectedBody)
    }
  }

  @Test(
    "An expected body lifts no limit, and none is expected where only the beginning is kept",
    arguments: Kind.allCases)
  func limits(kind: Kind) async throws {
    let body = Self.body
    try await withServer { connection in
      connection.serve { _ in connection.answer(body: body) }
    } do: { client, server in
      var request = HTTPRequest.direct(server.url, limit: .fail(above: body.count - 1))
      request.expectedBody = Self.expectation(body, kind)
      #expect(await client.failure(of: request)?.kind == .responseTooLarge)
      request.responseLimit = .keep(first: 10, discardUpTo: 1 << 20)
      let kept = try await client.execute(request)
      #expect(kept.body == Array(body.prefix(10)))
      #expect(!kept.isComplete)
      #expect(!kept.isExpectedBody)
      request.responseLimit = .fail(above: body.count)
      #expect(try await client.execute(request).isExpectedBody)
    }
  }

  @Test(
    "A body that is cut off is an error, though all that came was expected",
    arguments: Kind.allCases)
  func cutOff(kind: Kind) async throws {
    let body = Self.body
    try await withServer { connection in
      _ = connection.readRequest()
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
      connection.send(Array(body.prefix(100_000)))
    } do: { client, server in
      var request = HTTPRequest.direct(server.url)
      request.expectedBody = Self.expectation(body, kind)
      #expect(await client.failure(of: request) != nil)
    }
  }
}
