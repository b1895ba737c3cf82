import ArgumentParser
import RelayStore

/// `statusrelay dead-letters`.
struct DeadLettersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dead-letters",
    abstract: "Lists the deliveries that were given up, newest first.",
    discussion: """
      Whether the relay runs or not. They are kept until statusrelay retry sends them again, or the history's age limit.

      Example: statusrelay dead-letters --destination crm
      """)

  @OptionGroup var options: HistoryOptions

  func run() async throws {
    try await options.list(
      Listing(
        table: Table(
          .number("ID"), .text("RECORDED"), .text("GIVEN UP"), .text("DESTINATION"), .number("ACCOUNT"),
          .text("MESSAGE"), .text("STATUS"), .number("ATTEMPTS"), .text("LATEST"), .text("WHY")),
        rows: { try await $0.deliveries($1) },
        id: { $0.id.rawValue },
        cells: { row, now in
          [
            "\(row.id.rawValue)", TimeText.relative(row.recordedAt, to: now.unix),
            TimeText.relative(row.settledAt, to: now.unix), row.destination, "\(row.idInstance)", row.idMessage,
            row.status.rawValue, "\(row.attempts)", row.latestAnswer, row.deadLetterReason?.inWords ?? "",
          ]
        },
        json: { try HistoryJSON.line($0, now: $1) }),
      states: [.deadLetter])
  }
}
