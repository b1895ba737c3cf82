import ArgumentParser
import RelayStore

/// `statusrelay deliveries`.
struct DeliveriesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deliveries",
    abstract: "Lists deliveries, newest first, or shows one with all its attempts.",
    discussion: """
      Whether the relay runs or not.

      Examples: statusrelay deliveries --destination crm --state retrying
                statusrelay deliveries show 4711
      """,
    subcommands: [List.self, ShowDeliveryCommand.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Lists deliveries, newest first (what deliveries does without a subcommand).")

    @OptionGroup var options: HistoryOptions

    @Option(
      name: .customLong("state"),
      help: ArgumentHelp("Only those in this state; may be given again.", valueName: "state"))
    var states: [DeliveryState] = []

    func run() async throws {
      try await options.list(
        Listing(
          table: Table(
            .number("ID"), .text("RECORDED"), .text("DESTINATION"), .number("ACCOUNT"), .text("MESSAGE"),
            .text("STATUS"), .text("STATE"), .number("ATTEMPTS"), .text("LATEST"), .text("NEXT")),
          rows: { try await $0.deliveries($1) },
          id: { $0.id.rawValue },
          cells: { row, now in
            [
              "\(row.id.rawValue)", TimeText.relative(row.recordedAt, to: now.unix), row.destination,
              "\(row.idInstance)", row.idMessage, row.status.rawValue, row.state.inWords, "\(row.attempts)",
              row.latestAnswer, TimeText.next(row.dueTime(now: now), to: now.unix),
            ]
          },
          json: { try HistoryJSON.line($0, now: $1) }),
        states: states)
    }
  }
}
