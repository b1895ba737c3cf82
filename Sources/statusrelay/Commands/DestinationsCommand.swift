import ArgumentParser
import Foundation
import Relay
import RelayAdmin
import RelayStore

/// `statusrelay destinations`.
struct DestinationsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "destinations",
    abstract: "Lists the destinations; pauses, resumes and tests them.",
    discussion: """
      A destination whose url is taken from the accounts is one for each account, named name@idInstance; its plain name means all of \
      them.

      Examples: statusrelay destinations
                statusrelay destinations pause crm
                statusrelay destinations test crm
      """,
    subcommands: [List.self, Pause.self, Resume.self, TestDestinationCommand.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Lists the destinations (what destinations does without a subcommand).")

    @OptionGroup var relay: RelayAddress

    @Flag(help: "One JSON object a line, as in status.")
    var json = false

    func run() async throws {
      try await complaining {
        let status = try await relay.withHistory { try await $0.status() }
        if json {
          return try StandardOutput.write(
            status.destinations.map { try JSONEncoder.admin.text($0) + "\n" }.joined())
        }
        if !status.isRunning { tell("No relay is running. This is what its outbox holds.") }
        var table = Table(.text("DESTINATION"), .text("STATE"), .number("WAITING"), .text("ADDRESS"))
        let text = table.text(
          status.destinations.map { [$0.name, StatusText.inWords($0.state), "\($0.waiting)", $0.address ?? "-"] })
        if text.isEmpty { tell("There are none.") }
        try StandardOutput.write(text)
      }
    }
  }

  struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sends nothing more to a destination until it is resumed.",
      discussion:
        "Its deliveries wait, and are kept; that outlasts a restart. statusrelay status shows which are paused.")

    @OptionGroup var destination: DestinationArgument

    func run() async throws { try await destination.setPaused(true) }
  }

  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sends again to a destination that was paused, or that answered that it is gone.")

    @OptionGroup var destination: DestinationArgument

    func run() async throws { try await destination.setPaused(false) }
  }
}

/// A destination to act on.
struct DestinationArgument: ParsableArguments {
  @OptionGroup var relay: RelayAddress

  @Argument(help: ArgumentHelp("The destination's name in the configuration.", valueName: "name"))
  var name: String

  /// Through the running relay, or else in the outbox.
  func setPaused(_ paused: Bool) async throws {
    try await complaining {
      let done = paused ? "paused: its deliveries wait" : "resumed"
      try await relay.withHistory { history in
        guard let live = history as? RelayHistory else {
          try await setInOutbox(history, paused: paused)
          return try StandardOutput.write("\(name) is \(done). No relay is running: it holds when it runs.\n")
        }
        try await acting(on: live.client) { try await $0.setPaused(paused, destination: name) }
        try StandardOutput.write("\(name) is \(done).\n")
      }
    }
  }

  /// Has the relay do something with the destination; a name it doesn't know is wrong usage.
  func acting<T>(on client: ControlClient, _ body: (ControlClient) async throws -> T) async throws -> T {
    do {
      return try await body(client)
    } catch ControlClient.Failure.refused(404, _) {
      throw unknown(try await client.status().destinations.filter { $0.state != "notServed" }.map(\.name))
    }
  }

  private func setInOutbox(_ history: any History, paused: Bool) async throws {
    let directory = try relay.state.path()
    let reader = try await SQLiteOutbox.openReadOnly(directory: directory)
    let known = try await reader.destinationSummaries()
    await reader.close()
    let names = Set(DestinationNames.meant(by: name, among: known.map(\.name)))
    guard !names.isEmpty else { throw unknown(known.map(\.name)) }
    try await withStoppedOutbox(directory) { outbox, _ in
      for destination in known where names.contains(destination.name) {
        try await outbox.setPause(paused ? .byOperator : nil, of: destination.id)
      }
    }
  }

  private func unknown(_ names: [String]) -> Complaint {
    .usage("No destination \(name.printable) is known to the relay; there \(names.enumerated).")
  }
}
