import Curl
import Foundation
import TestServers
import Testing

@Suite(.timeLimit(.minutes(3))) struct TimeoutTests {
  @Test("A host that does not take the connection fails after the connect timeout")
  func connect() async throws {
    // A full queue of connections that nobody accepts: the kernel answers no further attempt.
    let (listener, port) = ScriptedServer.listenOnLoopback(backlog: 0)
    let fillers = (0..<4).map { _ in LoopbackConnection(port: port) }
    let client = try CurlClient()
    let timeouts = Timeouts(connect: .milliseconds(150), total: .seconds(100))
    let error = await client.failure(of: .direct("http://127.0.0.1:\(port)/secret-path", timeouts: timeouts))
    #expect(error?.kind == .connectTimeout)
    #expect(error?.code == 28)
    #expect(error?.message.contains("secret") == false)
    #expect(client.statistics.connectionsOpened == 1)
    await client.shutDown()
    // libcurl has closed it without a word.
    #expect(client.statistics.openConnections == 0)
    for filler in fillers { filler.end() }
    close(listener)
  }

  @Test("An answer that trickles without end fails after the total timeout, not as stalled")
  func total() async throws {
    try await withServer { connection in
      _ = connection.readRequest()
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
      while connection.send("x") { usleep(20_000) }
    } do: { client, server in
      let timeouts = Timeouts(total: .milliseconds(600), stalled: .milliseconds(300))
      #expect(await client.failure(of: .direct(server.url, timeouts: timeouts))?.kind == .timeout)
    }
  }

  @Test("Headers that trickle in fail after the total timeout")
  func slowHeaders() async throws {
    try await withServer { connection in
      _ = connection.readRequest()
      connection.send("HTTP/1.1 200 OK\r\n")
      while connection.send("X-More: 1\r\n") { usleep(20_000) }
    } do: { client, server in
      let timeouts = Timeouts(total: .milliseconds(300))
      #expect(await client.failure(of: .direct(server.url, timeouts: timeouts))?.kind == .timeout)
    }
  }

  enum Silence: CaseIterable { case beforeAnswer, withinHeaders, withinBody, whileUploading }

  @Test("A peer that falls silent at any point is stalled", arguments: Silence.allCases)
  func stalled(silence: Silence) async throws {
    try await withServer { connection in
      switch silence {
      case .beforeAnswer: break
      case .withinHeaders: connection.send("HTTP/1.1 200 OK\r\nX-A: ")
      case .withinBody: connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
      case .whileUploading:
        // Never reads: the sockets' buffers fill up.
        holdUnread(connection)
        return
      }
      connection.waitForClose()
    } do: { client, server in
      let body = [UInt8](repeating: 1, count: silence == .whileUploading ? 32 << 20 : 10)
      let timeouts = Timeouts(total: .seconds(100), stalled: .milliseconds(200))
      let error = await client.failure(of: .direct(server.url, post: body, timeouts: timeouts))
      #expect(error?.kind == .stalled, "\(String(describing: error))")
    }
  }

  @Test("A slow but steady answer is not stalled")
  func steady() async throws {
    try await withServer { connection in
      _ = connection.readRequest()
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
      for _ in 0..<12 {
        usleep(50_000)
        connection.send("x")
      }
      connection.waitForClose()
    } do: { client, server in
      let timeouts = Timeouts(total: .seconds(100), stalled: .milliseconds(500))
      let response = try await client.execute(.direct(server.url, timeouts: timeouts))
      #expect(response.body.count == 12)
    }
  }

  @Test("The total timeout holds while a transfer waits for a connection, and the stall timeout does not begin then")
  func waitingForConnection() async throws {
    let released = Recorder<Void>()
    let arrived = Recorder<Void>()
    try await withServer(.init(maxConnectionsPerHost: 1)) { connection in
      connection.serve { request in
        if request.line.contains("/hold") {
          arrived.record(())
          while released.values.isEmpty { usleep(1000) }
        }
        connection.answer()
      }
    } do: { client, server in
      let untimed = Timeouts(connect: .seconds(100), total: .seconds(100))
      // Handles that have been used bring old times along.
      async let first = client.execute(.direct(server.url, timeouts: untimed))
      async let second = client.execute(.direct(server.url, timeouts: untimed))
      _ = try await (first, second)
      async let holder = client.execute(.direct(server.url + "/hold", timeouts: untimed))
      _ = await arrived.wait(for: 1)
      var brief = untimed
      brief.stalled = .milliseconds(100)
      async let patient = client.execute(.direct(server.url, timeouts: brief))
      while client.statistics.runningTransfers < 2 { await Task.yield() }
      // Its timeout is the clock by which the patient one has waited for longer than its stall timeout.
      let short = await client.failure(of: .direct(server.url, timeouts: Timeouts(total: .milliseconds(300))))
      #expect(short?.kind == .timeout)
      released.record(())
      let statuses = try await [holder.status, patient.status]
      #expect(statuses == [200, 200])
    }
  }
}

/// Holds the connection without reading from it until the peer is gone or the server stops.
private func holdUnread(_ connection: ServerConnection) {
  // POLLRDHUP, which Swift's Glibc module leaves out.
  var wish = pollfd(fd: connection.descriptor, events: 0x2000, revents: 0)
  poll(&wish, 1, -1)
}

/// A bare connection to a loopback port.
struct LoopbackConnection: Sendable {
  private let descriptor: Int32

  /// Begins to connect without waiting for the end of it.
  init(port: UInt16) {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  func end() { close(descriptor) }
}
