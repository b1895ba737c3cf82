import ArgumentParser
import Foundation
import RelayStore

/// The exit codes, from sysexits.h: https://man.openbsd.org/sysexits
enum ExitStatus {
  /// A needed service is unavailable.
  static let unavailable = ExitCode(69)
  static let internalError = ExitCode(70)
  /// The state directory is unusable, or in use by another relay.
  static let stateDirectory = ExitCode(73)
  static let configuration = ExitCode(78)
  /// A signal ended it before its work was done: 128 and the number of SIGINT, as shells have it.
  static let interrupted = ExitCode(130)
}

/// Says on stderr what keeps a command from doing its work.
func complain(_ text: String) {
  StandardError.writeLine("statusrelay: \(text)")
}

extension OutboxError {
  /// Says what is wrong; the result is to be thrown.
  func complained() -> ExitCode {
    complain(description)
    return ExitStatus.stateDirectory
  }
}
