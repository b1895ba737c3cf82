import ArgumentParser
import RelayStore

/// `statusrelay destinations`.
struct DestinationsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "destinations",
    abstract: "Pauses and resumes destinations.",
    discussion: """
      While a destination is paused its deliveries wait, and are kept; that outlasts a restart. statusrelay status shows which are.

      Example: statusrelay destinations pause crm
      """,
    subcommands: [Pause.self, Resume.self])

  struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sends nothing more to a destination until it is resumed.")

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

/// A destination to act on, through the running relay or else in the outbox.
struct DestinationArgument: ParsableArguments {
  @OptionGroup var state: StateDirectoryOption

  @Argument(help: ArgumentHelp("The destination's name in the configuration.", valueName: "name"))
  var name: String

  func setPaused(_ paused: Bool) async throws {
    let directory = try state.path()
    try await complaining {
      let done = paused ? "paused: its deliveries wait" : "resumed"
      do {
        try await askRelay(directory, paused: paused)
        try StandardOutput.write("\(name) is \(done).\n")
      } catch ControlClient.Failure.notRunning {
        try await setInOutbox(directory, paused: paused)
        try StandardOutput.write("\(name) is \(done). No relay is running: it holds when it runs.\n")
      }
    }
  }

  private func askRelay(_ directory: String, paused: Bool) async throws {
    let relay = ControlClient(stateDirectory: directory)
    // The name becomes a part of a path.
    if name.wholeMatch(of: #/[A-Za-z0-9._\-]+/#) != nil {
      do {
        return try await relay.setPaused(paused, destination: name)
      } catch ControlClient.Failure.refused(404, _) {}
    }
    throw unknown(try await relay.status().destinations.filter { $0.state != "notServed" }.map(\.name))
  }

  private func setInOutbox(_ directory: String, paused: Bool) async throws {
    let history = try await SQLiteOutbox.openReadOnly(directory: directory)
    let known = try await history.destinationSummaries()
    await history.close()
    guard let destination = known.first(where: { $0.name == name }) else { throw unknown(known.map(\.name)) }
    try await withStoppedOutbox(directory) { outbox, _ in
      try await outbox.setPause(paused ? .byOperator : nil, of: destination.id)
    }
  }

  private func unknown(_ names: [String]) -> Complaint {
    .usage("No destination \(name.printable) is known to the relay; there \(names.enumerated).")
  }
}
