import Foundation
import GreenAPI
import Hummingbird
import HummingbirdCore
import Logging
import ServiceLifecycle

/// A ``Simulator`` behind HTTP: GREEN-API's methods under their documented paths, and the control API under `/control`.
///
/// It serves whoever can reach it, without a password on `/control`: listen on loopback, or where only friends are.
/// Nothing it logs holds a token.
public final class SimulatorServer: Service {
  public struct Configuration: Sendable {
    public var host: String
    /// 0: any free one, told by ``SimulatorServer/boundPort``.
    public var port: Int
    public var simulator: Simulator.Configuration

    public init(
      host: String = "127.0.0.1", port: Int = 0, simulator: Simulator.Configuration = Simulator.Configuration()
    ) {
      self.host = host
      self.port = port
      self.simulator = simulator
    }
  }

  /// To post, advance, spoil and observe from within the process.
  public let simulator: Simulator

  private let configuration: Configuration
  private let logger: Logger
  private let port = BoundPort()

  /// A larger request isn't read.
  private static let maximumRequestSize = 1_048_576

  /// - Parameter now: The clock of GREEN-API's side.
  public init(
    configuration: Configuration = Configuration(),
    logger: Logger = Logger(label: "statusrelay.simulator") { _ in
      SwiftLogNoOpLogHandler()
    }, now: @escaping @Sendable () -> Date = { Date.now }
  ) {
    self.configuration = configuration
    self.logger = logger
    simulator = Simulator(configuration: configuration.simulator, now: now)
  }

  /// The port it listens on; waits until it does.
  /// - Throws: ``SimulatorError`` when it can't listen or has ended before.
  public var boundPort: Int {
    get async throws { try await port.value }
  }

  /// What to put into an account's `apiUrl`; waits until it listens.
  public var apiURL: String {
    get async throws {
      let isIPv6 = configuration.host.contains(":")
      return "http://\(isIPv6 ? "[\(configuration.host)]" : configuration.host):\(try await boundPort)"
    }
  }

  /// Serves until it is cancelled or shut down gracefully; answers that hang or trickle are broken off then.
  /// - Throws: ``SimulatorError/cannotListen(host:port:reason:)``.
  public func run() async throws {
    defer { port.settle(.failure(SimulatorError.stopped)) }
    let control = ControlAPI(simulator).responder()
    let server = try HTTPServerBuilder.http1().buildServer(
      configuration: ServerConfiguration(address: .hostname(configuration.host, port: configuration.port)),
      eventLoopGroup: EventLoopGroupProvider.singleton.eventLoopGroup, logger: logger
    ) { [simulator, logger] request, writer, channel in
      var request = request
      let body = try await request.collectBody(upTo: Self.maximumRequestSize)
      if request.uri.path == "/control" || request.uri.path.hasPrefix("/control/") {
        let context = ControlContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
        let response = try await control.respond(to: request, context: context)
        try await writer.write(response: response.head, body: response.body)
      } else {
        try await Self.answer(request, body: body, by: simulator, to: writer) { channel.close(promise: nil) }
      }
    } onServerRunning: { [port] channel in
      port.settle(channel.localAddress?.port.map { .success($0) } ?? .failure(SimulatorError.stopped))
    }
    do {
      try await server.run()
    } catch let error as CancellationError {
      throw error
    } catch {
      let failure = SimulatorError.cannotListen(
        host: configuration.host, port: configuration.port, reason: "\(error)")
      port.settle(.failure(failure))
      throw failure
    }
  }

  private static func answer(
    _ request: Request, body: ByteBuffer, by simulator: Simulator, to writer: consuming ResponseWriter,
    closeConnection: @escaping @Sendable () -> Void
  ) async throws {
    var query: [String: String] = [:]
    for (name, value) in request.uri.queryParameters { query[String(name)] = String(value) }
    let methodRequest = MethodRequest(
      path: request.uri.path, isPost: request.method == .post, query: query, body: Array(body.readableBytesView))
    let (answer, date) =
      if let methodRequest {
        await simulator.answer(methodRequest)
      } else {
        (Answer(status: 404, text: "Not Found"), Date.now)
      }
    let answerWriter = AnswerWriter(
      answer: answer, date: date, willFinish: { await simulator.noteShown(answer) }, closeConnection: closeConnection)
    try await answerWriter.write(to: writer, request: request)
  }
}
