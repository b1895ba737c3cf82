import ArgumentParser
import RelayStore

/// `statusrelay events`.
struct EventsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events",
    abstract: "Lists the recorded notifications, newest first, or follows them.",
    discussion: """
      Whether the relay runs or not. With --json each line holds the notification's body as it is posted.

      Examples: statusrelay events --account 1101000001 --status read --since 2h
                statusrelay events --follow --json
      """)

  @OptionGroup var options: HistoryOptions

  @Option(
    name: .customLong("state"),
    help: ArgumentHelp("Only those with a delivery in this state; may be given again.", valueName: "state"))
  var states: [DeliveryState] = []

  func run() async throws {
    let filter = options.filter(states: states)
    if options.follow { return try await options.follow(EventFollower(filter), .events) }
    try await options.list(.events, filter) { try await $0.events($1) }
  }
}
