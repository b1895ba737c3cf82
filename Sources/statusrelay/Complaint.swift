import ArgumentParser
import Curl
import RelayStore

/// Why a command can't do its work: what to say on stderr, and the exit code.
struct Complaint: Error {
  var text: String
  var exitCode: ExitCode

  init(_ text: String, exitCode: ExitCode) {
    self.text = text
    self.exitCode = exitCode
  }

  /// For what the person gave: wrong usage.
  static func usage(_ text: String) -> Complaint { Complaint(text, exitCode: .validationFailure) }

  /// `nil` for what is no failure to do the work: an exit code thrown on purpose.
  init?(_ error: any Error) {
    switch error {
    case is ExitCode: return nil
    // Whoever read the output has seen enough.
    case is StandardOutput.Closed: return nil
    case let complaint as Complaint: self = complaint
    case let error as OutboxError: self.init(error.description, exitCode: ExitStatus.stateDirectory)
    case ControlClient.Failure.refused(400, let message): self = .usage(message.printable)
    case let failure as ControlClient.Failure: self.init(failure.description, exitCode: ExitStatus.unavailable)
    case let error as CurlError: self.init(error.description, exitCode: ExitStatus.unavailable)
    default: self.init("internal error: \(error)", exitCode: ExitStatus.internalError)
    }
  }
}

/// Runs a command's work. What keeps it from being done is said on stderr, unless `quietly`, and thrown as its exit code.
func complaining<T>(quietly: Bool = false, _ work: () async throws -> T) async throws -> T {
  do {
    return try await work()
  } catch {
    guard let complaint = Complaint(error) else { throw error as? ExitCode ?? .success }
    if !quietly { complain(complaint.text) }
    throw complaint.exitCode
  }
}
