import Foundation
import NIOConcurrencyHelpers
import TestServers
import Testing

@testable import Curl

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

  /// The client's turn that delivers a transfer's result, and the one in which the actor goes on because of it.
  func turns(of transfer: Transfer) async -> (delivering: Int, goingOn: Int) {
    let delivering = await withCheckedContinuation { waiting in
      let sink = CompletionSink { [client] _ in waiting.resume(returning: client.statistics.loopTurns) }
      client.start([transfer], sink: sink)
    }
    return (delivering, client.statistics.loopTurns)
  }

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

  // MARK: Tasks

  private static var threadName: String {
    get throws { try String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8).filter { $0 != "\n" } }
  }

  @Test("A task sleeps, asks and goes on on the client's thread, and elsewhere when the client has been shut down")
  func task() async throws {
    try await withServer { connection in
      connection.serve { _ in connection.answer() }
    } do: { client, server in
      let names = try await Task(executorPreference: client.taskExecutor) {
        var names = [try Self.threadName]
        try await client.sleep(for: .milliseconds(1))
        names.append(try Self.threadName)
        _ = try await client.execute(.direct(server.url))
        names.append(try Self.threadName)
        return names
      }.value
      #expect(names == ["curl", "curl", "curl"])
      await client.shutDown()
      let name = try await Task(executorPreference: client.taskExecutor) { try Self.threadName }.value
      #expect(name != "curl")
    }
  }

  @Test("A task that waits for a result on its actor goes on there in the same turn of the client's loop")
  func sameTurn() async throws {
    try await withServer { connection in
      connection.serve { _ in connection.answer() }
    } do: { client, server in
      let guest = Guest(client)
      for tag in 1...5 as ClosedRange<UInt64> {
        let turns = await withTaskExecutorPreference(client.taskExecutor) {
          await guest.turns(of: Transfer(tag: tag, request: .direct(server.url)))
        }
        #expect(turns.goingOn == turns.delivering)
      }
    }
  }

  @Test("A sleeper that is called off, or whose client is shut down, ends at once, and none sleeps afterwards")
  func sleeps() async throws {
    let client = try CurlClient()
    // Immediate: they sleep when the next line is reached.
    let cancelled = Task.immediate { try await client.sleep(for: .seconds(3600)) }
    let left = Task.immediate { try await client.sleep(for: .seconds(1e18)) }
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
    let never = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try await client.sleep(for: .seconds(3600))
    }
    await #expect(throws: CancellationError.self) { try await never.value }
    try await client.sleep(for: .zero)
    try await client.sleep(for: .seconds(-1))
    await client.shutDown()
    await #expect(throws: CancellationError.self) { try await left.value }
    await #expect(throws: CancellationError.self) { try await client.sleep(for: .zero) }
  }

  @Test("No sleeper wakes early, whoever else sleeps or is called off meanwhile", arguments: 0..<4)
  func manySleeps(round: Int) async throws {
    let client = try CurlClient()
    try await withThrowingTaskGroup { group in
      for index in 0..<200 {
        let wait = Duration.milliseconds((index * 37 + round * 11) % 60)
        group.addTask(executorPreference: index % 2 == 0 ? client.taskExecutor : nil) {
          let start = ContinuousClock.now
          try await client.sleep(for: wait)
          #expect(ContinuousClock.now - start >= wait)
        }
        group.addTask {
          let long = Task.immediate { try await client.sleep(for: .seconds(3600)) }
          long.cancel()
          await #expect(throws: CancellationError.self) { try await long.value }
        }
      }
      try await group.waitForAll()
    }
    await client.shutDown()
  }

  @Test("Sleepers whose time has come wake in its order")
  func order() async throws {
    let table = NIOLockedValueBox(SleepTable())
    let woken = Recorder<Int>()
    let client = try CurlClient()
    let sleepers = [3, 1, 2].map { (end: Int) in
      Task.immediate(executorPreference: client.taskExecutor) {
        try await withCheckedThrowingContinuation { sleeper in
          table.withLockedValue { $0.add(UInt64(end), until: UInt64(end), sleeper) }
        }
        woken.record(end)
      }
    }
    #expect(table.withLockedValue { $0.wait } == 0)
    table.withLockedValue { $0.wakeDue() }
    #expect(table.withLockedValue { $0.wait } == nil)
    for sleeper in sleepers { try await sleeper.value }
    #expect(await woken.wait(for: 3) == [1, 2, 3])
    await client.shutDown()
  }
}
