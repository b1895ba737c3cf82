import Curl
import Foundation
import TestServers
import Testing

/// Does its business on a client's thread.
private actor Guest {
  private let client: CurlClient
  private var steps: [Int] = []

  nonisolated var unownedExecutor: UnownedSerialExecutor { client.executor.asUnownedSerialExecutor() }

  init(_ client: CurlClient) { self.client = client }

  var threadName: String {
    get throws { try String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8).filter { $0 != "\n" } }
  }

  func start(_ transfer: Transfer, sink: CompletionSink) { client.start([transfer], sink: sink) }

  /// The steps of a caller in its order, with room for others in between.
  func take(_ step: Int) -> [Int] {
    steps.append(step)
    return steps
  }
}

@Suite(.timeLimit(.minutes(3))) struct LoopExecutorTests {
  @Test("An actor runs on the client's thread, and elsewhere when the client has been shut down")
  func thread() async throws {
    let client = try CurlClient()
    let guest = Guest(client)
    #expect(try await guest.threadName == "curl")
    await client.shutDown()
    #expect(try await guest.threadName != "curl")
    #expect(await guest.take(1) == [1])
  }

  @Test("What an actor starts on the client's thread goes out, though nothing else wakes the thread")
  func startsTransfers() async throws {
    let ended = Recorder<Completion>()
    try await withServer { connection in
      connection.serve { _ in connection.answer() }
    } do: { client, server in
      let guest = Guest(client)
      for tag in 1...3 as ClosedRange<UInt64> {
        // Each of them alone, on a thread that has gone to sleep or is about to.
        await guest.start(
          Transfer(tag: tag, request: .direct(server.url)), sink: CompletionSink { ended.record($0) })
        #expect(await ended.wait(for: Int(tag)).last?.tag == tag)
      }
    }
  }

  @Test("What a result's receiver asks of an actor happens, and may start the next transfer")
  func chain() async throws {
    let ended = Recorder<Completion>()
    try await withServer { connection in
      connection.serve { _ in connection.answer() }
    } do: { client, server in
      let guest = Guest(client)
      let request = HTTPRequest.direct(server.url)
      let second = CompletionSink { ended.record($0) }
      // It is called on the client's thread.
      let first = CompletionSink { _ in Task { await guest.start(Transfer(tag: 2, request: request), sink: second) } }
      client.start([Transfer(tag: 1, request: request)], sink: first)
      #expect(await ended.wait(for: 1).map(\.tag) == [2])
    }
  }

  @Test("Nothing that is asked of an actor is lost while the client ends, and each caller's steps keep their order")
  func race() async throws {
    for _ in 0..<20 {
      let client = try CurlClient()
      let guest = Guest(client)
      let counts = await withTaskGroup(of: Int.self) { group in
        for caller in 0..<4 {
          group.addTask {
            var taken: [Int] = []
            for step in 0..<50 { taken = await guest.take(caller * 1000 + step) }
            let own = taken.filter { $0 / 1000 == caller }
            #expect(own == own.sorted())
            return own.count
          }
        }
        group.addTask {
          await client.shutDown()
          return 50
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(counts.allSatisfy { $0 == 50 }, "\(counts)")
    }
  }
}
