import ArgumentParser
import Relay
import RelayStore

/// `statusrelay dead-letters`.
struct DeadLettersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dead-letters",
    abstract: "Lists the deliveries that were given up, newest first, or follows them.",
    discussion: """
      Whether the relay runs or not. They are kept until statusrelay retry sends them again, or the history's age limit.

      Examples: statusrelay dead-letters --destination crm
                statusrelay dead-letters --follow
      """)

  @OptionGroup var options: HistoryOptions

  func run() async throws {
    let filter = options.filter(states: [.deadLetter])
    if options.follow {
      return try await options.follow(DeadLetterFollower(filter, now: SystemTime().now().unix), .deadLetters)
    }
    try await options.list(.deadLetters, filter) { try await $0.deliveries($1) }
  }
}
