import Curl
import Foundation
import TestServers
import Testing

@Suite(.timeLimit(.minutes(3))) struct ConnectionTests {
  @Test("A connection is kept and serves one transfer after the other")
  func reuse() async throws {
    try await withServer { connection in
      connection.serve { _ in connection.answer() }
    } do: { client, server in
      for _ in 0..<50 { _ = try await client.execute(.direct(server.url, post: [1, 2, 3])) }
      #expect(server.acceptedCount == 1)
      #expect(client.statistics.connectionsOpened == 1)
      #expect(client.statistics.openConnections == 1)
      #expect(client.statistics.runningTransfers == 0)
    }
  }

  @Test("No more connections to one host than configured, and all transfers get through, failed ones among them")
  func connectionsPerHost() async throws {
    try await withServer(.init(maxConnectionsPerHost: 3)) { connection in
      connection.serve { request in
        if request.line.contains("/reset") {
          connection.armReset()
          shutdown(connection.descriptor, Int32(SHUT_RDWR))
        } else {
          connection.answer()
        }
      }
    } do: { client, server in
      let completions = Recorder<Completion>()
      let sink = CompletionSink { completions.record($0) }
      client.start(
        (0..<300).map { tag in
          Transfer(tag: tag, request: .direct(server.url + (tag % 50 == 49 ? "/reset" : "/")))
        }, sink: sink)
      client.cancel((0..<300).filter { $0 % 50 == 20 }, sink: sink)
      let all = await completions.wait(for: 300)
      #expect(Set(all.map(\.tag)).count == 300)
      #expect(all.count { (try? $0.result.get())?.status == 200 } == 288)
      #expect(client.statistics.openConnections <= 3)
      // Each reset costs a connection, and each failed request one more attempt.
      #expect(server.acceptedCount <= 3 + 6 * 2 + 6)
    }
  }

  @Test("A POST on a kept connection that the server has closed meanwhile goes out again on a new one")
  func staleConnection() async throws {
    let closed = Recorder<Void>()
    try await withServer { connection in
      guard connection.readRequest() != nil else { return }
      connection.answer()
      if connection.number > 1 { connection.waitForClose() }
      closed.record(())
    } do: { client, server in
      _ = try await client.execute(.direct(server.url, post: [1]))
      _ = await closed.wait(for: 1)
      let second = try await client.execute(.direct(server.url, post: [2]))
      #expect(second.status == 200)
      #expect(server.acceptedCount == 2)
    }
  }

  @Test("A POST that meets the close of its kept connection on the way goes out again on a new one")
  func closedUnderway() async throws {
    try await withServer { connection in
      guard connection.readRequest() != nil else { return }
      connection.answer()
      // Takes the second request and closes without a byte of an answer.
      guard connection.readRequest() != nil, connection.number > 1 else { return }
      connection.answer()
    } do: { client, server in
      for _ in 0..<2 { _ = try await client.execute(.direct(server.url, post: [1])) }
      #expect(server.acceptedCount == 2)
    }
  }

  enum Misbehaviour: CaseIterable {
    case resetAtOnce, closeAtOnce, closeUnanswered, resetUnanswered, cutHeaders, onlySwitching, noHTTP, oldHTTP,
      cutChunk
  }

  @Test("What the peer does wrong has a kind, and the client goes on", arguments: Misbehaviour.allCases)
  func misbehaviour(_ misbehaviour: Misbehaviour) async throws {
    try await withServer { connection in
      switch misbehaviour {
      case .resetAtOnce: connection.armReset()
      case .closeAtOnce: break
      case .closeUnanswered: _ = connection.readRequest()
      case .resetUnanswered:
        _ = connection.readRequest()
        connection.armReset()
      case .cutHeaders:
        _ = connection.readRequest()
        connection.send("HTTP/1.1 200 OK\r\nContent-Len")
      case .onlySwitching:
        _ = connection.readRequest()
        connection.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n\r\n")
      case .noHTTP:
        _ = connection.readRequest()
        connection.send("220 smtp.example.com ESMTP secret-path\r\n")
      case .oldHTTP:
        _ = connection.readRequest()
        connection.send("HTTP/7.3 200 OK\r\n\r\n")
      case .cutChunk:
        _ = connection.readRequest()
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc")
      }
    } do: { client, server in
      var request = HTTPRequest.direct(server.url + "/secret-path?token=secret-token", post: [1])
      request.headers = [("Authorization", "Bearer secret-header")]
      let error = try #require(await client.failure(of: request))
      let expected: [CurlError.Kind] =
        switch misbehaviour {
        // A reset can come so early that the connection never stood.
        case .resetAtOnce: [.emptyAnswer, .reset, .connect]
        case .closeAtOnce, .closeUnanswered, .resetUnanswered: [.emptyAnswer, .reset]
        case .cutHeaders: [.reset, .emptyAnswer]
        case .onlySwitching: [.reset, .emptyAnswer, .malformedAnswer]
        case .noHTTP, .oldHTTP: [.malformedAnswer]
        case .cutChunk: [.reset, .malformedAnswer]
        }
      #expect(expected.contains(error.kind), "\(error)")
      #expect(!error.description.contains("secret"), "\(error)")
      #expect(!error.message.isEmpty)
    }
  }

  @Test("A port where nobody listens fails to connect, a name without address to resolve")
  func unreachable() async throws {
    let (listener, port) = ScriptedServer.listenOnLoopback()
    close(listener)
    let client = try CurlClient()
    let refused = await client.failure(of: .direct("http://127.0.0.1:\(port)/secret-path"))
    #expect(refused?.kind == .connect)
    #expect(refused?.message.contains("127.0.0.1") == true)
    #expect(refused?.message.contains("secret") == false)
    // Names under .invalid never resolve (RFC 6761); libcurl needs no name server to refuse a label that is too long.
    let label = String(repeating: "a", count: 64)
    let unknown = await client.failure(of: .direct("http://\(label).invalid/secret-path"))
    #expect(unknown?.kind == .resolve, "\(String(describing: unknown))")
    #expect(unknown?.message.contains("secret") == false)
    await client.shutDown()
  }

  @Test("A Unix socket takes the place of the host")
  func unixSocket() async throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "curl-\(UUID().uuidString.prefix(8)).sock").path
    let server = ScriptedServer(unixSocketPath: path) { connection in
      connection.serve { connection.answer(body: Array(($0.header("host") ?? "").utf8)) }
    }
    let client = try CurlClient()
    var request = HTTPRequest.direct("http://consumer.example/hook", post: [1])
    request.unixSocketPath = path
    for _ in 0..<2 {
      let response = try await client.execute(request)
      #expect(response.body == Array("consumer.example".utf8))
    }
    #expect(server.acceptedCount == 1)
    await client.shutDown()
    server.stop()
    let client2 = try CurlClient()
    #expect(await client2.failure(of: request)?.kind == .connect)
    await client2.shutDown()
  }

  @Test("Idle connections that the server closes cost no processor time and are not counted as traffic")
  func idleClose() async throws {
    let closed = Recorder<Void>()
    try await withServer { connection in
      _ = connection.readRequest()
      connection.answer()
      closed.record(())
    } do: { client, server in
      _ = try await client.execute(.direct(server.url))
      _ = await closed.wait(for: 1)
      let before = client.statistics.loopTurns
      usleep(200_000)
      #expect(client.statistics.loopTurns - before < 5)
    }
  }
}
