import Logging
import Relay
import ServiceLifecycle
import UnixSignals

/// Reloads the configuration on SIGHUP. An invalid one is reported, and the one in force stays.
struct ReloadService: Service {
  let relay: Relay
  /// The configuration the process was started with.
  let running: RelayConfiguration
  let options: ConfigurationOption
  let log: Logger

  func run() async throws {
    let signals = await UnixSignalsSequence(trapping: .sighup)
    for await _ in signals.cancelOnGracefulShutdown() {
      log.notice("reloading the configuration")
      do {
        try await reload()
      } catch let errors as ConfigurationErrors {
        for problem in errors.problems { log.error("\(problem)") }
        log.error("the configuration was not reloaded; the one in force stays")
      } catch {
        log.error("the configuration was not reloaded: \(error)")
      }
    }
  }

  private func reload() async throws {
    let new = try RelayConfiguration.load(option: options.config)
    for warning in new.warnings { log.warning("\(warning)") }
    for (key, changed) in [
      ("stateDirectory", new.stateDirectory != running.stateDirectory), ("log", new.log != running.log),
      ("admin", new.admin != running.admin),
      ("outbox.synchronous", new.outbox.synchronous != running.outbox.synchronous),
    ] where changed {
      log.warning("\(key) has changed: it takes effect when statusrelay is restarted")
    }
    try await relay.reload(new)
  }
}
