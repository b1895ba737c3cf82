import ArgumentParser
import Foundation
import Relay
import RelayAdmin
import RelayCore

/// `statusrelay deliveries show`.
struct ShowDeliveryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Shows a delivery with all its attempts, and what the consumer answered to those that failed.")

  @OptionGroup var relay: RelayAddress

  @Argument(help: ArgumentHelp("As deliveries and dead-letters list it.", valueName: "id"))
  var id: Int64

  @Flag(help: "As one JSON object, times in ISO 8601.")
  var json = false

  func run() async throws {
    try await complaining {
      let delivery = try await relay.withHistory { try await $0.delivery(id) }
      guard let delivery else {
        throw Complaint.usage("There is no delivery \(id). statusrelay deliveries lists those there are.")
      }
      let now = Date()
      try StandardOutput.write(
        json
          ? try delivery.json + "\n"
          : Self.heading(delivery, now: now) + Self.text(delivery.attemptList ?? [], now: now))
    }
  }

  static func heading(_ delivery: HistoryDelivery, now: Date) -> String {
    var lines = ["delivery \(delivery.id) to \(delivery.destination): \(delivery.stateInWords)".printable]
    func add(_ name: String, _ value: String) {
      lines.append("  " + name.padding(toLength: 12, withPad: " ", startingAt: 0) + value.printable)
    }
    func add(_ name: String, _ time: Date?) {
      if let time { add(name, "\(TimeText.local(time)) (\(TimeText.relative(time, to: now)))") }
    }
    add("account", "\(delivery.idInstance)")
    add("message", delivery.idMessage)
    add("status", delivery.status)
    add("webhook-id", delivery.webhookId)
    add("recorded", delivery.recordedAt)
    add(delivery.deadLetterReason == nil ? "settled" : "given up", delivery.settledAt)
    if delivery.deadLetterReason != nil { add("why", delivery.reasonInWords) }
    if let due = delivery.dueAt { add("due", "\(TimeText.local(due)) (\(TimeText.relative(max(due, now), to: now)))") }
    return lines.map { $0 + "\n" }.joined()
  }

  static func text(_ attempts: [HistoryAttempt], now: Date) -> String {
    guard !attempts.isEmpty else { return "\nNo attempt has been made.\n" }
    return attempts.map { attempt in
      let took = Duration.milliseconds(Int64((attempt.durationSeconds * 1000).rounded()))
      var text =
        "\nattempt \(attempt.number), \(TimeText.local(attempt.startedAt)) (\(TimeText.relative(attempt.startedAt, to: now)))"
      text += ", took \(took.formatted)\n  \(attempt.inWords.printable)\n"
      for line in (attempt.excerpt ?? "").printableLines.split(separator: "\n") { text += "  | \(line)\n" }
      return text
    }
    .joined()
  }
}
