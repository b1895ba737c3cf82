import GreenAPI
import GreenAPISimulator
import Relay
import RelayCore
import Testing

/// Polls whose answer is the one before, or nearly: nobody looks at what is known, and nobody can tell.
@Suite struct RepeatedAnswerTests {
  /// Small ones arrive in one piece, large ones in many.
  @Test("An answer that comes again counts like any other, and a change after it is found", arguments: [2, 300])
  func counted(posts: Int) async throws {
    let text = String(repeating: "x", count: posts == 2 ? 10 : 3000)
    try await RelayHarness.run { harness in
      for number in 0..<posts {
        try await harness.simulator.post(
          Post(.text(text), idMessage: "M\(number)", status: .sent, script: []), on: RelayHarness.account)
      }
      try await harness.poll()
      try await harness.delivered(posts)
      let first = await harness.relay.figures()
      for _ in 1...3 { #expect(try await harness.poll().records == posts) }
      let figures = await harness.relay.figures()
      let counts = try #require(figures.accounts.first?.counts)
      #expect(counts.polls == 4)
      #expect(counts.succeededPolls == 4)
      #expect(counts.records.new == posts)
      #expect(counts.records.unchanged == 3 * posts)
      #expect(figures.polls.answerBytes.count == 4)
      #expect(figures.polls.answerBytes.sum == 4 * first.polls.answerBytes.sum)

      try await harness.advance("M1", to: .read)
      #expect(try await harness.poll().trackedMessages == posts)
      try await harness.delivered(posts + 1)
      #expect(harness.consumer.arrivals.last == "M1 read")
    }
  }

  @Test("Records that are passed over are counted, and make the account unwell, at each poll that shows them")
  func faults() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.spoil(.recordsWithoutIDs, times: nil)
      for number in 1...3 {
        let account = try await harness.poll()
        #expect(account.state == "degraded")
        #expect(account.faults == ["missingIDMessage": number])
      }
    }
  }

  @Test("An answer that could not be recorded is looked at when it comes again")
  func notRecorded() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.advance("A", to: .delivered)
      harness.outbox.fail([.record])
      #expect(try await harness.poll().state == "degraded")
      #expect(try await harness.poll().state == "degraded")
      harness.outbox.fail([])
      #expect(try await harness.poll().state == "healthy")
      try await harness.delivered(2)
      #expect(harness.consumer.arrivals == ["A sent", "A delivered"])
    }
  }

  @Test("An answer that brings little is taken over on libcurl's thread; one that brings much holds up nobody there")
  func threads() async throws {
    try await RelayHarness.run { harness in
      for number in 0..<65 { try await harness.post("M\(number)") }
      try await harness.poll()
      let first = try #require(harness.outbox.recordingThreads.last)
      #expect(first != "curl")
      try await harness.advance("M1", to: .delivered)
      try await harness.poll()
      try await harness.delivered(66)
      #expect(harness.outbox.recordingThreads.last == "curl")
    }
  }

  @Test("After days of the same answer its messages are remembered still")
  func retention() async throws {
    try await RelayHarness.run { configuration in
      configuration.accounts[0].poll.retention = .seconds(24 * 3600)
      // Watched time grows by 10 minutes a poll at most.
      configuration.accounts[0].poll.interval = .seconds(600)
      configuration.accounts[0].poll.idleInterval = .seconds(600)
    } _: { harness in
      try await harness.post("A")
      for _ in 1...(3 * 24 * 6) { #expect(try await harness.poll().trackedMessages == 1) }
      await harness.stop()
      try await harness.start()
      #expect(try await harness.poll().trackedMessages == 1)
      try await harness.delivered(1)
      #expect(harness.consumer.arrivals == ["A sent"])
    }
  }
}
