import ArgumentParser
import CBenchPeer
import Foundation
import Relay

/// Bare libcurl in a process of its own, which makes the requests that the relay makes: see `bench_receive.h`.
struct ReceiveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "receive", shouldDisplay: false)

  @Argument var url: String
  @Option var accounts: UInt32 = 1
  @Option(help: "Milliseconds.") var period: UInt32 = 1000

  /// - Parameter interval: seconds between an account's requests.
  static func start(at source: Peer, accounts: Int = 1, interval: Int = 1) throws -> ChildProcess {
    try ChildProcess(["receive", source.url, "--accounts", "\(accounts)", "--period", "\(interval * 1000)"])
  }

  func run() throws {
    let code = url.withCString { url in
      Version.userAgent.withCString { userAgent in
        var options = bench_receive_options(
          url: url, user_agent: userAgent, first_id: UInt64(Workload.idInstance), accounts: accounts,
          period_ms: period)
        return bench_receive(&options)
      }
    }
    if code != 0 { throw BenchFailure("libcurl can't receive: \(String(cString: strerror(code)))") }
  }
}
