import ArgumentParser
import Foundation
import Relay
import RelayAdmin

/// `statusrelay status`.
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Shows what the relay is doing: accounts, destinations, and what is wrong with them.",
    discussion: """
      Exit code 0 when the relay is running and all is well, 69 when it is not running or something is wrong. Success rate, p50 and p99 \
      (how long half of the attempts took at most, and 99 of 100) are of the latest 1,000 attempts within an hour.

      Example for a health check: statusrelay status --quiet
      """)

  @OptionGroup var relay: RelayAddress

  @Flag(help: "As one JSON object, times in ISO 8601.")
  var json = false

  @Flag(help: "Print nothing: the exit code says it.")
  var quiet = false

  func validate() throws {
    if json, quiet { throw ValidationError("--json and --quiet exclude each other.") }
  }

  func run() async throws {
    try await complaining(quietly: quiet) {
      let status = try await relay.withHistory { try await $0.status() }
      if json { try StandardOutput.write(JSONEncoder.admin.text(status) + "\n") }
      if !json, !quiet { try StandardOutput.write(StatusText(status: status, now: Date()).text) }
      if !status.isHealthy { throw ExitStatus.unavailable }
    }
  }
}
