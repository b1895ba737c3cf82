import ArgumentParser
import Foundation
import GreenAPI
import GreenAPISimulator
import Logging
import Relay
import RelayCore
import RelayStore
import UnixSignals

/// `statusrelay demo`: simulator, consumer and relay in one process.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Shows simulator, relay and consumer at work; needs nothing and leaves nothing.",
    discussion: """
      Posts some statuses at a simulated GREEN-API and lets the consumer fail for a while. On a terminal it shows a live view, else one \
      line for each event. Ends by itself, with 0 when the consumer received everything in order, else with 70. Interrupted, it ends \
      with 130.
      """)

  @Flag(help: "Go on until interrupted; then 0 when nothing went wrong.")
  var forever = false

  func run() async throws {
    // The relay must reach its own process, whatever proxy the environment names.
    let direct = [ProcessInfo.processInfo.environment["no_proxy"], "127.0.0.1"].compactMap { $0 }
    setenv("no_proxy", direct.joined(separator: ","), 1)
    let ending: DemoEnding
    do {
      let directory = try TemporaryDirectory(prefix: "statusrelay-demo-")
      defer { directory.remove() }
      ending = try await play(in: directory.path)
    } catch let failure as TemporaryDirectory.Failure {
      complain("\(failure)")
      throw ExitStatus.stateDirectory
    } catch let error as OutboxError {
      throw error.complained()
    }
    if ending.exitCode != 0 { throw ExitCode(ending.exitCode) }
  }

  private func play(in directory: String) async throws -> DemoEnding {
    // From the first moment on: an end that is asked for while things are being set up must leave nothing behind either.
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
    return try await withThrowingTaskGroup(of: DemoEnding?.self) { group in
      group.addTask { try await DemoStage(directory: directory, isEndless: forever).play() }
      group.addTask {
        for await _ in signals { break }
        return nil
      }
      var ending: DemoEnding?
      while ending == nil, let next = try await group.next() {
        // The signal: the play ends as soon as it is cancelled, and tells how far it came.
        ending = next
        group.cancelAll()
      }
      group.cancelAll()
      return ending!
    }
  }
}
