import ArgumentParser
import Relay
import RelayAdmin
import RelayCore
import RelayStore

/// `statusrelay retry`.
struct RetryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry",
    abstract: "Sends dead letters again, with a fresh retry schedule.",
    discussion: """
      Through the running relay. With none running they are marked in the outbox, and go out when it runs. Exit code 64 when an id \
      is no dead letter; the others are sent all the same.

      Examples: statusrelay retry 4711 4712
                statusrelay retry --destination crm
      """)

  @OptionGroup var state: StateDirectoryOption

  @Argument(help: ArgumentHelp("Dead letters, as dead-letters lists them.", valueName: "id"))
  var ids: [Int64] = []

  @Option(help: ArgumentHelp("All of this destination.", valueName: "name"))
  var destination: String?

  @Flag(help: "All of them.")
  var all = false

  func validate() throws {
    let given = [!ids.isEmpty, destination != nil, all].count { $0 }
    guard given == 1 else {
      throw ValidationError(
        (given == 0 ? "Nothing to retry" : "Too much at once")
          + ": give the ids of dead letters, or --destination NAME, or --all.")
    }
  }

  func run() async throws {
    let directory = try state.path()
    try await complaining {
      var retried: Set<Int64>
      var isWaitingForStart = false
      do {
        retried = Set(try await askRelay(directory))
      } catch ControlClient.Failure.notRunning {
        retried = Set(try await retryInOutbox(directory))
        isWaitingForStart = true
      }
      try StandardOutput.write(Self.text(retried.count, isWaitingForStart: isWaitingForStart))
      let others = Set(ids).subtracting(retried).sorted()
      if !others.isEmpty { throw try await complaint(of: others, in: directory) }
    }
  }

  private static func text(_ count: Int, isWaitingForStart: Bool) -> String {
    let letters = count == 1 ? "1 dead letter" : "\(count) dead letters"
    return isWaitingForStart && count > 0
      ? "\(letters) marked to be sent again. No relay is running: they go out when it runs.\n"
      : "\(letters) sent again.\n"
  }

  private func askRelay(_ directory: String) async throws -> [Int64] {
    let request = RetryRequest(ids: ids.isEmpty ? nil : ids, destination: destination)
    do {
      return try await ControlClient(stateDirectory: directory).retry(request).retried
    } catch ControlClient.Failure.refused(404, _) {
      // Only a destination can be unknown to it.
      throw try await unknownDestination(in: directory)
    }
  }

  private func retryInOutbox(_ directory: String) async throws -> [Int64] {
    let history = try await SQLiteOutbox.openReadOnly(directory: directory)
    let known = try await history.destinationSummaries()
    await history.close()
    var selection = DeadLetterSelection.ids(ids.map(DeliveryID.init(rawValue:)))
    if let destination {
      guard let summary = known.first(where: { $0.name == destination }) else {
        throw try await unknownDestination(in: directory)
      }
      var filter = HistoryFilter(limit: .max)
      filter.destinations = [summary.name]
      selection = .matching(filter)
    } else if all {
      selection = .matching(HistoryFilter(limit: .max))
    }
    return try await withStoppedOutbox(directory) { outbox, now in
      try await outbox.retry(selection, at: now).map(\.rawValue)
    }
  }

  private func unknownDestination(in directory: String) async throws -> Complaint {
    let history = try await SQLiteOutbox.openReadOnly(directory: directory)
    let names = try await history.destinationSummaries().map(\.name)
    await history.close()
    return .usage("No destination \(destination?.printable ?? "") is known; there \(names.enumerated).")
  }

  private func complaint(of ids: [Int64], in directory: String) async throws -> Complaint {
    let history = try await SQLiteOutbox.openReadOnly(directory: directory)
    var lines: [String] = []
    for id in ids {
      let state = try await history.delivery(id).map {
        $0.state == .deadLetter ? "is just one again" : "is \($0.state.inWords)"
      }
      lines.append("\(id) is no dead letter: " + (state.map { "it \($0)" } ?? "there is no such delivery"))
    }
    await history.close()
    return .usage(lines.joined(separator: "\nstatusrelay: "))
  }
}

/// Opens the outbox of a directory where no relay runs, to change something in it.
/// - Throws: ``OutboxError/Kind/inUse`` when one runs after all.
func withStoppedOutbox<T>(
  _ directory: String, _ body: (SQLiteOutbox, Moment) async throws -> T
) async throws -> T {
  let outbox = try await SQLiteOutbox.open(SQLiteOutbox.Configuration(directory: directory))
  do {
    let time = SystemTime(notBefore: try await outbox.latestSteadyTime())
    let result = try await body(outbox, time.now())
    await outbox.close()
    return result
  } catch {
    await outbox.close()
    throw error
  }
}
