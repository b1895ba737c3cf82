import Curl
import NIOConcurrencyHelpers
import RelayCore
import RelayStore

/// A part of the relay that others wait for, and that must never stand still.
public enum RelayPart: String, Sendable, CaseIterable {
  case transfers
  case outbox
  case dispatcher
  case pollers

  /// In words, for the log.
  public var description: String {
    switch self {
    case .transfers: "the thread that runs libcurl"
    case .outbox: "the outbox's writer"
    case .dispatcher: "the dispatcher"
    case .pollers: "a poller"
    }
  }
}

/// Watches whether every part of a relay makes progress, for a watchdog. That something fails is no standstill: what counts is
/// that it goes on.
public final class ProgressWatch: Sendable {
  /// Gives an answer, late or soon, unless the part stands still; `false` when the answer says that it does.
  typealias Probe = @Sendable () async -> Bool

  private let probes: [RelayPart: Probe]
  private let latest: NIOLockedValueBox<[RelayPart: SuspendingClock.Instant]>
  private let clock = SuspendingClock()

  init(_ probes: [RelayPart: Probe]) {
    self.probes = probes
    latest = NIOLockedValueBox(probes.mapValues { [clock] _ in clock.now })
  }

  /// Asks every part again and again, until the task is cancelled. A part that doesn't answer holds up no other one.
  /// - Parameter interval: from an answer to the next question.
  public func run(every interval: Duration) async {
    await withDiscardingTaskGroup { group in
      for (part, probe) in probes {
        group.addTask { [clock, latest] in
          while !Task.isCancelled {
            if await probe() { latest.withLockedValue { $0[part] = clock.now } }
            try? await Task.sleep(for: interval, clock: clock)
          }
        }
      }
    }
  }

  /// The parts that have shown no progress for longer than this.
  public func stalled(for patience: Duration) -> [RelayPart] {
    let now = clock.now
    return latest.withLockedValue { latest in
      RelayPart.allCases.filter { part in latest[part].map { now - $0 > patience } ?? false }
    }
  }
}

extension Relay {
  /// An account's poll takes minutes at most, waits for the outbox included; a poller that is later than this stands still.
  private static let longestPoll = Duration.seconds(600)

  /// To be run beside the relay.
  public func progressWatch() -> ProgressWatch {
    let turns = NIOLockedValueBox<Int?>(nil)
    return ProgressWatch([
      .transfers: { [client] in
        // The thread takes a turn every 10 s at least.
        let now = client.statistics.loopTurns
        return turns.withLockedValue { latest in
          defer { latest = now }
          return latest != now
        }
      },
      .outbox: { [outbox] in
        _ = try? await outbox.latestSteadyTime()
        return true
      },
      .dispatcher: { [dispatcher] in
        _ = await dispatcher.statuses
        return true
      },
      .pollers: { [board, time] in
        let now = time.now().steady
        return !board.all.contains { $0.isStuck(at: now, longestPoll: Self.longestPoll) }
      },
    ])
  }
}
