import Curl
import Testing

/// Bodies that are taken piece by piece as they arrive.
@Suite(.timeLimit(.minutes(3))) struct BodyReceiverTests {
  private struct Pieces: BodyReceiver {
    var bytes: [UInt8] = []
    var largest = 0

    mutating func take(_ piece: Span<UInt8>) {
      largest = max(largest, piece.count)
      piece.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
    }
  }

  /// Some hundred kilobytes: more than libcurl hands over at once.
  private static let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }

  enum Form: CaseIterable { case length, chunked, compressed }

  @Test(
    "The pieces add up to the body, whatever its form, and each request has its own receiver", arguments: Form.allCases)
  func pieces(form: Form) async throws {
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
        case .compressed: connection.answer(headers: ["Content-Encoding: gzip"], body: Compressed.gzipStored(body))
        }
      }
    } do: { client, server in
      var request = HTTPRequest.direct(server.url)
      request.bodyReceiver = Pieces()
      request.receiveBufferSize = 64 << 10
      for _ in 1...2 {
        let response = try await client.execute(request)
        let pieces = try #require(response.bodyReceiver as? Pieces)
        #expect(pieces.bytes == body)
        #expect(pieces.largest <= 64 << 10)
        #expect(response.body.isEmpty)
        #expect(response.isComplete)
      }
      // Nothing of it stays with the handle.
      request.bodyReceiver = nil
      let plain = try await client.execute(request)
      #expect(plain.body == body)
      #expect(plain.bodyReceiver == nil)
    }
  }

  @Test("Only the body of a success goes to the receiver", arguments: [200, 202, 299, 300, 404, 500])
  func statuses(status: Int) async throws {
    try await withServer { connection in
      connection.serve { _ in connection.send("HTTP/1.1 \(status) Words\r\nContent-Length: 4\r\n\r\ntext") }
    } do: { client, server in
      var request = HTTPRequest.direct(server.url)
      request.bodyReceiver = Pieces()
      let response = try await client.execute(request)
      let pieces = response.bodyReceiver as? Pieces
      #expect(pieces?.bytes == (status < 300 ? Array("text".utf8) : nil))
      #expect(response.body == (status < 300 ? [] : Array("text".utf8)))
    }
  }

  @Test("A success without a body hands the receiver back as it was")
  func empty() async throws {
    try await withServer { connection in
      connection.serve { _ in connection.send("HTTP/1.1 204 No Content\r\n\r\n") }
    } do: { client, server in
      var request = HTTPRequest.direct(server.url)
      request.bodyReceiver = Pieces()
      let pieces = try #require(try await client.execute(request).bodyReceiver as? Pieces)
      #expect(pieces.bytes.isEmpty)
    }
  }

  @Test("A receiver lifts no limit, and gets nothing where only the beginning is kept")
  func limits() async throws {
    let body = Self.body
    try await withServer { connection in
      connection.serve { _ in connection.answer(body: body) }
    } do: { client, server in
      var request = HTTPRequest.direct(server.url, limit: .fail(above: body.count - 1))
      request.bodyReceiver = Pieces()
      #expect(await client.failure(of: request)?.kind == .responseTooLarge)
      request.responseLimit = .keep(first: 10, discardUpTo: 1 << 20)
      let kept = try await client.execute(request)
      #expect(kept.body == Array(body.prefix(10)))
      #expect(!kept.isComplete)
      #expect(kept.bodyReceiver == nil)
      request.responseLimit = .fail(above: body.count)
      #expect(try await client.execute(request).bodyReceiver is Pieces)
    }
  }

  @Test("A body that is cut off is an error, however much of it was taken")
  func cutOff() async throws {
    let body = Self.body
    try await withServer { connection in
      _ = connection.readRequest()
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
      connection.send(Array(body.prefix(100_000)))
    } do: { client, server in
      var request = HTTPRequest.direct(server.url)
      request.bodyReceiver = Pieces()
      #expect(await client.failure(of: request) != nil)
    }
  }
}
