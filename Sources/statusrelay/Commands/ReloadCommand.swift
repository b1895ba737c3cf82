import ArgumentParser
import Foundation
import Relay

/// `statusrelay reload`: has the running relay read its configuration anew.
struct ReloadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload",
    abstract: "Has the running relay read its configuration anew.",
    discussion: """
      The relay reads the file it was started with, and takes over what has changed; accounts and destinations that stay as they are go \
      on untouched. When the file is invalid, everything that is wrong with it is listed, the configuration in force stays, and the exit \
      code is 78. SIGHUP does the same, and leaves the answer to the log.
      """)

  @OptionGroup var address: RelayAddress

  func run() async throws {
    try await complaining {
      let client = try address.client()
      defer { Task { await client.close() } }
      do {
        let answer = try await client.reload()
        for warning in answer.warnings { StandardError.writeLine("warning: \(warning)") }
        print("The configuration is in force: accounts \(answer.accounts), destinations \(answer.destinations).")
      } catch ControlClient.Failure.refused(422, let message) {
        StandardError.writeLine("\(message)")
        throw Complaint(
          "The configuration was not reloaded; the one in force stays.", exitCode: ExitStatus.configuration)
      }
    }
  }
}
