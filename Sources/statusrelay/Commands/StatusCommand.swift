import ArgumentParser
import Foundation
import Relay
import RelayStore

/// `statusrelay status`.
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Shows what the relay is doing: accounts, destinations, and what is wrong with them.",
    discussion: """
      Exit code 0 when the relay is running and all is well, 69 when it is not running or something is wrong.

      Example for a health check: statusrelay status --quiet
      """)

  @OptionGroup var state: StateDirectoryOption

  @Flag(help: "As one JSON object, times in ISO 8601.")
  var json = false

  @Flag(help: "Print nothing: the exit code says it.")
  var quiet = false

  func run() async throws {
    let directory = try state.path()
    try await complaining(quietly: quiet) {
      let status = try await status(directory)
      if json { try StandardOutput.write(HistoryJSON.text(status) + "\n") }
      if !json, !quiet { try StandardOutput.write(StatusText(status: status, now: Date()).text) }
      if !status.isHealthy { throw ExitStatus.unavailable }
    }
  }

  func validate() throws {
    if json, quiet { throw ValidationError("--json and --quiet exclude each other.") }
  }

  private func status(_ directory: String) async throws -> RelayStatus {
    do {
      return try await ControlClient(stateDirectory: directory).status()
    } catch ControlClient.Failure.notRunning {
      let history = try await SQLiteOutbox.openReadOnly(directory: directory)
      let time = SystemTime(notBefore: try await history.latestSteadyTime())
      let status = RelayStatus(
        storedAccounts: try await history.accountSummaries(),
        storedDestinations: try await history.destinationSummaries(), now: time.now())
      await history.close()
      return status
    }
  }
}
