import ArgumentParser
import Foundation
import GreenAPI
import Relay
import RelayCore
import RelayStore

/// What to list of the history, and how: shared by `events`, `deliveries` and `dead-letters`.
struct HistoryOptions: ParsableArguments {
  @OptionGroup var state: StateDirectoryOption

  @Option(
    name: .customLong("account"), help: ArgumentHelp("Only this account; may be given again.", valueName: "idInstance"))
  var accounts: [IDInstance] = []

  @Option(
    name: .customLong("destination"),
    help: ArgumentHelp("Only this destination; may be given again.", valueName: "name"))
  var destinations: [String] = []

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

  @Option(help: ArgumentHelp("At most so many.", valueName: "count"))
  var limit = 50

  @Option(help: ArgumentHelp("Only older ones than this id: the next page.", valueName: "id"))
  var before: Int64?

  @Flag(help: "One JSON object a line, times in ISO 8601.")
  var json = false

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit \(limit) lists nothing: give 1 or more.") }
  }

  func filter(states: [DeliveryState], now: UnixTime) -> HistoryFilter {
    var filter = HistoryFilter(limit: limit)
    filter.accounts = Set(accounts)
    filter.destinations = Set(destinations)
    filter.idMessage = message
    filter.statuses = Set(statuses)
    filter.states = Set(states)
    filter.since = since?.time(now: now)
    filter.until = until?.time(now: now)
    filter.before = before
    return filter
  }

  /// Prints what there is, newest first, a piece at a time.
  func list<Row>(
    _ listing: Listing<Row>, states: [DeliveryState] = []
  ) async throws {
    let directory = try state.path()
    try await complaining {
      let history = try await SQLiteOutbox.openReadOnly(directory: directory)
      let now = SystemTime().now()
      var table = listing.table
      let rest = try await pages(
        filter(states: states, now: now.unix), { try await listing.rows(history, $0) }, listing.id
      ) {
        rows in
        let text =
          json
          ? try rows.map { try listing.json($0, now) + "\n" }.joined() : table.text(rows.map { listing.cells($0, now) })
        try StandardOutput.write(text)
      }
      switch rest {
      case .none: tell("Nothing found." + (try await unknownNames(in: history)))
      case .all: break
      case .more(let before): tell("There are more. The next page: --before \(before)")
      }
      await history.close()
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

  private func pages<Row>(
    _ filter: HistoryFilter, _ fetch: (HistoryFilter) async throws -> [Row], _ id: (Row) -> Int64,
    _ take: ([Row]) throws -> Void
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
      guard wanted > 0 else { return .more(before: id(last)) }
      filter.before = id(last)
    }
  }

  /// A slip in a name finds nothing: says which names there are.
  private func unknownNames(in history: some OutboxHistory) async throws -> String {
    var text = ""
    let names = try await history.destinationSummaries().map(\.name)
    for name in destinations where !names.contains(name) {
      text += " No destination \(name.printable) is known here; there \(names.enumerated)."
    }
    let ids = try await history.accountSummaries().map(\.idInstance)
    for id in accounts where !ids.contains(id) {
      text += " No account \(id) is known here; there \(ids.map(\.description).enumerated)."
    }
    return text
  }
}

/// How one kind of row is fetched and shown.
struct Listing<Row> {
  var table: Table
  var rows: (any OutboxHistory, HistoryFilter) async throws -> [Row]
  var id: (Row) -> Int64
  var cells: (Row, Moment) -> [String]
  var json: (Row, Moment) throws -> String
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
