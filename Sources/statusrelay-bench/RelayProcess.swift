import ArgumentParser
import Foundation
import Logging
import Relay
import RelayStore
import ServiceLifecycle

/// The relay's own services in a process of their own, with the durability they have by default.
final class RelayProcess {
  let process: ChildProcess

  init(configuration: String, in directory: String) throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let path = directory + "/config.yaml"
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: path))
    process = try ChildProcess(["relay", path])
  }
}

struct RelayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "relay", shouldDisplay: false)

  @Argument var config: String

  func run() async throws {
    let configuration = try RelayConfiguration.load(.file(path: config))
    let log = Logger(label: "statusrelay") { _ in RelayLogHandler(configuration.log) }
    let outbox = try await SQLiteOutbox.open(.init(directory: configuration.stateDirectory))
    let relay = try Relay(configuration: configuration, outbox: outbox, time: SystemTime(), log: log)
    ChildProcess.endWithParent()
    var quiet = log
    quiet.logLevel = .error
    try await ServiceGroup(services: [relay], logger: quiet).run()
  }
}
