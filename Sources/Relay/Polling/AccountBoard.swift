import GreenAPI
import NIOConcurrencyHelpers
import RelayCore

/// How every account fares and what the polls of all of them take, for whoever looks on.
final class AccountBoard: Sendable {
  private let statuses = NIOLockedValueBox<[IDInstance: AccountStatus]>([:])
  private let measured = NIOLockedValueBox(PollMeasurements())

  /// An account that is going to be polled, unless it is here already.
  func enter(_ idInstance: IDInstance, at now: Moment) {
    statuses.withLockedValue { statuses in
      if statuses[idInstance] == nil {
        statuses[idInstance] = AccountStatus(idInstance: idInstance, health: AccountHealth(startingAt: now))
      }
    }
  }

  func publish(_ status: AccountStatus) { statuses.withLockedValue { $0[status.idInstance] = status } }
  func remove(_ idInstance: IDInstance) { _ = statuses.withLockedValue { $0.removeValue(forKey: idInstance) } }

  var all: [AccountStatus] { statuses.withLockedValue { $0.values.sorted { $0.idInstance < $1.idInstance } } }

  /// Of the poller of the account that there was before, if any.
  func counts(of idInstance: IDInstance) -> AccountStatus.Counts {
    statuses.withLockedValue { $0[idInstance]?.counts } ?? .init()
  }

  /// - Parameter answerBytes: `nil` when there was no successful answer.
  func notePoll(duration: Duration, answerBytes: Int?) {
    measured.withLockedValue { measured in
      measured.duration.note(duration)
      if let answerBytes { measured.answerBytes.note(Double(answerBytes)) }
    }
  }

  var measurements: PollMeasurements { measured.withLockedValue { $0 } }
}

/// What GREEN-API's answers to polls take, over all accounts since the relay started.
public struct PollMeasurements: Hashable, Sendable {
  /// Seconds from the request to the end of the answer, or to the failure.
  public internal(set) var duration = Histogram(bounds: durationBounds)
  /// Of the body of each successful answer, decompressed.
  public internal(set) var answerBytes = Histogram(bounds: byteBounds)

  /// Up to the longest that a poll may take.
  static let durationBounds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180]
  /// Up to `GreenAPIClient.largestAnswer`, in steps of four.
  static let byteBounds = (4...13).map { Double(1 << (2 * $0)) }
}
