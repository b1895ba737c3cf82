import Foundation
import Relay

/// A ``RelayStatus`` for people: tables, and under them what is wrong and what to do about it.
struct StatusText {
  let status: RelayStatus
  let now: Date

  var text: String {
    let parts = [
      headline, accounts, notes(status.accounts.flatMap(note)), destinations, attempts,
      notes(status.destinations.flatMap(note)),
    ]
    return parts.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  private var headline: String {
    guard status.isRunning else {
      return "The relay is not running. This is what its outbox holds. To start it: statusrelay run\n"
    }
    let since = status.startedAt.map { ", started \(TimeText.relative($0, to: now))" } ?? ""
    let health = status.isHealthy ? "All is well." : "Not all is well: see below."
    let trouble = status.trouble.map { "! \($0.printable)\n" } ?? ""
    return "statusrelay \(status.version) is running\(since). \(health)\n\(trouble)"
  }

  // MARK: Accounts

  private var accounts: String {
    var table = Table(
      .number("ACCOUNT"), .text("STATE"), .text("SINCE"), .text("POLLED"), .text("NEXT"), .number("LAG"),
      .number("RECORDS"), .number("TRACKED"), .number("EVENTS"))
    return table.text(
      status.accounts.map { account in
        [
          "\(account.idInstance)", Self.inWords(account.state), TimeText.relative(account.since, to: now),
          TimeText.relative(account.latestPoll, to: now),
          account.nextPollInSeconds.map { TimeText.relative(now.addingTimeInterval($0), to: now) } ?? "-",
          TimeText.length(account.lagSeconds), account.records.map { "\($0)" } ?? "-", "\(account.trackedMessages)",
          "\(account.events)",
        ]
      })
  }

  private func note(_ account: RelayStatus.Account) -> [String] { trouble(of: account) + stuck(of: account) }

  private func stuck(of account: RelayStatus.Account) -> [String] {
    guard let count = account.stuck, count > 0, let reason = account.stuckReason else { return [] }
    return ["account \(account.idInstance): \(Self.count(count, "post is", "posts are")) stuck (\(reason))"]
  }

  private func trouble(of account: RelayStatus.Account) -> [String] {
    guard status.isRunning, account.state != "healthy", account.state != "starting" else { return [] }
    if account.state == "notPolled" {
      return ["account \(account.idInstance) is not in the relay's configuration (any more), and is not polled"]
    }
    let what = "account \(account.idInstance) \(Self.inWords(account.state))"
    return [
      account.description.map { "\(what): \($0)" } ?? what,
      account.advice.map { "  \($0)" } ?? "  It may pass by itself; the relay goes on trying.",
    ]
  }

  // MARK: Destinations

  private var destinations: String {
    var table = Table(
      .text("DESTINATION"), .text("STATE"), .number("WAITING"), .text("OLDEST"), .number("IN FLIGHT"),
      .number("DELIVERED"), .number("DEAD"))
    return table.text(
      status.destinations.map { destination in
        [
          destination.name, Self.inWords(destination.state), "\(destination.waiting)",
          TimeText.relative(destination.oldestWaiting, to: now), "\(destination.inFlight)", "\(destination.delivered)",
          "\(destination.deadLetters)",
        ]
      })
  }

  /// How those fare that are served: what a stopped relay's outbox doesn't hold.
  private var attempts: String {
    var table = Table(
      .text("DESTINATION"), .text("CIRCUIT"), .number("ATTEMPTS"), .number("SUCCESS"), .number("P50"), .number("P99"),
      .text("LATEST SUCCESS"), .text("LATEST FAILURE"))
    return table.text(
      status.destinations.compactMap { destination in
        guard let circuit = destination.circuit else { return nil }
        return [
          destination.name, circuit, destination.attemptsLately.map { "\($0)" } ?? "-",
          Self.share(destination.successRate), TimeText.length(destination.p50Seconds),
          TimeText.length(destination.p99Seconds), TimeText.relative(destination.latestSuccess, to: now),
          TimeText.relative(destination.latestFailure?.at, to: now),
        ]
      })
  }

  private func note(_ destination: RelayStatus.Destination) -> [String] {
    let name = destination.name
    var lines: [String] = []
    switch destination.state {
    case "gone":
      lines = [
        "destination \(name) answered HTTP 410 (gone) and gets nothing; its deliveries wait",
        "  When it is back: statusrelay destinations resume \(name)",
      ]
    case "paused":
      lines = [
        "destination \(name) was paused by an operator; its deliveries wait",
        "  To go on: statusrelay destinations resume \(name)",
      ]
    case "circuitOpen":
      lines = [
        "destination \(name) failed several times in a row\(probes(destination)); its deliveries wait"
          + (destination.latestFailure.map { ": \($0.description)" } ?? ""),
        "  Mend the consumer; it goes on by itself. To see what it answers: statusrelay destinations test \(name)",
      ]
    case "noAddress":
      lines = ["destination \(name) has no address, and its deliveries wait"]
      if let description = destination.description { lines[0] += ": \(description)" }
      if let advice = destination.advice { lines.append("  \(advice)") }
    case "notServed" where status.isRunning && destination.waiting > 0:
      lines = [
        "destination \(name) is not in the relay's configuration (any more), but \(Self.count(destination.waiting, "delivery waits", "deliveries wait")) for it",
        "  They are sent once a destination of this name is configured again.",
      ]
    default: break
    }
    if destination.deadLetters > 0 {
      lines += [
        "destination \(name) has \(Self.count(destination.deadLetters, "dead letter", "dead letters")): statusrelay dead-letters --destination \(name)",
        "  To send them again: statusrelay retry --destination \(name)",
      ]
    }
    return lines
  }

  /// `, and for 5 min has only been probed (next probe in 30 s)`.
  private func probes(_ destination: RelayStatus.Destination) -> String {
    let time = destination.circuitOpenedAt.map {
      " for \(Duration.seconds(Int64(max(1, now.timeIntervalSince($0)))).formatted)"
    }
    let probe = destination.nextProbe.map { "next probe \(TimeText.relative(max($0, now), to: now))" } ?? "just now"
    return ", and\(time ?? "") has only been probed (\(probe))"
  }

  // MARK: Words

  private func notes(_ lines: [String]) -> String {
    lines.map { ($0.hasPrefix("  ") ? "  " : "! ") + $0.printable + "\n" }.joined()
  }

  private static func count(_ count: Int, _ one: String, _ many: String) -> String {
    "\(count) \(count == 1 ? one : many)"
  }

  /// A share in percent; only all of it is 100%.
  static func share(_ share: Double?) -> String {
    guard let share else { return "-" }
    return share >= 1 ? "100%" : "\((share * 1000).rounded(.down) / 10)%"
  }

  static func inWords(_ state: String) -> String {
    switch state {
    case "needsAttention": "needs attention"
    case "notPolled": "not polled"
    case "circuitOpen": "only probed"
    case "noAddress": "no address"
    case "notServed": "not served"
    default: state
    }
  }
}
