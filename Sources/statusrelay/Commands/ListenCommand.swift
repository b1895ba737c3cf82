import ArgumentParser
import Foundation
import GreenAPI
import Logging
import Relay
import RelayCore
import ServiceLifecycle

/// `statusrelay listen`: a webhook consumer to look at deliveries with.
struct ListenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "listen",
    abstract: "Listens as a webhook consumer; prints and verifies what it gets.",
    discussion: """
      Takes notifications on any path, prints one line for each, and says whether it is the first, a repeat or out of order, and \
      whether its token and its signature are right. What is wrong is answered 400 or 401, as a strict consumer does. With --fail-rate, \
      --delay and --status-code it misbehaves, to see what the relay makes of it. Ends on SIGINT and SIGTERM.
      """)

  @Option(
    help: ArgumentHelp(
      "The address to listen on; port 0: any free one. (default: 127.0.0.1:8467)", valueName: "host:port"),
    transform: ListenAddress.init(argument:))
  var listen = ListenAddress(host: "127.0.0.1", port: 8467)

  @Option(
    help: "The webhookUrlToken to expect: a bearer token, or all of Authorization when it begins with Basic or Bearer.")
  var token: String?

  // Text, as the argument parser would print what it can't transform.
  @Option(help: ArgumentHelp("The signing secret to verify by, whsec_… or whsk_….", valueName: "secret"))
  var secret: String?

  @Option(help: ArgumentHelp("The share of requests to answer with 503, 0 to 1.", valueName: "share"))
  var failRate = 0.0

  @Option(help: "Which requests fail at random: the same seed, the same choices.")
  var seed: UInt64?

  @Option(
    help: ArgumentHelp("The time to wait before each answer, such as 200ms or 5s.", valueName: "duration"),
    transform: DurationText.argument)
  var delay = Duration.zero

  @Option(help: ArgumentHelp("The HTTP status to answer with where nothing is wrong, 200 to 599.", valueName: "status"))
  var statusCode = 200

  @Flag(help: "Print JSON lines, with headers and body (the Authorization header without its secret).")
  var json = false

  func validate() throws {
    _ = try signingSecret
    guard (0...1).contains(failRate) else { throw ValidationError("--fail-rate is \(failRate): expected 0 to 1.") }
    guard (200...599).contains(statusCode) else {
      throw ValidationError("--status-code is \(statusCode): expected 200 to 599.")
    }
  }

  private var signingSecret: SigningSecret? {
    get throws {
      do throws(SigningSecret.Invalid) {
        guard let secret else { return nil }
        return try SigningSecret(Secret(secret))
      } catch {
        throw ValidationError("--secret can't be used: \(error).")
      }
    }
  }

  func run() async throws {
    let reader = OutputReader()
    let desk = ConsumerDesk(
      Consumer.Policy(
        token: token.map(Secret.init), secret: try signingSecret, failRate: failRate, statusCode: statusCode,
        seed: seed ?? UInt64.random(in: 0...UInt64.max))
    ) { [json] receipt in
      let line = json ? ReceiptText.json(receipt) : ReceiptText.line(receipt)
      do { try StandardOutput.write(line + "\n") } catch { reader.hasGone() }
    }
    let server = ConsumerServer(address: listen, desk: desk, delay: delay) { [listen] port in
      tell("listening on http://\(listen.with(port: port))")
    }
    do {
      try await UntilSignal.run(server, reader)
    } catch let failure as ListenFailure {
      complain("\(failure)")
      throw ExitStatus.unavailable
    }
    tell(ReceiptText.summary(await desk.tally))
  }
}

/// Ends the group of services it is in once nobody reads stdout any more.
struct OutputReader: Service {
  private let news: AsyncStream<Never>
  private let continuation: AsyncStream<Never>.Continuation

  init() { (news, continuation) = AsyncStream.makeStream() }

  func hasGone() { continuation.finish() }

  func run() async throws { for await _ in news.cancelOnGracefulShutdown() {} }
}
