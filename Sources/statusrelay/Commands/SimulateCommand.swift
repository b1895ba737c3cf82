import ArgumentParser
import Foundation
import GreenAPI
import GreenAPISimulator
import Relay
import ServiceLifecycle

/// `statusrelay simulate`: the simulator alone.
struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Runs a simulated GREEN-API to try things against.",
    discussion: """
      It has one account. Statuses are posted through GREEN-API's sendTextStatus or through the simulator's control API, which can also \
      move them on and make answers fail; --post-every posts some by itself. Ends on SIGINT and SIGTERM.

      The fault "error" answers with one of GREEN-API's errors: \(names(of: ErrorAnswer.self)). Its "form" is one of \
      \(names(of: ErrorAnswer.Form.self)): as GREEN-API answers it, in JSON, or as a 200 with {"status":false,"reason":"…"}. Such as:

      curl -X PUT -d '[{"fault":"error","error":"expired","times":3}]' \
      http://127.0.0.1:8468/control/instances/1101000001/faults
      """)

  private static func names<Name: CaseIterable & RawRepresentable<String>>(of type: Name.Type) -> String {
    type.allCases.map(\.rawValue).joined(separator: ", ")
  }

  @Option(
    help: ArgumentHelp(
      "The address to listen on; port 0: any free one. (default: 127.0.0.1:8468)", valueName: "host:port"),
    transform: ListenAddress.init(argument:))
  var listen = ListenAddress(host: "127.0.0.1", port: 8468)

  @Option(
    help: "The account's idInstance, 1 to 18 digits. (default: 1101000001)",
    transform: { text in
      guard let id = IDInstance(text) else {
        throw ValidationError("'\(text)' is no idInstance: expected a number of 1 to 18 digits.")
      }
      return id
    })
  var idInstance: IDInstance = 1_101_000_001

  @Option(help: "The account's apiTokenInstance.")
  var token = "simulated-token"

  @Flag(help: "Answer 429 above one request a second for each method, as GREEN-API does.")
  var rateLimit = false

  @Option(
    help: ArgumentHelp("Post a status by itself so often, such as 10s.", valueName: "duration"),
    transform: DurationText.argument)
  var postEvery: Duration?

  func validate() throws {
    guard token.wholeMatch(of: #/[A-Za-z0-9._~\-]+/#) != nil else {
      throw ValidationError("--token stands in URLs: expected letters, digits, '.', '_', '~' and '-' only.")
    }
    if let postEvery, postEvery < .milliseconds(100) { throw ValidationError("--post-every is below 100ms.") }
  }

  func run() async throws {
    let server = SimulatorServer(
      configuration: SimulatorServer.Configuration(
        host: listen.host, port: listen.port,
        simulator: Simulator.Configuration(requestsPerSecond: rateLimit ? 1 : nil)))
    try await server.simulator.addInstance(idInstance, token: Secret(token))
    let guide = SimulatorGuide(address: listen, idInstance: idInstance, token: token, server: server)
    do {
      if let postEvery {
        try await UntilSignal.run(
          server, guide, PostingService(simulator: server.simulator, idInstance: idInstance, interval: postEvery))
      } else {
        try await UntilSignal.run(server, guide)
      }
    } catch let error as SimulatorError {
      complain("\(error)")
      throw ExitStatus.unavailable
    }
  }
}

/// Says how to use the simulator once it listens.
private struct SimulatorGuide: Service {
  let address: ListenAddress
  let idInstance: IDInstance
  let token: String
  let server: SimulatorServer

  func run() async throws {
    // When it can't listen, the server itself says why.
    if let port = try? await server.boundPort { tell(text(port: port)) }
    try await gracefulShutdown()
  }

  private func text(port: Int) -> String {
    let apiURL = "http://\(address.with(port: port))"
    let warning =
      address.isLoopback
      ? "" : "\nwarning: whoever reaches this address can use the control API, which asks for no password\n"
    return """
      a simulated GREEN-API listens on \(apiURL)
      \(warning)
        apiUrl:           \(apiURL)
        idInstance:       \(idInstance)
        apiTokenInstance: \(token)

      Post a status (it is sent after 1 s, delivered 3 s later and read 5 s after that), and ask for all of them:
        curl -H 'Content-Type: application/json' -d '{"message":"Hello"}' \(apiURL)/waInstance\(idInstance)/sendTextStatus/\(token)
        curl \(apiURL)/waInstance\(idInstance)/getOutgoingStatuses/\(token)

      Post one that skips a state, make the next three polls fail, and look at what was shown:
        curl -d '{"text":"Hi","script":[{"after":2,"status":"sent"},{"after":3,"status":"read"}]}' \(apiURL)/control/instances/\(idInstance)/messages
        curl -X PUT -d '[{"fault":"status","status":503,"times":3}]' \(apiURL)/control/instances/\(idInstance)/faults
        curl \(apiURL)/control/shown
      """
  }
}

/// Posts statuses in an even rhythm.
private struct PostingService: Service {
  let simulator: Simulator
  let idInstance: IDInstance
  let interval: Duration

  func run() async throws {
    try? await cancelWhenGracefulShutdown {
      var count = 0
      while true {
        count += 1
        let idMessage = try await simulator.post(Post(.text("Simulated status \(count)")), on: idInstance)
        tell("posted \(idMessage)")
        try await Task.sleep(for: interval)
      }
    }
  }
}
