import ArgumentParser
import Foundation
import GreenAPI
import Logging
import Relay
import RelayStore
import ServiceLifecycle

/// The relay's own services in a process of their own, with the durability and the log level they have by default. The log goes to a file.
final class RelayProcess {
  let process: ChildProcess

  /// - Parameter accounts: how many there are to be of the configuration's first one, with ids that count up from its own: a file can't
  ///   name ten thousand.
  init(configuration: String, in directory: String, accounts: Int = 1) throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let path = directory + "/config.yaml"
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: path))
    process = try ChildProcess(["relay", path, "--accounts", "\(accounts)"], errorFile: directory + "/relay.log")
  }
}

struct RelayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "relay", shouldDisplay: false)

  @Argument var config: String
  @Option var accounts = 1

  func run() async throws {
    var configuration = try RelayConfiguration.load(.file(path: config))
    let first = configuration.accounts[0]
    configuration.accounts = (0..<Int64(accounts)).compactMap { number in
      var account = first
      guard let idInstance = IDInstance(rawValue: first.idInstance.rawValue + number) else { return nil }
      account.idInstance = idInstance
      return account
    }
    let writer = LogWriter(configuration.log)
    let log = Logger(label: "statusrelay") { _ in
      RelayLogHandler(level: configuration.log.level) { writer.append($0) }
    }
    let outbox = try await SQLiteOutbox.open(.init(directory: configuration.stateDirectory))
    let relay = try Relay(configuration: configuration, outbox: outbox, time: SystemTime(), log: log)
    ChildProcess.endWithParent()
    var quiet = log
    quiet.logLevel = .error
    try await ServiceGroup(services: [relay], logger: quiet).run()
  }
}
