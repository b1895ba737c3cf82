import ArgumentParser
import Curl
import Foundation
import Relay

/// `statusrelay check`.
struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Checks the configuration, and shows what it comes to.",
    discussion: """
      With --online it also asks GREEN-API for each account's settings and statuses, and sends a GET to each destination: any answer \
      shows that it can be reached. Nothing is posted.

      Exit code 0 when all is well, 78 when the configuration can't be used, 69 when something online failed.

      Example: statusrelay check --config statusrelay.yaml --online
      """)

  @OptionGroup var options: ConfigurationOption

  @Flag(help: "Also try the accounts and the destinations.")
  var online = false

  func run() async throws {
    let configuration = try options.load()
    for warning in configuration.warnings { tell("warning: \(warning)") }
    try await complaining {
      try StandardOutput.write("\(configuration)\n")
      if online { try await tryOut(configuration) }
    }
  }

  private func tryOut(_ configuration: RelayConfiguration) async throws {
    let client = try CurlClient()
    let findings = await OnlineCheck(client: client).findings(configuration)
    await client.shutDown()
    try StandardOutput.write("\n" + findings.map(\.text).joined())
    if !findings.allSatisfy(\.isGood) { throw ExitStatus.unavailable }
  }
}
