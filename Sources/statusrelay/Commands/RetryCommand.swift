import ArgumentParser
import Foundation
import Relay
import RelayAdmin
import RelayCore
import RelayStore

/// `statusrelay retry`.
struct RetryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry",
    abstract: "Sends dead letters again, with a fresh retry schedule.",
    discussion: """
      Through the running relay, the oldest first. With none running they are marked in the outbox, and go out when it runs. Exit code 64 \
      when an id is no dead letter; the others are sent all the same.

      Examples: statusrelay retry 4711 4712
                statusrelay retry --destination crm --since 2h
                statusrelay retry --all --dry-run
      """)

  @OptionGroup var relay: RelayAddress

  @Argument(help: ArgumentHelp("Dead letters, as dead-letters lists them.", valueName: "id"))
  var ids: [Int64] = []

  @Option(help: ArgumentHelp("Those of this destination.", valueName: "name"))
  var destination: String?

  @OptionGroup var selection: SelectionOptions

  @Flag(help: "All of them.")
  var all = false

  @OptionGroup var resend: ResendOptions

  func validate() throws {
    let isFiltered =
      destination != nil || (all ? selection.isRestrictingWithoutUntil : selection.isRestricting)
    let given = [!ids.isEmpty, isFiltered, all].count { $0 }
    guard given == 1 else {
      throw ValidationError(
        (given == 0 ? "Nothing to retry" : "Too much at once")
          + ": give the ids of dead letters, or --destination NAME, --since TIME and the like, or --all.")
    }
    if !ids.isEmpty, resend.after != nil { throw ValidationError("--after is not for ids.") }
  }

  func run() async throws {
    try await complaining {
      try await relay.withHistory { history in
        let now = SystemTime().now().unix
        if ids.isEmpty { try await retryMatching(history, now: now) } else { try await retryIDs(history) }
      }
    }
  }

  // MARK: By what they are

  private func filter(now: UnixTime) -> HistoryFilter {
    var filter = selection.filter(limit: ResendOptions.pageSize, now: now)
    filter.destinations = Set(destination.map { [$0] } ?? [])
    filter.states = [.deadLetter]
    // What is recorded from now on is not meant.
    filter.until = filter.until ?? now
    filter.after = resend.after
    return filter
  }

  private func retryMatching(_ history: any History, now: UnixTime) async throws {
    let filter = filter(now: now)
    if let destination {
      let names = try await history.status().destinations.map(\.name)
      if DestinationNames.meant(by: destination, among: names).isEmpty {
        throw Complaint.usage("No destination \(destination.printable) is known; there \(names.enumerated).")
      }
    }
    let count = try await history.countDeliveries(filter)
    if resend.dryRun {
      return try StandardOutput.write(
        Self.letters(count.count) + " would be sent again\(ResendOptions.range(count)).\n")
    }
    let page = try await pages(history)
    let progress = try await resend.run(
      Resending(total: count.count, after: filter.after) { after in
        var filter = filter
        filter.after = after
        let ids = try await page(.matching(filter))
        return .init(sent: ids.count, last: ids.count < filter.limit ? nil : ids.last)
      })
    try StandardOutput.write(Self.text(progress.sent, isWaitingForStart: !history.isLive))
    if !progress.isComplete {
      throw resend.interrupted(progress, command: "retry", until: selection.until == nil ? filter.until : nil)
    }
  }

  // MARK: By their ids

  private func retryIDs(_ history: any History) async throws {
    let wanted = Set(ids).sorted()
    if resend.dryRun {
      var filter = HistoryFilter(limit: 1)
      filter.states = [.deadLetter]
      filter.ids = Set(wanted.prefix(FilterQuery.maximumLimit))
      guard wanted.count <= FilterQuery.maximumLimit else {
        throw Complaint.usage("A dry run takes at most \(FilterQuery.maximumLimit) ids.")
      }
      let count = try await history.countDeliveries(filter)
      return try StandardOutput.write(
        Self.letters(count.count) + " would be sent again\(ResendOptions.range(count)).\n")
    }
    let page = try await pages(history)
    var retried: Set<Int64> = []
    for start in stride(from: 0, to: wanted.count, by: ResendOptions.pageSize) {
      let ids = wanted[start..<min(start + ResendOptions.pageSize, wanted.count)]
      retried.formUnion(try await page(.ids(ids.map(DeliveryID.init))))
    }
    try StandardOutput.write(Self.text(retried.count, isWaitingForStart: !history.isLive))
    let others = wanted.filter { !retried.contains($0) }
    if !others.isEmpty { throw try await complaint(of: others, in: history) }
  }

  private func complaint(of ids: [Int64], in history: any History) async throws -> Complaint {
    var lines: [String] = []
    for id in ids {
      let state = try await history.delivery(id).map {
        $0.state == DeliveryState.deadLetter.rawValue ? "is just one again" : "is \($0.stateInWords)"
      }
      lines.append("\(id) is no dead letter: " + (state.map { "it \($0)" } ?? "there is no such delivery"))
    }
    return .usage(lines.joined(separator: "\nstatusrelay: "))
  }

  // MARK: Acting

  /// What retries a page, in the running relay or in the outbox.
  private func pages(
    _ history: any History
  ) async throws -> @Sendable (DeadLetterSelection) async throws -> [Int64] {
    if let live = history as? RelayHistory {
      let isAll = all
      return { selection in
        switch selection {
        case .ids(let ids):
          var filter = HistoryFilter(limit: FilterQuery.maximumLimit)
          filter.ids = Set(ids.map(\.rawValue))
          return try await live.client.retry(filter).retried
        case .matching(var filter):
          filter.states = []
          return try await live.client.retry(filter, all: isAll).retried
        }
      }
    }
    let directory = try relay.state.path()
    return { selection in
      try await withStoppedOutbox(directory) { try await $0.retry(selection, at: $1).map(\.rawValue) }
    }
  }

  // MARK: Words

  private static func letters(_ count: Int) -> String { count == 1 ? "1 dead letter" : "\(count) dead letters" }

  private static func text(_ count: Int, isWaitingForStart: Bool) -> String {
    isWaitingForStart && count > 0
      ? "\(letters(count)) marked to be sent again. No relay is running: they go out when it runs.\n"
      : "\(letters(count)) sent again.\n"
  }
}

/// Opens the outbox of a directory where no relay runs, to change something in it.
/// - Throws: ``OutboxError/Kind/inUse`` when one runs after all.
func withStoppedOutbox<T>(
  _ directory: String, _ body: (SQLiteOutbox, Moment) async throws -> T
) async throws -> T {
  let outbox = try await SQLiteOutbox.open(SQLiteOutbox.Configuration(directory: directory))
  do {
    let time = SystemTime(notBefore: try await outbox.latestSteadyTime())
    let result = try await body(outbox, time.now())
    await outbox.close()
    return result
  } catch {
    await outbox.close()
    throw error
  }
}
