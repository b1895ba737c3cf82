import Logging
import ServiceLifecycle
import UnixSignals

/// Runs services in the foreground.
enum UntilSignal {
  /// Returns after SIGINT, SIGTERM or SIGHUP, or when one of the services has ended by itself; throws what one of them throws.
  /// - Parameter patience: how long they may take to end.
  static func run(_ services: any Service..., patience: Duration = .seconds(5)) async throws {
    let configured = services.map {
      ServiceGroupConfiguration.ServiceConfiguration(service: $0, successTerminationBehavior: .gracefullyShutdownGroup)
    }
    let quiet = Logger(label: "statusrelay") { _ in SwiftLogNoOpLogHandler() }
    var group = ServiceGroupConfiguration(
      services: configured, gracefulShutdownSignals: [.sigint, .sigterm, .sighup], logger: quiet)
    // A client that keeps its connection open must not keep the command from ending.
    group.maximumGracefulShutdownDuration = patience
    try await ServiceGroup(configuration: group).run()
  }
}
