import ArgumentParser
import Foundation
import Relay

/// `--config`, and what comes of it.
struct ConfigurationOption: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "The configuration file.",
      discussion:
        "Left out: $STATUSRELAY_CONFIG, else ./statusrelay.yaml, else /etc/statusrelay/config.yaml, else GREEN_API_… from the environment.",
      valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var config: String?

  /// Loads it; all that is wrong with it goes to stderr, and exit code 78 is thrown.
  func load() throws -> RelayConfiguration {
    do throws(ConfigurationErrors) {
      return try RelayConfiguration.load(option: config)
    } catch {
      for warning in error.warnings { StandardError.writeLine("warning: \(warning)") }
      StandardError.writeLine("\(error)")
      throw ExitStatus.configuration
    }
  }
}
