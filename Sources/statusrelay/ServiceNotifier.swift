import Logging
import Relay
import ServiceLifecycle
import Systemd

/// Tells the service manager how the relay is: that it is up, in words what it does, that every part of it goes on, that it ends.
struct ServiceNotifier: Service {
  let relay: Relay
  let notify: NotifySocket
  let watchdog: Watchdog?
  /// One element when the relay has started.
  let starts: AsyncStream<Void>
  let log: Logger

  /// How often the words are brought up to date.
  private static let statusInterval = Duration.seconds(5)

  func run() async throws {
    for await _ in starts.cancelOnGracefulShutdown() { break }
    if !Task.isShuttingDownGracefully {
      let watch = relay.progressWatch()
      await withTaskGroup { group in
        if let watchdog { group.addTask { await watch.run(every: watchdog.interval / 10) } }
        group.addTask { await tell(watch) }
        await group.next()
        group.cancelAll()
        // A part that stands still now is systemd's affair, by the time limit for the stop.
      }
    }
    notify.send(.stopping, .status("stopping: attempts under way may end"))
  }

  /// Until the shutdown.
  private func tell(_ watch: ProgressWatch) async {
    var latest = await relay.health().summary
    notify.send(.ready, .status(latest))
    let interval = min(Self.statusInterval, watchdog.map { $0.interval / 5 } ?? Self.statusInterval)
    var stalled: [RelayPart] = []
    while await sleepUnlessShuttingDown(interval) {
      notify.sendUnsaid()
      if let watchdog {
        let now = watch.stalled(for: watchdog.interval / 2)
        for part in now where !stalled.contains(part) {
          log.critical("\(part.description) makes no progress; the watchdog will restart statusrelay if that lasts")
        }
        stalled = now
        if stalled.isEmpty { notify.send(.watchdog) }
      }
      let standstill = stalled.map(\.description).joined(separator: ", ")
      let summary = stalled.isEmpty ? await relay.health().summary : "no progress: \(standstill)"
      if summary != latest { notify.send(.status(summary)) }
      latest = summary
    }
  }

  private func sleepUnlessShuttingDown(_ interval: Duration) async -> Bool {
    try? await cancelWhenGracefulShutdown { try await Task.sleep(for: interval, clock: .suspending) }
    return !Task.isShuttingDownGracefully && !Task.isCancelled
  }
}
