import ArgumentParser
import Relay

/// The command line; every command is a file in `Commands`.
@main
struct Statusrelay: AsyncParsableCommand {
  static func main() async {
    StandardStreams.prepare()
    await main(nil)
  }

  static let configuration = CommandConfiguration(
    commandName: "statusrelay",
    abstract: "Brings the delivery of WhatsApp statuses (stories) to your GREEN-API webhook consumer.",
    discussion: """
      GREEN-API posts webhooks about messages, but none about statuses. statusrelay polls GetOutgoingStatuses, works out what \
      changed, and posts each change to your consumer in the shape of GREEN-API's own outgoingMessageStatus notification.

      To see it work without an account: statusrelay demo
      To set it up:                      statusrelay init

      Exit codes: 0 done, 64 wrong usage, 78 bad configuration, 69 a needed service is unavailable, 73 the state directory \
      is unusable or in use by another relay, 70 internal error.
      """,
    version: Version.number,
    groupedSubcommands: [
      CommandGroup(name: "Relay:", subcommands: [RunCommand.self]),
      CommandGroup(name: "Set up:", subcommands: [InitCommand.self, CheckCommand.self, PollCommand.self]),
      CommandGroup(
        name: "Look and act:",
        subcommands: [
          StatusCommand.self, EventsCommand.self, DeliveriesCommand.self, DeadLettersCommand.self, RetryCommand.self,
          ReplayCommand.self, DestinationsCommand.self, ReloadCommand.self,
        ]),
      CommandGroup(name: "Try it:", subcommands: [DemoCommand.self, SimulateCommand.self, ListenCommand.self]),
    ])
}
