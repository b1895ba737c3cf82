import ArgumentParser
import Foundation
import GreenAPI
import RelayCore
import RelayStore

/// Which notifications are meant: shared by the commands that list and those that send again.
struct SelectionOptions: ParsableArguments {
  @Option(
    name: .customLong("account"), help: ArgumentHelp("Only this account; may be given again.", valueName: "idInstance"))
  var accounts: [IDInstance] = []

  @Option(help: ArgumentHelp("Only this message.", valueName: "idMessage"))
  var message: String?

  @Option(
    name: .customLong("status"),
    help: ArgumentHelp("Only this status, such as read or failed; may be given again.", valueName: "status"),
    completion: .list(MessageStatus.documented.map(\.rawValue)))
  var statuses: [MessageStatus] = []

  @Option(
    help: ArgumentHelp(
      "Recorded at or after: how long ago (2h, 30d) or a date (2026-11-21T08:00Z; local without a zone).",
      valueName: "time"),
    transform: PointInTime.argument)
  var since: PointInTime?

  @Option(help: ArgumentHelp("Recorded before.", valueName: "time"), transform: PointInTime.argument)
  var until: PointInTime?

  func validate() throws {
    if message?.isEmpty == true { throw ValidationError("--message is empty: give an idMessage.") }
  }

  /// Whether any of them is given.
  var isRestricting: Bool { isRestrictingWithoutUntil || until != nil }

  /// Whether any is given that contradicts `--all`: all there is until some time is all there was then.
  var isRestrictingWithoutUntil: Bool { !accounts.isEmpty || message != nil || !statuses.isEmpty || since != nil }

  func filter(limit: Int, now: UnixTime) -> HistoryFilter {
    var filter = HistoryFilter(limit: limit)
    filter.accounts = Set(accounts)
    filter.idMessage = message
    filter.statuses = Set(statuses)
    filter.since = since?.time(now: now)
    filter.until = until?.time(now: now)
    return filter
  }
}

/// A destination's name stands for itself, and for every `name@idInstance` that a url taken from the accounts makes of it.
enum DestinationNames {
  static func meant(by name: String, among names: [String]) -> [String] {
    names.filter { $0 == name || $0.hasPrefix(name + "@") }
  }
}

extension [String] {
  /// `are none`, `is a`, `are a, b`.
  var enumerated: String {
    isEmpty ? "are none" : (count == 1 ? "is " : "are ") + map(\.printable).joined(separator: ", ")
  }
}

extension IDInstance: ExpressibleByArgument {}

extension MessageStatus: ExpressibleByArgument {
  public init?(argument: String) { self.init(rawValue: argument) }
}

extension DeliveryState: ExpressibleByArgument {}
