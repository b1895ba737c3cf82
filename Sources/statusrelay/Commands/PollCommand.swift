import ArgumentParser
import Curl
import GreenAPI
import Relay
import RelayCore
import RelayStore

/// `statusrelay poll`.
struct PollCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "poll",
    abstract: "Polls each account once, and prints as JSON lines what run would announce. Records nothing.",
    discussion: """
      What has been recorded already is taken from the state directory, when there is one. Each poll counts towards GREEN-API's limit \
      of 1 request a second, also for a relay that runs at the same time.

      Exit code 69 when an account could not be polled.

      Example: statusrelay poll --account 1101000001 --all
      """)

  @OptionGroup var options: ConfigurationOption

  @Option(
    name: .customLong("account"), help: ArgumentHelp("Only this account; may be given again.", valueName: "idInstance"))
  var accounts: [IDInstance] = []

  @Flag(help: "Everything the answer shows, as if nothing had been recorded and with startFrom: beginning.")
  var all = false

  func run() async throws {
    let configuration = try options.load()
    for warning in configuration.warnings { tell("warning: \(warning)") }
    try await complaining {
      let selected = try selected(configuration.accounts)
      let outbox = try await outbox(configuration.stateDirectory)
      let time = SystemTime(notBefore: try await outbox?.latestSteadyTime())
      let client = try CurlClient()
      var failed = false
      for account in selected {
        let poll = TrialPoll(
          account: account, api: GreenAPIClient(client), outbox: outbox, time: time, announcesAll: all)
        do {
          try report(try await poll.run(), of: account)
        } catch let problem as GreenAPIClient.Problem {
          failed = true
          let explained = await poll.api.explained(problem, of: account.endpoint(), now: time.now().unix)
          tell("account \(account.idInstance): \(Self.text(explained.failure))")
        }
      }
      await client.shutDown()
      await outbox?.close()
      if failed { throw ExitStatus.unavailable }
    }
  }

  private func selected(_ configured: [RelayConfiguration.Account]) throws -> [RelayConfiguration.Account] {
    let ids = configured.map(\.idInstance)
    if let unknown = accounts.first(where: { !ids.contains($0) }) {
      throw Complaint.usage("No account \(unknown) is configured; there \(ids.map(\.description).enumerated).")
    }
    return accounts.isEmpty ? configured : configured.filter { accounts.contains($0.idInstance) }
  }

  private func outbox(_ directory: String) async throws(OutboxError) -> SQLiteOutboxReader? {
    guard !all, try SQLiteOutbox.exists(inDirectory: directory) else { return nil }
    return try await SQLiteOutbox.openReadOnly(directory: directory)
  }

  private func report(_ outcome: TrialPoll.Outcome, of account: RelayConfiguration.Account) throws {
    for notification in outcome.notifications {
      try StandardOutput.write(String(decoding: notification.body, as: UTF8.self) + "\n")
    }
    for warning in outcome.warnings { tell("account \(account.idInstance): \(warning). \(warning.advice)") }
    let count = outcome.records.records.count
    var text =
      "account \(account.idInstance): \(count) \(count == 1 ? "record" : "records") of the last \(outcome.minutes) minutes, "
    text += "\(outcome.notifications.count) to announce"
    if outcome.isBaseline, count > 0 {
      text += " (startFrom is now: an account's first poll announces nothing. --all shows them)"
    }
    let faults = outcome.records.faults.sorted { $0.key.rawValue < $1.key.rawValue }
    if !faults.isEmpty {
      text += "; passed over: " + faults.map { "\($0.value) \($0.key.rawValue)" }.joined(separator: ", ")
    }
    tell(text)
  }

  private static func text(_ failure: PollFailure?) -> String {
    guard let failure else { return "called off" }
    return failure.advice.map { "\(failure). \($0)" } ?? "\(failure). It may pass by itself: try again."
  }
}
