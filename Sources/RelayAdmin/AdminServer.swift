import Foundation
import GreenAPI
import Hummingbird
import HummingbirdCore
import Logging
import Relay
import ServiceLifecycle

/// The relay's admin API over HTTP, on the Unix socket `control.sock` in the state directory or on a TCP address.
///
/// That it can't listen never stops the relay: the reason is logged, and it tries again until it can.
public struct AdminServer: Service {
  public enum Address: Sendable, Hashable {
    /// Mode 0600: whoever may write to the socket may steer the relay.
    case unixSocket(path: String)
    /// With a token, every request but `/healthz` must carry it as `Authorization: Bearer`. Without one, what a web page may have sent
    /// is refused.
    case tcp(host: String, port: Int, token: Secret?)
  }

  private let relay: Relay
  private let time: any Timekeeper
  private let address: Address
  private let reload: (@Sendable () async -> Reload)?
  private let log: Logger

  /// The socket's name in the state directory.
  public static let socketName = "control.sock"
  private static let retryInterval = Duration.seconds(30)
  /// More wait to be accepted: visitors must not use up the descriptors that polls and deliveries need.
  private static let mostConnections = 64
  /// For a connection on which no request is being answered.
  private static let idleSeconds: Int64 = 60

  /// - Parameters:
  ///   - time: the relay's own.
  ///   - reload: reads the configuration anew; without it there is no such request.
  public init(
    relay: Relay, time: any Timekeeper, address: Address, reload: (@Sendable () async -> Reload)? = nil, log: Logger
  ) {
    self.reload = reload
    self.relay = relay
    self.time = time
    self.address = address
    self.log = log
  }

  public func run() async throws {
    var isFirst = true
    while !Task.isCancelled, !Task.isShuttingDownGracefully {
      do {
        try await listen()
        return
      } catch {
        if isFirst {
          log.error("the admin API can't listen on \(address): \(error). The relay works all the same; trying again")
        }
        isFirst = false
        try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.retryInterval) }
      }
    }
  }

  private func listen() async throws {
    var quiet = log
    quiet.logLevel = .error
    if case .unixSocket(let path) = address {
      // A relay that was killed leaves its socket behind. The outbox's lock says that no other relay lives here.
      try? FileManager.default.removeItem(atPath: path)
    }
    let application = Application(
      router: AdminRouter(relay: relay, time: time, access: address.access, reload: reload).router,
      server: .http1(configuration: .init(idleTimeout: .seconds(Self.idleSeconds))),
      configuration: ApplicationConfiguration(
        address: address.bindAddress, serverName: "statusrelay",
        availableConnectionsDelegate: MaximumAvailableConnections(Self.mostConnections)),
      onServerRunning: { [address, log] channel in
        if case .unixSocket(let path) = address { chmod(path, 0o600) }
        log.debug("the admin API listens on \(address.with(port: channel.localAddress?.port))")
      }, logger: quiet)
    // The application's own `run` would trap signals, which are the service group's.
    try await application.run()
    if case .unixSocket(let path) = address { try? FileManager.default.removeItem(atPath: path) }
  }
}

extension AdminServer.Address: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unixSocket(let path): path
    case .tcp(let host, let port, _): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
  }

  /// With the port that port 0 has become.
  fileprivate func with(port: Int?) -> Self {
    guard case .tcp(let host, _, let token) = self, let port else { return self }
    return .tcp(host: host, port: port, token: token)
  }

  fileprivate var access: AdminAccess {
    switch self {
    case .unixSocket: .everyone
    case .tcp(_, _, let token?): .bearers(of: token)
    case .tcp: .localPrograms
    }
  }

  fileprivate var bindAddress: BindAddress {
    switch self {
    case .unixSocket(let path): .unixDomainSocket(path: path)
    case .tcp(let host, let port, _): .hostname(host, port: port)
    }
  }
}
