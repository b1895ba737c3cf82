import ArgumentParser
import Foundation
import Relay
import RelayAdmin

/// `statusrelay destinations test`.
struct TestDestinationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Sends one marked notification to a destination, and shows the whole exchange.",
    discussion: """
      The relay sends it as it sends all others, with token and signature, even while the destination is paused, and records nothing. Its \
      idMessage begins with statusrelay-test-, and it has the header statusrelay-test: true. Exit code 0 when it was accepted (2xx), else \
      69.
      """)

  @OptionGroup var destination: DestinationArgument

  @Flag(help: "As one JSON object a line, times in ISO 8601.")
  var json = false

  func run() async throws {
    try await complaining {
      let exchanges = try await destination.relay.withHistory { history in
        guard let live = history as? RelayHistory else {
          throw Complaint(
            "No relay is running, and it is the relay that sends the test. To start it: statusrelay run",
            exitCode: ExitStatus.unavailable)
        }
        return try await destination.acting(on: live.client) { try await $0.test(destination: destination.name) }
      }
      let text =
        json
        ? try exchanges.map { try JSONEncoder.admin.text($0) + "\n" }.joined()
        : exchanges.map(ExchangeText.text).joined(separator: "\n")
      try StandardOutput.write(text)
      if !exchanges.allSatisfy(\.isAccepted) { throw ExitStatus.unavailable }
    }
  }
}
