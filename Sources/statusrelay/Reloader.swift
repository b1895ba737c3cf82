import Logging
import NIOConcurrencyHelpers
import Relay
import RelayAdmin
import RelayStore
import Systemd

/// Reads the configuration anew and has the relay take it over, when a signal or the admin API asks for it. An invalid one is reported,
/// and the one in force stays.
actor Reloader {
  private let relay: Relay
  /// The configuration the process was started with.
  private let running: RelayConfiguration
  private let options: ConfigurationOption
  private let notify: NotifySocket?
  private let log: Logger

  init(
    relay: Relay, running: RelayConfiguration, options: ConfigurationOption, notify: NotifySocket?, log: Logger
  ) {
    self.relay = relay
    self.running = running
    self.options = options
    self.notify = notify
    self.log = log
  }

  /// - Returns: what is in force now, or why nothing has changed.
  func reload() async -> Reload {
    notify?.send(.reloading, .status("reloading the configuration"))
    log.notice("reloading the configuration")
    let result = await takeOver()
    switch result {
    case .done: notify?.send(.ready, .status(await relay.health().summary))
    case .invalid(let problems):
      for problem in problems { log.error("\(problem)") }
      log.log(level: .error, .configurationRejected, "the configuration was not reloaded; the one in force stays")
      notify?.send(.ready, .status("The configuration is invalid and was not reloaded; the one in force stays"))
    case .failed(let reason):
      log.log(level: .error, .configurationRejected, "the configuration was not reloaded: \(reason)")
      notify?.send(.ready, .status("The configuration was not reloaded: \(reason)"))
    }
    return result
  }

  private func takeOver() async -> Reload {
    let new: RelayConfiguration
    do throws(ConfigurationErrors) {
      new = try RelayConfiguration.load(option: options.config)
    } catch {
      return .invalid(problems: error.problems.map { "\($0)" })
    }
    var warnings = new.warnings.map { "\($0)" }
    for (key, changed) in [
      ("stateDirectory", new.stateDirectory != running.stateDirectory), ("log", new.log != running.log),
      ("admin", new.admin != running.admin),
      ("outbox.synchronous", new.outbox.synchronous != running.outbox.synchronous),
    ] where changed {
      warnings.append("\(key) has changed: it takes effect when statusrelay is restarted")
    }
    for warning in warnings { log.warning("\(warning)") }
    do throws(OutboxError) {
      try await relay.reload(new)
    } catch {
      return .failed(reason: error.description)
    }
    return .done(accounts: new.accounts.count, destinations: new.destinations.count, warnings: warnings)
  }
}
