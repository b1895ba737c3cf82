import Foundation
import RelayStore
import Testing

@Suite("retry and destinations")
struct RetryCommandTests {
  private func run(_ outbox: PreparedOutbox, _ arguments: String...) async throws -> StatusrelayProcess.Result {
    try await StatusrelayProcess(arguments + ["--state-directory", outbox.directory]).result()
  }

  private func states(_ outbox: PreparedOutbox) async throws -> [DeliveryState] {
    let reader = try await SQLiteOutbox.openReadOnly(directory: outbox.directory)
    let states = try await reader.deliveries(HistoryFilter()).map(\.state)
    await reader.close()
    return states.reversed()
  }

  @Test(
    "With no relay running, a dead letter is marked in the outbox, and what is none is said to be none",
    arguments: [
      ["2"], ["--destination", "audit"], ["--all"],
    ])
  func stopped(_ selection: [String]) async throws {
    try await withPreparedOutbox { outbox in
      let result = try await StatusrelayProcess(["retry", "--state-directory", outbox.directory] + selection).result()
      #expect(result.exit == .code(0), "\(result.error)")
      #expect(result.output.hasPrefix("1 dead letter marked"))
      #expect(result.output.contains("they go out when it runs"))
      #expect(try await states(outbox)[1] == .waiting)
      let again = try await StatusrelayProcess(["retry", "--state-directory", outbox.directory] + selection).result()
      #expect(again.output == "0 dead letters sent again.\n")
    }
  }

  @Test("Ids that are no dead letters are named with what they are, and the others are retried all the same")
  func noDeadLetters() async throws {
    try await withPreparedOutbox { outbox in
      let result = try await run(outbox, "retry", "1", "2", "99")
      #expect(result.exit == .code(64))
      #expect(result.error.contains("1 is no dead letter: it is delivered"))
      #expect(result.error.contains("99 is no dead letter: there is no such delivery"))
      #expect(!result.error.contains("2 is no dead letter"))
      #expect(try await states(outbox)[1] == .waiting)
    }
  }

  @Test("Nothing or too much to retry, and an unknown destination, are wrong usage")
  func usage() async throws {
    try await withPreparedOutbox { outbox in
      for (arguments, text) in [
        ([], "give the ids"), (["2", "--all"], "Too much at once"),
        (["--destination", "adit"], "there are audit, crm"),
        (["two"], "two"),
      ] {
        let result = try await StatusrelayProcess(["retry", "--state-directory", outbox.directory] + arguments).result()
        #expect(result.exit == .code(64), "\(arguments)")
        #expect(result.error.contains(text), "\(result.error)")
      }
      #expect(try await states(outbox)[1] == .deadLetter)
    }
  }

  @Test("While another process holds the outbox and answers nothing, retry changes nothing and ends with 73")
  func held() async throws {
    try await withPreparedOutbox { outbox in
      let holder = try await SQLiteOutbox.open(.init(directory: outbox.directory))
      let result = try await run(outbox, "retry", "--all")
      await holder.close()
      #expect(result.exit == .code(73))
      #expect(result.error.contains("in use by another statusrelay"))
      #expect(try await states(outbox)[1] == .deadLetter)
    }
  }

  @Test("A destination is paused and resumed in the outbox of a stopped relay")
  func pause() async throws {
    try await withPreparedOutbox { outbox in
      func pause() async throws -> DestinationPause? {
        let reader = try await SQLiteOutbox.openReadOnly(directory: outbox.directory)
        let pause = try await reader.destinationSummaries().first { $0.name == "crm" }?.pause
        await reader.close()
        return pause
      }
      let paused = try await run(outbox, "destinations", "pause", "crm")
      #expect(paused.exit == .code(0))
      #expect(paused.output.contains("crm is paused") && paused.output.contains("No relay is running"))
      #expect(try await pause() == .byOperator)
      let resumed = try await run(outbox, "destinations", "resume", "crm")
      #expect(resumed.output.contains("crm is resumed"))
      #expect(try await pause() == nil)
      let unknown = try await run(outbox, "destinations", "pause", "nobody")
      #expect(unknown.exit == .code(64))
      #expect(unknown.error.contains("No destination nobody") && unknown.error.contains("audit, crm"))
    }
  }
}
