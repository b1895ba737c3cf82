import ArgumentParser
import Foundation
import RelayAdmin
import RelayCore

/// How `retry` and `replay` go about it.
struct ResendOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Go on after this id, where an earlier run was stopped.", valueName: "id"))
  var after: Int64?

  @Flag(help: "Only say how many, and from when to when.")
  var dryRun = false

  /// Sent in one transaction.
  static let pageSize = FilterQuery.maximumLimit

  func run(_ resending: Resending) async throws -> Resending.Progress {
    do {
      try await UntilSignal.run(resending, patience: .seconds(120))
    } catch {
      let progress = resending.progress
      if progress.sent + progress.passedOver > 0, let last = progress.last {
        complain("\(progress.sent) were sent again before it failed. To go on: the same, with --after \(last)")
      }
      throw error
    }
    return resending.progress
  }

  /// What to say, and the exit code, when a signal ended it.
  /// - Parameter until: what the run was to go to, where no one had said it.
  func interrupted(_ progress: Resending.Progress, command: String, until: UnixTime?) -> Complaint {
    let rest = progress.last.map {
      "To go on: statusrelay \(command) with the same options and --after \($0)"
        + (until.map { " --until \($0.iso8601)" } ?? "")
    }
    return Complaint(
      "stopped before the end. " + (rest ?? "Nothing had been sent yet."), exitCode: ExitStatus.interrupted)
  }

  /// `, recorded from … to …`; empty for none.
  static func range(_ count: HistoryCount) -> String {
    guard let oldest = count.oldest, let newest = count.newest else { return "" }
    return ", recorded from \(TimeText.local(oldest)) to \(TimeText.local(newest))"
  }
}
