import ArgumentParser
import RelayStore

/// `statusrelay events`.
struct EventsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events",
    abstract: "Lists the recorded notifications, newest first.",
    discussion: """
      Whether the relay runs or not. With --json each line holds the notification's body as it is posted.

      Example: statusrelay events --account 1101000001 --status read --since 2h
      """)

  @OptionGroup var options: HistoryOptions

  @Option(
    name: .customLong("state"),
    help: ArgumentHelp("Only those with a delivery in this state; may be given again.", valueName: "state"))
  var states: [DeliveryState] = []

  func run() async throws {
    try await options.list(
      Listing(
        table: Table(
          .number("ID"), .text("RECORDED"), .number("ACCOUNT"), .text("MESSAGE"), .text("STATUS"), .text("TYPE"),
          .text("CHAT")),
        rows: { try await $0.events($1) },
        id: { $0.id },
        cells: { row, now in
          [
            "\(row.id)", TimeText.relative(row.recordedAt, to: now.unix), "\(row.notification.idInstance)",
            row.notification.idMessage, row.notification.status.rawValue, row.notification.typeMessage,
            row.notification.chatId,
          ]
        },
        json: { row, _ in try HistoryJSON.line(row) }),
      states: states)
  }
}
