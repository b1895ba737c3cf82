import ArgumentParser
import Foundation
import Relay
import RelayAdmin
import RelayCore
import RelayStore

/// `statusrelay replay`.
struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Sends recorded notifications to a destination again, delivered or not.",
    discussion: """
      For a consumer that has lost what it got, or one that is new. Through the running relay, the oldest first, with the webhook-id they \
      had. Those that the destination does not take, and those still on their way to it, are passed over.

      Examples: statusrelay replay --destination crm --since 2h --dry-run
                statusrelay replay --destination crm --since 2026-11-21T08:00Z --until 2026-11-21T09:00Z
      """)

  @OptionGroup var relay: RelayAddress

  @Option(help: ArgumentHelp("Where to send them.", valueName: "name"))
  var destination: String

  @OptionGroup var selection: SelectionOptions

  @Flag(help: "All there are in the history.")
  var all = false

  @OptionGroup var resend: ResendOptions

  @Flag(name: .shortAndLong, help: "Don't ask, however many they are.")
  var yes = false

  /// More than this many are asked about.
  private static let many = 10_000

  func validate() throws {
    if all, selection.isRestrictingWithoutUntil {
      throw ValidationError("Too much at once: --all, or what restricts it.")
    }
    if !all, !selection.isRestricting {
      throw ValidationError(
        "Say which notifications: --since TIME, or --until, --account, --status, --message; or --all for the whole history."
      )
    }
  }

  func run() async throws {
    try await complaining {
      try await relay.withHistory { history in
        let now = SystemTime().now().unix
        var filter = selection.filter(limit: ResendOptions.pageSize, now: now)
        // What is recorded from now on comes by itself.
        filter.until = filter.until ?? now
        filter.after = resend.after
        let count = try await history.countEvents(filter)
        if resend.dryRun { return try await say(count, history) }
        guard let live = history as? RelayHistory else {
          throw Complaint(
            "No relay is running, and a replay needs one: it knows what the destination takes. To start it: statusrelay run",
            exitCode: ExitStatus.unavailable)
        }
        try await checkName(history)
        try await replay(filter, count.count, live.client)
      }
    }
  }

  private func checkName(_ history: any History) async throws {
    let status = try await history.status()
    // A stopped relay serves none.
    let names = status.destinations.filter { !status.isRunning || $0.state != "notServed" }.map(\.name)
    guard DestinationNames.meant(by: destination, among: names).isEmpty else { return }
    throw Complaint.usage("No destination \(destination.printable) is known to the relay; there \(names.enumerated).")
  }

  private func say(_ count: HistoryCount, _ history: any History) async throws {
    try await checkName(history)
    try StandardOutput.write(
      """
      \(Self.notifications(count.count)) would be looked through for \(destination)\(ResendOptions.range(count)). Those it does not \
      take, and those still on their way to it, would be passed over.

      """)
  }

  private func replay(_ filter: HistoryFilter, _ count: Int, _ client: ControlClient) async throws {
    if count > Self.many, !yes, Terminal.isInteractive {
      let question = "This sends up to \(Self.notifications(count)) to \(destination) again. Go on?"
      guard Terminal.confirm(question) else {
        throw Complaint("nothing was sent", exitCode: ExitStatus.interrupted)
      }
    }
    let (name, isAll) = (destination, all)
    let progress = try await resend.run(
      Resending(total: count, after: filter.after) { after in
        var filter = filter
        filter.after = after
        let answer = try await client.replay(filter, destination: name, all: isAll)
        return .init(sent: answer.replayed, passedOver: answer.passedOver, last: answer.last)
      })
    let passedOver = progress.passedOver > 0 ? "; \(progress.passedOver) passed over" : ""
    try StandardOutput.write(
      "\(Self.notifications(progress.sent)) to be sent to \(destination) again\(passedOver).\n")
    if !progress.isComplete {
      throw resend.interrupted(progress, command: "replay", until: selection.until == nil ? filter.until : nil)
    }
  }

  private static func notifications(_ count: Int) -> String { count == 1 ? "1 notification" : "\(count) notifications" }
}
