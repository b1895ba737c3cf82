import Curl
import NIOConcurrencyHelpers
import Synchronization

/// What the quiet polls of all accounts share.
final class QuietPolls: Sendable {
  let time: any Timekeeper
  let board: AccountBoard
  let wakeUps: SharedWakeUps<QuietPoller>
  private let api: GreenAPIClient
  private let sink: CompletionSink
  private let pollers: Pollers

  private typealias Pollers = NIOLockedValueBox<[UInt64: QuietPoller]>
  private let latestTag = Atomic<UInt64>(0)

  /// - Parameter executor: where those that sleep wake.
  init(api: GreenAPIClient, time: any Timekeeper, board: AccountBoard, executor: any TaskExecutor) {
    self.api = api
    self.time = time
    self.board = board
    let pollers = Pollers([:])
    let sink = CompletionSink { completions in
      let asking = pollers.withLockedValue { pollers in completions.map { pollers[$0.tag] } }
      for (poller, completion) in zip(asking, completions) { poller?.receive(completion.result) }
    }
    self.pollers = pollers
    self.sink = sink
    wakeUps = SharedWakeUps(time: time, executor: executor) { sleepers in
      let now = time.now()
      let awake = sleepers.map { ($0, $0.wake(at: now)) }
      api.start(awake.compactMap(\.1), sink: sink)
      for (poller, request) in awake where request != nil { poller.noteStart() }
    }
  }

  /// One that must be retired.
  func poller(of polled: PolledAccount, _ monitor: AccountMonitor, _ gate: PollGate) -> QuietPoller {
    let tag = latestTag.add(1, ordering: .relaxed).newValue
    let poller = QuietPoller(polled, monitor, gate, self, tag: tag)
    pollers.withLockedValue { $0[tag] = poller }
    return poller
  }

  func remove(_ tag: UInt64) { _ = pollers.withLockedValue { $0.removeValue(forKey: tag) } }
  func start(_ request: Transfer) { api.start([request], sink: sink) }
  func cancel(_ tag: UInt64) { api.cancel(tag, sink: sink) }
}
