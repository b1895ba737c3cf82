import ArgumentParser
import Foundation
import Relay

/// `--state-directory`, else what the configuration says.
struct StateDirectoryOption: ParsableArguments {
  @OptionGroup var configuration: ConfigurationOption

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The relay's state directory; the configuration is not read then.",
      discussion: "For whoever may read the state directory, but not the configuration's secrets.", valueName: "dir"),
    completion: .directory)
  var stateDirectory: String?

  func validate() throws {
    if stateDirectory?.isEmpty == true { throw ValidationError("--state-directory is empty: name a directory.") }
  }

  func path() throws -> String {
    if let stateDirectory { return stateDirectory }
    do throws(ConfigurationErrors) {
      return try RelayConfiguration.stateDirectory(option: configuration.config)
    } catch {
      StandardError.writeLine("\(error)")
      complain("to do without the configuration (it is for another user to read, say), use --state-directory DIR")
      throw ExitStatus.configuration
    }
  }
}
