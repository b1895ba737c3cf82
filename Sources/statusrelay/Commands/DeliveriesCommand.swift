import ArgumentParser
import RelayStore

/// `statusrelay deliveries`.
struct DeliveriesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deliveries",
    abstract: "Lists deliveries, newest first, or follows them, or shows one with all its attempts.",
    discussion: """
      Whether the relay runs or not. With --follow a delivery is shown again whenever its state or its latest attempt has changed, until \
      it is settled.

      Examples: statusrelay deliveries --destination crm --state retrying
                statusrelay deliveries --follow
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
      let filter = options.filter(states: states)
      if options.follow { return try await options.follow(DeliveryFollower(filter), .deliveries) }
      try await options.list(.deliveries, filter) { try await $0.deliveries($1) }
    }
  }
}
