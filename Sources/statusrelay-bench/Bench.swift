import ArgumentParser
import Foundation

/// `statusrelay-bench`: what the relay costs, beside what it could cost at the least, measured in the same run.
@main
struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "statusrelay-bench",
    abstract: "Measures the relay against a floor measured in the same run.",
    discussion: """
      The relay runs with its default configuration: every commit waits for the disk, and it logs at info, to a file. \
      Times depend on the machine and on what else it does; the ratios are what counts. Each case is run several times, in turn with its \
      floor, and the median is shown. Built for release: swift run -c release --static-swift-stdlib statusrelay-bench
      """,
    subcommands: [Cases.self, PeerCommand.self, RelayCommand.self, ReceiveCommand.self], defaultSubcommand: Cases.self)
}

struct Cases: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cases", abstract: "Runs the named cases, or all (what statusrelay-bench does without a subcommand).")

  @Argument(help: ArgumentHelp("Which to run; all when left out.", valueName: "case"))
  var names: [String] = []

  @Option(help: "How often each case is run.")
  var runs = 5

  @Option(
    help:
      "The share of each case's size to run with, above 0 and at most 1: less proves that it works, and measures little; how costs grow is left out."
  )
  var scale = 1.0

  @Flag(help: "One JSON object a line of the table.")
  var json = false

  @Flag(help: "Names the cases, and runs none.")
  var list = false

  static let all: [any BenchCase.Type] = [
    DeliverCase.self, DeliverManyCase.self, LatencyCase.self, PollUnchangedCase.self, PollChangedCase.self,
    AccountsCase.self, MemoryCase.self, IsolationCase.self,
  ]

  func validate() throws {
    if runs < 1 { throw ValidationError("--runs \(runs) measures nothing: give 1 or more.") }
    if !(scale > 0 && scale <= 1) { throw ValidationError("--scale \(scale) is not above 0 and at most 1.") }
    for name in names where !Self.all.contains(where: { $0.name == name }) {
      let known = Self.all.map { $0.name }.joined(separator: ", ")
      throw ValidationError("There is no case '\(name)'; there are: \(known).")
    }
  }

  func run() async throws {
    let chosen = Self.all.filter { names.isEmpty || names.contains($0.name) }
    if list {
      for type in chosen { print("\(type.name): \(type.summary)") }
      return
    }
    #if DEBUG
      complain("This is a debug build: its figures say nothing. Build it with -c release.")
    #endif
    if !json { print(BenchResult.heading) }
    for type in chosen {
      for result in try await type.run(BenchOptions(runs: runs, scale: scale)) {
        print(json ? try result.json : result.row)
      }
    }
  }
}

struct BenchOptions {
  var runs: Int
  var scale: Double

  /// A case's full size, made smaller as asked for.
  func scaled(_ count: Int) -> Int { max(10, Int(Double(count) * scale)) }

  /// Of the sizes that a case is measured at: all, or the first one when it is only to prove that it works.
  func sizes<Size>(_ all: [Size]) -> [Size] { scale < 1 ? Array(all.prefix(1)) : all }
}

/// One thing that is measured beside its floor.
protocol BenchCase: Sendable {
  static var name: String { get }
  static var summary: String { get }
  /// - Returns: the lines of the table.
  static func run(_ options: BenchOptions) async throws -> [BenchResult]
}

struct BenchFailure: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// To stderr: progress and warnings.
func complain(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
