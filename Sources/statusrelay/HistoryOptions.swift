import ArgumentParser
import Foundation
import GreenAPI
import Relay
import RelayAdmin
import RelayCore
import RelayStore

/// What to list of the history, and how: shared by `events`, `deliveries` and `dead-letters`.
struct HistoryOptions: ParsableArguments {
  @OptionGroup var relay: RelayAddress
  @OptionGroup var selection: SelectionOptions

  @Option(
    name: .customLong("destination"),
    help: ArgumentHelp("Only this destination; may be given again.", valueName: "name"))
  var destinations: [String] = []

  @Option(help: ArgumentHelp("At most so many (default: 50; with --follow 10).", valueName: "count"))
  var limit: Int?

  @Option(help: ArgumentHelp("Only older ones than this id: the next page.", valueName: "id"))
  var before: Int64?

  @Flag(
    name: .shortAndLong,
    help: "Print the latest, the oldest of them first, and then what is new as it comes. Ends on SIGINT and SIGTERM.")
  var follow = false

  @Flag(help: "One JSON object a line, times in ISO 8601.")
  var json = false

  static let usualLimit = 50
  static let usualLimitToFollow = 10

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit \(limit) lists nothing: give 1 or more.") }
    guard follow else { return }
    if before != nil { throw ValidationError("--follow and --before exclude each other: what is new is never older.") }
    if selection.until != nil { throw ValidationError("--follow and --until exclude each other.") }
    if let limit, limit > FilterQuery.maximumLimit {
      throw ValidationError(
        "--limit \(limit) is too much to begin with: with --follow at most \(FilterQuery.maximumLimit).")
    }
  }

  func filter(states: [DeliveryState] = []) -> HistoryFilter {
    var filter = selection.filter(limit: limit ?? Self.usualLimit, now: SystemTime().now().unix)
    filter.destinations = Set(destinations)
    filter.states = Set(states)
    filter.before = before
    return filter
  }

  /// Prints what there is, newest first, a piece at a time.
  func list<Row>(
    _ listing: Listing<Row>, _ filter: HistoryFilter,
    _ fetch: (any History, HistoryFilter) async throws -> [Row]
  ) async throws {
    try await complaining {
      try await relay.withHistory { history in
        var listing = listing
        let times = RowTimes.relative(to: Date())
        let rest = try await pages(filter, { try await fetch(history, $0) }) { rows in
          try StandardOutput.write(try listing.text(rows, json: json, times: times))
        }
        switch rest {
        case .none: tell("Nothing found." + (try await unknownNames(in: history)))
        case .all: break
        case .more(let before): tell("There are more. The next page: --before \(before)")
        }
      }
    }
  }

  /// Prints the latest, and then what comes.
  func follow<F: Follower>(_ follower: F, _ listing: Listing<F.Row>) async throws {
    try await complaining {
      try await UntilSignal.run(
        Following(
          relay: relay, follower: follower, count: limit ?? Self.usualLimitToFollow,
          printer: RowPrinter(listing, json: json)))
    }
  }

  private enum Rest {
    /// Not even one row was found.
    case none
    case all
    case more(before: Int64)
  }

  /// Rows held at once, however many are asked for.
  private static let pageSize = 500

  private func pages<Row: HistoryRow>(
    _ filter: HistoryFilter, _ fetch: (HistoryFilter) async throws -> [Row], _ take: ([Row]) throws -> Void
  ) async throws -> Rest {
    var filter = filter
    var wanted = filter.limit
    var isFirst = true
    while true {
      // One more than wanted tells whether there are more.
      let size = min(wanted, Self.pageSize)
      filter.limit = size + 1
      let rows = try await fetch(filter)
      if rows.isEmpty { return isFirst ? .none : .all }
      isFirst = false
      let page = rows.prefix(size)
      try take(Array(page))
      wanted -= page.count
      guard rows.count > size, let last = page.last else { return .all }
      guard wanted > 0 else { return .more(before: last.id) }
      filter.before = last.id
    }
  }

  /// A slip in a name finds nothing: says which names there are.
  private func unknownNames(in history: any History) async throws -> String {
    guard !destinations.isEmpty || !selection.accounts.isEmpty else { return "" }
    var text = ""
    let status = try await history.status()
    let names = status.destinations.map(\.name)
    for name in destinations where DestinationNames.meant(by: name, among: names).isEmpty {
      text += " No destination \(name.printable) is known here; there \(names.enumerated)."
    }
    let ids = status.accounts.map { "\($0.idInstance)" }
    for id in selection.accounts where !ids.contains("\(id)") {
      text += " No account \(id) is known here; there \(ids.enumerated)."
    }
    return text
  }
}
