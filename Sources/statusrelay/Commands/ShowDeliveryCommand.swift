import ArgumentParser
import Foundation
import Relay
import RelayCore
import RelayStore

/// `statusrelay deliveries show`.
struct ShowDeliveryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Shows a delivery with all its attempts, and what the consumer answered to those that failed.")

  @OptionGroup var state: StateDirectoryOption

  @Argument(help: ArgumentHelp("As deliveries and dead-letters list it.", valueName: "id"))
  var id: Int64

  @Flag(help: "As one JSON object, times in ISO 8601.")
  var json = false

  func run() async throws {
    let directory = try state.path()
    try await complaining {
      let history = try await SQLiteOutbox.openReadOnly(directory: directory)
      guard let row = try await history.delivery(id) else {
        throw Complaint.usage("There is no delivery \(id). statusrelay deliveries lists those there are.")
      }
      let attempts = try await history.attempts(of: row.id)
      await history.close()
      let now = SystemTime().now()
      try StandardOutput.write(
        json
          ? try HistoryJSON.line(row, attempts: attempts, now: now) + "\n"
          : Self.heading(row, now: now) + Self.text(attempts, now: now.unix))
    }
  }

  static func heading(_ row: DeliveryRow, now: Moment) -> String {
    var lines = ["delivery \(row.id.rawValue) to \(row.destination): \(row.state.inWords)"]
    func add(_ name: String, _ value: String) {
      lines.append("  " + name.padding(toLength: 12, withPad: " ", startingAt: 0) + value.printable)
    }
    func add(_ name: String, _ time: UnixTime?) {
      if let time { add(name, "\(TimeText.local(time)) (\(TimeText.relative(time, to: now.unix)))") }
    }
    add("account", "\(row.idInstance)")
    add("message", row.idMessage)
    add("status", row.status.rawValue)
    add("webhook-id", row.webhookID)
    add("recorded", row.recordedAt)
    add(row.state == .deadLetter ? "given up" : "settled", row.settledAt)
    if let reason = row.deadLetterReason { add("why", reason.inWords) }
    add("due", row.dueTime(now: now))
    return lines.map { $0 + "\n" }.joined()
  }

  static func text(_ attempts: [AttemptRow], now: UnixTime) -> String {
    guard !attempts.isEmpty else { return "\nNo attempt has been made.\n" }
    return attempts.map { row in
      let report = row.report
      var text =
        "\nattempt \(row.number), \(TimeText.local(report.startedAt)) (\(TimeText.relative(report.startedAt, to: now)))"
      text += ", took \(report.duration.formatted)\n  \(report.inWords.printable)\n"
      // At most the first KiB is kept.
      let excerpt = String(decoding: report.excerpt, as: UTF8.self).printableLines
      for line in excerpt.split(separator: "\n") { text += "  | \(line)\n" }
      return text
    }
    .joined()
  }
}

extension OutboxHistory {
  func delivery(_ id: Int64) async throws(OutboxError) -> DeliveryRow? {
    guard id < .max else { return nil }
    var filter = HistoryFilter(limit: 1)
    filter.before = id + 1
    return try await deliveries(filter).first { $0.id.rawValue == id }
  }
}
