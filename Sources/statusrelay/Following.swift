import Foundation
import NIOConcurrencyHelpers
import RelayAdmin
import RelayStore
import ServiceLifecycle

/// Prints the latest rows and then what is new, until it is told to stop.
///
/// That a relay stops answering is said once; what it recorded meanwhile is printed when it answers again.
struct Following<F: Follower>: Service {
  let relay: RelayAddress
  let follower: F
  /// How many rows to begin with.
  let count: Int
  let printer: RowPrinter<F.Row>

  private static var interval: Duration { .seconds(1) }

  func run() async throws {
    try await cancelWhenGracefulShutdown {
      do {
        try await follow()
      } catch is CancellationError {}
    }
  }

  private func follow() async throws {
    var follower = follower
    var history = try await relay.history()
    var isAway = !history.isLive
    if isAway { tell("No relay is running. What comes is shown once one does.") }
    try printer.print(try await follower.begin(history, count: count))
    while true {
      try await Task.sleep(for: Self.interval)
      try StandardOutput.checkReader()
      do {
        if isAway {
          let other = try await relay.history()
          await history.close()
          history = other
          isAway = !history.isLive
          if !isAway { tell("The relay answers.") }
        }
        repeat {
          // A step that fails half-way is taken again.
          var next = follower
          let rows = try await next.step(history)
          try printer.print(rows)
          follower = next
        } while follower.isBehind
      } catch let error where Self.mayPass(error) {
        if !isAway { tell("The relay does not answer any more; going on when it does. (\(error))") }
        isAway = true
      }
    }
  }

  private static func mayPass(_ error: any Error) -> Bool {
    switch error {
    // It was asked wrongly, or its token has changed: that does not mend itself.
    case ControlClient.Failure.refused(400..<500, _): false
    case is ControlClient.Failure, is OutboxError: true
    default: false
    }
  }
}

/// Prints rows to stdout as they come.
final class RowPrinter<Row: HistoryRow>: Sendable {
  private let listing: NIOLockedValueBox<Listing<Row>>
  private let json: Bool

  init(_ listing: Listing<Row>, json: Bool) {
    self.listing = NIOLockedValueBox(listing)
    self.json = json
  }

  func print(_ rows: [Row]) throws {
    guard !rows.isEmpty else { return }
    let text = try listing.withLockedValue { try $0.text(rows, json: json, times: .clock(now: Date())) }
    try StandardOutput.write(text)
  }
}
