import Curl
import TestServers
import Testing

@Suite(.timeLimit(.minutes(3))) struct CancellationTests {
  @Test("Cancelling the task aborts the transfer: the server sees the connection close")
  func task() async throws {
    let arrived = Recorder<Void>()
    let closed = Recorder<Void>()
    try await withServer { connection in
      _ = connection.readRequest()
      arrived.record(())
      connection.waitForClose()
      closed.record(())
    } do: { client, server in
      let task = Task { await client.failure(of: .direct(server.url)) }
      _ = await arrived.wait(for: 1)
      task.cancel()
      #expect(await task.value?.kind == .cancelled)
      _ = await closed.wait(for: 1)
      #expect(client.statistics.runningTransfers == 0)
    }
  }

  @Test("A task cancelled before it begins sends nothing")
  func cancelledBefore() async throws {
    try await withServer {
      $0.waitForClose()
    } do: { client, server in
      let task = Task {
        while !Task.isCancelled { await Task.yield() }
        return await client.failure(of: .direct(server.url))
      }
      task.cancel()
      #expect(await task.value?.kind == .cancelled)
      #expect(server.acceptedCount == 0)
    }
  }

  @Test("Tasks cancelled at any moment all end, and leave nothing running")
  func race() async throws {
    try await withServer { connection in
      connection.serve { _ in connection.answer() }
    } do: { client, server in
      await withTaskGroup(of: Void.self) { group in
        for round in 0..<400 {
          group.addTask {
            let task = Task { await client.failure(of: .direct(server.url)) }
            for _ in 0..<(round % 20) { await Task.yield() }
            task.cancel()
            let error = await task.value
            #expect(error == nil || error?.kind == .cancelled, "\(String(describing: error))")
          }
        }
      }
      #expect(client.statistics.runningTransfers == 0)
    }
  }

  @Test("Cancelling by tag ends those transfers of that sink alone, each exactly once")
  func tags() async throws {
    let arrived = Recorder<Void>()
    try await withServer { connection in
      _ = connection.readRequest()
      arrived.record(())
      connection.waitForClose()
    } do: { client, server in
      let ours = Recorder<Completion>()
      let others = Recorder<Completion>()
      let sink = CompletionSink { ours.record($0) }
      let otherSink = CompletionSink { others.record($0) }
      client.start((0..<4).map { Transfer(tag: $0, request: .direct(server.url)) }, sink: sink)
      client.start([Transfer(tag: 1, request: .direct(server.url))], sink: otherSink)
      _ = await arrived.wait(for: 5)
      client.cancel([1, 3, 99], sink: sink)
      #expect(Set(await ours.wait(for: 2).map(\.tag)) == [1, 3])
      #expect(ours.values.allSatisfy { $0.kind == .cancelled })
      #expect(others.values.isEmpty)
      client.start([Transfer(tag: 0, request: .direct(server.url))], sink: sink)
      #expect(await ours.wait(for: 3).last?.kind == .invalidRequest)
    }
  }

  @Test("Shutting down aborts what runs, and later transfers end at once")
  func shutDown() async throws {
    let arrived = Recorder<Void>()
    let server = ScriptedServer { connection in
      _ = connection.readRequest()
      arrived.record(())
      connection.waitForClose()
    }
    let client = try CurlClient()
    let completions = Recorder<Completion>()
    let sink = CompletionSink { completions.record($0) }
    client.start((0..<3).map { Transfer(tag: $0, request: .direct(server.url)) }, sink: sink)
    _ = await arrived.wait(for: 3)
    async let first: Void = client.shutDown()
    async let second: Void = client.shutDown()
    _ = await (first, second)
    #expect(completions.values.map(\.kind) == [.shutDown, .shutDown, .shutDown])
    #expect(client.statistics.openConnections == 0)
    #expect(client.statistics.handles == 0)
    client.start([Transfer(tag: 7, request: .direct(server.url))], sink: sink)
    #expect(completions.values.last?.kind == .shutDown)
    #expect(await client.failure(of: .direct(server.url))?.kind == .shutDown)
    await client.shutDown()
    server.stop()
  }

  @Test("A client let go of without a shutdown ends its transfers")
  func letGo() async throws {
    let arrived = Recorder<Void>()
    let server = ScriptedServer { connection in
      _ = connection.readRequest()
      arrived.record(())
      connection.waitForClose()
    }
    let completions = Recorder<Completion>()
    var client: CurlClient? = try CurlClient()
    client?.start([Transfer(tag: 1, request: .direct(server.url))], sink: CompletionSink { completions.record($0) })
    _ = await arrived.wait(for: 1)
    client = nil
    #expect(await completions.wait(for: 1).map(\.kind) == [.shutDown])
    server.stop()
  }

  @Test("Transfers that end in one turn come in one batch, and the sink may start more")
  func batches() async throws {
    try await withServer { connection in
      connection.serve { _ in connection.answer() }
    } do: { client, server in
      let batches = Recorder<Int>()
      let sink = CompletionSink { [weak client] completions in
        batches.record(completions.count)
        if completions.count == 40 {
          client?.start(
            [Transfer(tag: 1, request: .direct("nonsense"))], sink: CompletionSink { batches.record(-$0.count) })
        }
      }
      client.start((0..<40).map { Transfer(tag: $0, request: .direct("nonsense")) }, sink: sink)
      #expect(await batches.wait(for: 2) == [40, -1])
    }
  }
}

extension Completion {
  /// Nil for an answer.
  var kind: CurlError.Kind? {
    if case .failure(let error) = result { error.kind } else { nil }
  }
}
