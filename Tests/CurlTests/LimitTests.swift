import Curl
import Testing

@Suite(.timeLimit(.minutes(3))) struct LimitTests {
  @Test("A body of 100 MB is given up as soon as the limit is passed", arguments: [true, false])
  func largeBody(withLength: Bool) async throws {
    let sent = Recorder<Int>()
    try await withServer { connection in
      _ = connection.readRequest()
      connection.send("HTTP/1.1 200 OK\r\n\(withLength ? "Content-Length: 100000000\r\n" : "")\r\n")
      let piece = [UInt8](repeating: 65, count: 1 << 20)
      var count = 0
      while count < 100, connection.send(piece) { count += 1 }
      sent.record(count)
    } do: { client, server in
      let error = await client.failure(of: .direct(server.url, limit: .fail(above: 1 << 20)))
      #expect(error?.kind == .responseTooLarge)
      // The rest sits in the sockets' buffers.
      #expect(await sent.wait(for: 1)[0] < 40)
    }
  }

  @Test("A gzip bomb is given up when the unfolded size passes the limit")
  func bomb() async throws {
    let bomb = Compressed.gzipBomb(unfoldingTo: 200 << 20)
    #expect(bomb.count < 2 << 20)
    try await withServer { connection in
      connection.serve { _ in connection.answer(headers: ["Content-Encoding: gzip"], body: bomb) }
    } do: { client, server in
      let error = await client.failure(of: .direct(server.url, limit: .fail(above: 8 << 20)))
      #expect(error?.kind == .responseTooLarge)
      let kept = try await client.execute(.direct(server.url, limit: .keep(first: 100, discardUpTo: 1 << 20)))
      #expect(kept.body == [UInt8](repeating: 0, count: 100))
      #expect(!kept.isComplete)
    }
  }

  @Test("A body of just the limit is fine, one byte more is not")
  func exactLimit() async throws {
    try await withServer { connection in
      connection.serve { _ in connection.answer(body: [UInt8](repeating: 1, count: 1000)) }
    } do: { client, server in
      let exact = try await client.execute(.direct(server.url, limit: .fail(above: 1000)))
      #expect(exact.body.count == 1000)
      #expect(await client.failure(of: .direct(server.url, limit: .fail(above: 999)))?.kind == .responseTooLarge)
    }
  }

  enum HugeHeaders: CaseIterable { case many, oneLine, informational, trailers }

  @Test("Headers beyond 64 KiB end the transfer, in whatever form they come", arguments: HugeHeaders.allCases)
  func hugeHeaders(form: HugeHeaders) async throws {
    try await withServer { connection in
      _ = connection.readRequest()
      let line = "X-Filler: \(String(repeating: "x", count: 1000))\r\n"
      switch form {
      case .many:
        connection.send("HTTP/1.1 200 OK\r\n")
        while connection.send(line) {}
      case .oneLine:
        connection.send("HTTP/1.1 200 OK\r\nX-Long: ")
        while connection.send(String(repeating: "x", count: 4096)) {}
      case .informational:
        while connection.send("HTTP/1.1 103 Early Hints\r\n\(line)\r\n") {}
      case .trailers:
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
        while connection.send(line) {}
      }
    } do: { client, server in
      let error = await client.failure(of: .direct(server.url))
      #expect(error?.kind == .headersTooLarge, "\(String(describing: error))")
    }
  }

  enum Mishap: CaseIterable { case reset, close, stall, total, endless, badEncoding, hugeTrailers }

  @Test("Once its headers are there an answer counts under .keep, and not under .fail", arguments: Mishap.allCases)
  func answeredAndCut(mishap: Mishap) async throws {
    try await withServer { connection in
      guard connection.readRequest() != nil else { return }
      let extra =
        switch mishap {
        case .badEncoding: "Content-Encoding: gzip\r\nContent-Length: 100000\r\n"
        case .hugeTrailers: "Transfer-Encoding: chunked\r\n"
        default: "Content-Length: 100000000\r\n"
        }
      connection.send("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\(extra)\r\n")
      switch mishap {
      case .reset:
        connection.send("abc")
        // The reset overtakes what the client has not read yet; it closes only under .fail or when it has read it all.
        connection.armReset()
      case .close: connection.send("abc")
      case .stall, .total:
        connection.send("abc")
        connection.waitForClose()
      case .endless, .badEncoding:
        let piece = [UInt8](repeating: 65, count: 1 << 16)
        while connection.send(piece) {}
      case .hugeTrailers:
        connection.send("3\r\nabc\r\n0\r\n")
        while connection.send("X: \(String(repeating: "x", count: 1000))\r\n") {}
      }
    } do: { client, server in
      let timeouts = Timeouts(
        total: mishap == .total ? .seconds(3) : .seconds(100),
        stalled: mishap == .stall ? .milliseconds(200) : nil)
      let failing = HTTPRequest.direct(server.url, timeouts: timeouts, limit: .fail(above: 1 << 20))
      let error = await client.failure(of: failing)
      let expected: [CurlError.Kind] =
        switch mishap {
        case .reset, .close: [.reset]
        case .stall: [.stalled]
        case .total: [.timeout]
        case .endless: [.responseTooLarge]
        case .badEncoding: [.malformedAnswer]
        case .hugeTrailers: [.headersTooLarge]
        }
      #expect(error.map { expected.contains($0.kind) } == true, "\(String(describing: error))")
      var keeping = failing
      keeping.responseLimit = .keep(first: 2, discardUpTo: 1 << 20)
      guard mishap != .reset else { return }
      let response = try await client.execute(keeping)
      #expect(response.status == 503)
      #expect(response.header("retry-after") == "7")
      #expect(!response.isComplete)
      #expect(response.body.count == (mishap == .badEncoding ? 0 : 2))
    }
  }

  @Test("A reset within the body leaves the answer standing under .keep")
  func resetWithinBody() async throws {
    let arrived = Recorder<Void>()
    try await withServer { connection in
      guard connection.readRequest() != nil else { return }
      connection.send("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nabc")
      connection.awaitAllRead()
      connection.armReset()
      arrived.record(())
    } do: { client, server in
      let response = try await client.execute(.direct(server.url, limit: .keep(first: 10, discardUpTo: 1 << 20)))
      #expect(response.status == 201)
      #expect(!response.isComplete)
      #expect(arrived.values.count == 1)
    }
  }

  @Test("What lies between the kept and the discarded size is read, so that the connection serves again")
  func discardedRest() async throws {
    try await withServer { connection in
      connection.serve { _ in connection.answer(body: [UInt8](repeating: 1, count: 50_000)) }
    } do: { client, server in
      for _ in 0..<3 {
        let response = try await client.execute(.direct(server.url, limit: .keep(first: 10, discardUpTo: 100_000)))
        #expect(response.body.count == 10)
        #expect(!response.isComplete)
      }
      let whole = try await client.execute(.direct(server.url, limit: .keep(first: 50_000, discardUpTo: 50_000)))
      #expect(whole.isComplete)
      #expect(server.acceptedCount == 1)
    }
  }
}
