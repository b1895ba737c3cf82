import GreenAPI
import RelayCore
import Testing

@testable import RelayStore

@Suite struct CommitStatisticsTests {
  private struct Refused: Error {}

  @Test("Each transaction that writes is counted with the rows it changed; reading counts as nothing")
  func commits() async throws {
    try await withOutbox { outbox, _ in
      let before = outbox.commits
      _ = try await outbox.destinationSummaries()
      #expect(outbox.commits == before)
      // An account, two messages of its snapshot, and the latest time.
      let tracked = ["A", "B"].map { TrackedMessage(idMessage: $0, recorded: RecordedStatuses(), lastSeen: 0) }
      _ = try await outbox.record(poll([], tracked: tracked))
      let after = outbox.commits
      #expect(after.duration.count == before.duration.count + 1)
      #expect(after.rows.count == before.rows.count + 1)
      #expect(after.rows.sum - before.rows.sum == 5, "the account is entered, then changed")
      #expect(after.duration.sum > before.duration.sum)
      #expect(after.failed == 0)
    }
  }

  @Test("A transaction that fails is counted apart")
  func failures() async throws {
    try await withOutbox { outbox, _ in
      let before = outbox.commits
      await #expect(throws: OutboxError.self) {
        try await outbox.connection.write("trying") { _ in throw Refused() }
      }
      #expect(outbox.commits.failed == 1)
      #expect(outbox.commits.duration == before.duration)
    }
  }
}
