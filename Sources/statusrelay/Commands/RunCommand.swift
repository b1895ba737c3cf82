import ArgumentParser
import Foundation
import Logging
import Relay
import RelayAdmin
import RelayStore
import ServiceLifecycle

/// `statusrelay run`: the daemon.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs the relay in the foreground.",
    discussion: """
      SIGTERM and SIGINT end it cleanly: attempts under way get up to 15 s. SIGHUP reloads the configuration; an invalid one is \
      reported and the old one stays. Logs go to stderr.
      """)

  @OptionGroup var options: ConfigurationOption

  func run() async throws {
    let configuration = try options.load()
    let log = Logger(label: "statusrelay") { _ in RelayLogHandler(configuration.log) }
    for warning in configuration.warnings { log.warning("\(warning)") }
    DescriptorLimit.raise()
    let outbox: SQLiteOutbox
    do throws(OutboxError) {
      outbox = try await SQLiteOutbox.open(configuration.storeConfiguration)
    } catch {
      throw error.complained()
    }
    try await serve(configuration, outbox, log)
  }

  private func serve(_ configuration: RelayConfiguration, _ outbox: SQLiteOutbox, _ log: Logger) async throws {
    do {
      let time = SystemTime(notBefore: try await outbox.latestSteadyTime())
      if time.clockWentBackwards {
        log.warning("the clock stands before the outbox's latest entry; asking GREEN-API for the whole journal once")
      }
      let relay = try Relay(
        configuration: configuration, outbox: outbox, time: time, trustsClock: !time.clockWentBackwards, log: log)
      log.notice(
        "statusrelay \(Version.number) starts",
        metadata: [
          "accounts": "\(configuration.accounts.count)", "destinations": "\(configuration.destinations.count)",
          "stateDirectory": "\(configuration.stateDirectory)",
        ])
      try await group(relay, time, configuration, log).run()
    } catch let error as OutboxError {
      throw error.complained()
    }
  }

  private func group(
    _ relay: Relay, _ time: SystemTime, _ configuration: RelayConfiguration, _ log: Logger
  ) -> ServiceGroup {
    let socket = configuration.stateDirectory + "/" + AdminServer.socketName
    var services: [any Service] = [AdminServer(relay: relay, time: time, address: .unixSocket(path: socket), log: log)]
    if case .address(let host, let port) = configuration.admin.listen {
      services.append(
        AdminServer(
          relay: relay, time: time, address: .tcp(host: host, port: port, token: configuration.admin.token), log: log))
    }
    // Ended in reverse: the admin API answers until the relay has ended.
    services.append(relay)
    services.append(ReloadService(relay: relay, running: configuration, options: options, log: log))
    var quiet = log
    quiet.logLevel = .warning
    var group = ServiceGroupConfiguration(
      services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
    group.maximumGracefulShutdownDuration = .seconds(30)
    return ServiceGroup(configuration: group)
  }
}

extension RelayConfiguration {
  var storeConfiguration: SQLiteOutbox.Configuration {
    SQLiteOutbox.Configuration(
      directory: stateDirectory, synchronous: outbox.synchronous == .full ? .full : .normal)
  }
}
