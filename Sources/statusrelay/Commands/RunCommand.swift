import ArgumentParser
import Foundation
import Logging
import NIOConcurrencyHelpers
import Relay
import RelayAdmin
import RelayStore
import ServiceLifecycle
import Systemd

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
    let environment = ProcessInfo.processInfo.environment
    let notify = NotifySocket(environment["NOTIFY_SOCKET"])
    let restarts = RestartDelay(environment)
    do {
      try await start(notify, restarts)
      restarts?.forget()
    } catch let code as ExitCode where code == ExitStatus.configuration {
      restarts?.forget()
      throw code
    }
  }

  private func start(_ notify: NotifySocket?, _ restarts: RestartDelay?) async throws {
    let configuration = try options.load()
    let writer = LogWriter(configuration.log)
    do {
      try await start(configuration, writer, notify, restarts)
    } catch {
      await writer.flush()
      throw error
    }
    await writer.flush()
  }

  private func start(
    _ configuration: RelayConfiguration, _ writer: LogWriter, _ notify: NotifySocket?, _ restarts: RestartDelay?
  ) async throws {
    let handler = RelayLogHandler(level: configuration.log.level) { writer.append($0) }
    let log = Logger(label: "statusrelay") { _ in handler }
    for warning in configuration.warnings { log.warning("\(warning)") }
    guard try await wait(restarts, notify, log) else { return }
    DescriptorLimit.raise()
    let outbox: SQLiteOutbox
    do throws(OutboxError) {
      outbox = try await SQLiteOutbox.open(configuration.storeConfiguration)
    } catch {
      throw error.complained()
    }
    try await serve(configuration, outbox, writer, notify, log)
  }

  /// - Returns: `false` when it was told to end meanwhile.
  private func wait(_ restarts: RestartDelay?, _ notify: NotifySocket?, _ log: Logger) async throws -> Bool {
    guard let delay = await restarts?.begin(), delay > .zero else { return true }
    // Said when a signal would end it already.
    let pause = Pause(duration: delay) {
      notify?.send(
        .status("waiting \(delay.formatted), as the last starts ended badly"), .extendTimeout(delay + .seconds(90)))
      log.warning("the last starts ended badly: waiting \(delay.formatted) before this one")
    }
    try await UntilSignal.run(pause)
    return pause.isOver
  }

  private func serve(
    _ configuration: RelayConfiguration, _ outbox: SQLiteOutbox, _ writer: LogWriter, _ notify: NotifySocket?,
    _ log: Logger
  ) async throws {
    do {
      let time = SystemTime(notBefore: try await outbox.latestSteadyTime())
      if time.clockWentBackwards {
        log.warning("the clock stands before the outbox's latest entry; asking GREEN-API for the whole journal once")
      }
      log.notice(
        "statusrelay \(Version.number) starts",
        metadata: [
          "accounts": "\(configuration.accounts.count)", "destinations": "\(configuration.destinations.count)",
          "stateDirectory": "\(configuration.stateDirectory)",
        ])
      let (starts, started) = AsyncStream<Void>.makeStream()
      let relay = try Relay(
        configuration: configuration, outbox: outbox, time: time, trustsClock: !time.clockWentBackwards, log: log,
        lostLogLines: { writer.lost }, onStart: { started.yield() })
      let notifier = notify.map { notify in
        let environment = ProcessInfo.processInfo.environment
        let watchdog = Watchdog(microseconds: environment["WATCHDOG_USEC"], process: environment["WATCHDOG_PID"])
        return ServiceNotifier(relay: relay, notify: notify, watchdog: watchdog, starts: starts, log: log)
      }
      let reloader = Reloader(relay: relay, running: configuration, options: options, notify: notify, log: log)
      try await group(relay, time, configuration, reloader, notifier, log).run()
    } catch let error as OutboxError {
      throw error.complained()
    }
  }

  private func group(
    _ relay: Relay, _ time: SystemTime, _ configuration: RelayConfiguration, _ reloader: Reloader,
    _ notifier: ServiceNotifier?, _ log: Logger
  ) -> ServiceGroup {
    let reload: @Sendable () async -> Reload = { await reloader.reload() }
    let socket = configuration.stateDirectory + "/" + AdminServer.socketName
    var services: [any Service] = [
      AdminServer(relay: relay, time: time, address: .unixSocket(path: socket), reload: reload, log: log)
    ]
    if case .address(let host, let port) = configuration.admin.listen {
      let address = AdminServer.Address.tcp(host: host, port: port, token: configuration.admin.token)
      services.append(AdminServer(relay: relay, time: time, address: address, reload: reload, log: log))
    }
    // Ended in reverse: the service manager hears of it at once, and the admin API answers until the relay has ended.
    services.append(relay)
    services.append(ReloadService(reloader: reloader))
    if let notifier { services.append(notifier) }
    var quiet = log
    quiet.logLevel = .warning
    var group = ServiceGroupConfiguration(
      services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
    group.maximumGracefulShutdownDuration = .seconds(30)
    return ServiceGroup(configuration: group)
  }
}

/// Ends after a time.
private final class Pause: Service {
  private let duration: Duration
  private let begin: @Sendable () -> Void
  private let over = NIOLockedValueBox(false)

  init(duration: Duration, _ begin: @escaping @Sendable () -> Void) {
    self.duration = duration
    self.begin = begin
  }

  var isOver: Bool { over.withLockedValue { $0 } }

  func run() async throws {
    begin()
    try? await cancelWhenGracefulShutdown { try await Task.sleep(for: self.duration) }
    over.withLockedValue { $0 = !Task.isShuttingDownGracefully }
  }
}

extension RelayConfiguration {
  var storeConfiguration: SQLiteOutbox.Configuration {
    SQLiteOutbox.Configuration(
      directory: stateDirectory, synchronous: outbox.synchronous == .full ? .full : .normal)
  }
}
