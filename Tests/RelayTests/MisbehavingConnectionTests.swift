import Curl
import Foundation
import Relay
import RelayCore
import TestServers
import Testing

/// Connections that end when they should not: kept ones that die silently, and those that never come about.
@Suite struct MisbehavingConnectionTests {
  typealias Step = MisbehavingConsumer.Step

  @Test(
    "A kept connection that has died is replaced, and that counts as no failure",
    arguments: [
      // Closed while idle, after a reset too.
      [.end], [.reset],
      // Closed when the next request comes, unread or read.
      [.awaitRequest, .close], [.awaitRequest, .reset], [.read, .close], [.read, .end], [.read, .reset],
    ] as [[Step]])
  func diedSilently(_ death: [Step]) async throws {
    let consumer = MisbehavingConsumer([.read, .answer()], death)
    defer { consumer.stop() }
    try await MisbehavingStage.run(against: consumer.url()) { stage in
      try await stage.succeedFirst("A")
      try await stage.succeedFirst("B")
      try await stage.succeedFirst("C")
      #expect(consumer.connectionCount == 2)
      // A request that was read before its connection died comes a second time, with the same id.
      let requests = consumer.requests
      #expect(Set(requests.compactMap { $0.header("webhook-id") }).count == 3)
      #expect(requests.count == (death.contains { if case .read = $0 { true } else { false } } ? 4 : 3))
    }
  }

  private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
  private static let goodBye = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"

  @Test(
    "An answer that nobody asked for is not taken for that of the next delivery",
    arguments: [
      [.read, .send(answer + answer)], [.read, .send(answer), .awaitRead, .send(answer)],
      [.read, .send(answer), .awaitRead, .send(goodBye), .close],
    ] as [[Step]])
  func unasked(_ script: [Step]) async throws {
    let no: [Step] = [.read, .answer("500 No", body: [])]
    let consumer = MisbehavingConsumer(script, no, no)
    defer { consumer.stop() }
    try await MisbehavingStage.run(against: consumer.url()) { stage in
      try await stage.succeedFirst("A")
      try await eventually("the end of what is sent") { consumer.playedCount >= 1 }
      try await stage.harness.post("B")
      try await stage.harness.poll()
      let rows = try await stage.harness.deliveries(become: "attempted") {
        $0.count == 2 && $0[1].lastHTTPStatus != nil
      }
      #expect(rows[1].lastHTTPStatus == 500)
    }
  }

  @Test(
    "A kept connection on which nothing comes back any more costs one attempt, and the next one has a new connection")
  func diedWithoutAWord() async throws {
    let consumer = MisbehavingConsumer([.read, .answer()], [.silence])
    defer { consumer.stop() }
    try await MisbehavingStage.run(against: consumer.url(), timeout: .seconds(1)) { stage in
      let harness = stage.harness
      try await stage.succeedFirst("A")
      try await harness.post("B")
      try await harness.poll()
      let row = try await harness.deliveries(become: "retried") { $0.last?.state == .retrying }[1]
      #expect(row.lastFailure == .timeout && row.attempts == 1)
      #expect(consumer.connectionCount == 1)
      try await harness.passUntilRetry()
      try await harness.delivered(2)
      #expect(consumer.connectionCount == 2)
      #expect(try await harness.deliveries().map(\.attempts) == [1, 2])
    }
  }

  @Test("A port where nobody listens is said to be one, and tried again")
  func refused() async throws {
    let (listener, port) = ScriptedServer.listenOnLoopback()
    close(listener)
    try await MisbehavingStage.run(against: "http://127.0.0.1:\(port)\(MisbehavingStage.path)") { stage in
      try await stage.failFirst(
        .init(failure: .connect, words: ["no connection", "127.0.0.1", "\(port)", "is it running"]))
    }
  }

  @Test("A host that takes no connection is a time-out that says so, and that a firewall may be the reason")
  func deaf() async throws {
    // With its queue full, and nobody to empty it, the kernel answers no further attempt to connect.
    let (listener, port) = ScriptedServer.listenOnLoopback(backlog: 0)
    let fillers = (0..<4).map { _ in Self.beginToConnect(to: port) }
    defer { for descriptor in fillers + [listener] { close(descriptor) } }
    let url = "http://127.0.0.1:\(port)\(MisbehavingStage.path)"
    try await MisbehavingStage.run(against: url, timeout: .seconds(1)) { stage in
      try await stage.failFirst(.init(failure: .timeout, words: ["nobody answered", "firewall"]))
    }
  }

  private static func beginToConnect(to port: UInt16) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    return descriptor
  }

  @Test("A host without an address is said to have none, and looked up again")
  func unresolvable() async throws {
    // A label this long is refused without asking any name server.
    let host = String(repeating: "a", count: 64) + ".invalid"
    try await MisbehavingStage.run(against: "http://\(host)\(MisbehavingStage.path)") { stage in
      try await stage.failFirst(.init(failure: .resolve, words: ["no address", host, "url"]))
    }
  }
}
