import Foundation
import TestServers
import Testing

/// `statusrelay run` under a service manager, as far as a socket can play one.
@Suite struct ServiceManagerTests {
  private static func run(
    _ more: [String: String] = [:], _ body: (RunStage, StatusrelayProcess, DatagramReceiver) async throws -> Void
  ) async throws {
    try await RunStage.with { stage in
      let name = "@statusrelay-\(UUID().uuidString)"
      let manager = DatagramReceiver(name)
      defer { manager.stop() }
      let environment = ["NOTIFY_SOCKET": name].merging(more) { $1 }
      try await withStatusrelay("run", "--config", stage.configurationPath, environment: environment) { relay in
        try await body(stage, relay, manager)
      }
    }
  }

  private static func said(_ text: String, to manager: DatagramReceiver) async throws {
    try await Self.eventually { manager.texts.contains { $0.contains(text) } }
  }

  @Test("It is ready when it polls and delivers, says in words how it is, and that it stops")
  func life() async throws {
    try await Self.run { stage, relay, manager in
      try await Self.said("READY=1", to: manager)
      #expect(manager.texts[0].hasPrefix("READY=1\nSTATUS=1 account polled, 1 destination served"))
      let pause = try await StatusrelayProcess.run(
        "destinations", "pause", "consumer", "--state-directory", stage.stateDirectory)
      #expect(pause.exit == .code(0))
      try await Self.said("Trouble: destination consumer is paused", to: manager)
      #expect(!manager.texts.contains { $0.contains("WATCHDOG") })
      relay.send(SIGTERM)
      #expect(try await relay.result().exit == .code(0))
      #expect(manager.texts.last?.hasPrefix("STOPPING=1\n") == true)
    }
  }

  @Test("What can't start is never said to be ready")
  func neverReady() async throws {
    try await RunStage.with { stage in
      let name = "@statusrelay-\(UUID().uuidString)"
      let manager = DatagramReceiver(name)
      defer { manager.stop() }
      try "a file".write(to: stage.stateDirectory)
      let end = try await StatusrelayProcess.run(
        "run", "--config", stage.configurationPath, environment: ["NOTIFY_SOCKET": name])
      #expect(end.exit == .code(73))
      #expect(manager.texts.isEmpty)
    }
  }

  @Test("The watchdog is fed while all goes on, and not by a stopped process")
  func watchdog() async throws {
    try await Self.run(["WATCHDOG_USEC": "500000"]) { _, relay, manager in
      try await Self.eventually { manager.texts.count { $0 == "WATCHDOG=1" } >= 3 }
      relay.send(SIGTERM)
      #expect(try await relay.result().exit == .code(0))
    }
  }

  @Test("A reload is announced and ended, by a signal or by the command; a bad one says so, and exits with 78")
  func reload() async throws {
    try await Self.run { stage, relay, manager in
      try await Self.said("READY=1", to: manager)
      relay.send(SIGHUP)
      try await Self.said("RELOADING=1\nMONOTONIC_USEC=", to: manager)
      try await Self.eventually { manager.texts.count { $0.hasPrefix("READY=1\n") } == 2 }

      try stage.configure(stage.usualConfiguration.replacing("name: consumer", with: "name: elsewhere"))
      let good = try await StatusrelayProcess.run("reload", "--state-directory", stage.stateDirectory)
      #expect(good.exit == .code(0))
      #expect(good.output == "The configuration is in force: accounts 1, destinations 1.\n")
      try await stage.post("A")
      try await stage.arrived(1)

      try stage.configure(stage.usualConfiguration.replacing("startFrom: beginning", with: "startForm: beginning"))
      let bad = try await StatusrelayProcess.run("reload", "--state-directory", stage.stateDirectory)
      #expect(bad.exit == .code(78))
      #expect(bad.error.contains("startForm") && bad.error.contains("startFrom"), "\(bad.error)")
      #expect(bad.error.contains("the one in force stays"))
      #expect(manager.texts.last?.hasPrefix("READY=1\nSTATUS=The configuration is invalid") == true)
      try await stage.post("B")
      try await stage.arrived(2)
      relay.send(SIGTERM)
      #expect(try await relay.result().exit == .code(0))
    }
  }

  @Test("Nobody runs: reload says so")
  func nobody() async throws {
    try await withTemporaryDirectory { directory in
      let end = try await StatusrelayProcess.run("reload", "--state-directory", directory)
      #expect(end.exit == .code(69))
    }
  }

  @Test("A start after several bad ones waits, says so, and ends at once when told to")
  func restartDelay() async throws {
    try await RunStage.with { stage in
      let name = "@statusrelay-\(UUID().uuidString)"
      let manager = DatagramReceiver(name)
      defer { manager.stop() }
      let runtime = stage.directory + "/run"
      try FileManager.default.createDirectory(atPath: runtime, withIntermediateDirectories: true)
      let environment = ["NOTIFY_SOCKET": name, "RUNTIME_DIRECTORY": runtime]
      var time = timespec()
      clock_gettime(CLOCK_BOOTTIME, &time)
      try "{\"count\": 9, \"at\": \(time.tv_sec)}".write(to: runtime + "/starts.json")
      try await withStatusrelay("run", "--config", stage.configurationPath, environment: environment) { relay in
        try await relay.line(containing: "the last starts ended badly: waiting ")
        try await Self.said("EXTEND_TIMEOUT_USEC=346000000", to: manager)
        relay.send(SIGTERM)
        #expect(try await relay.result().exit == .code(0))
      }
      #expect(!FileManager.default.fileExists(atPath: runtime + "/starts.json"))
    }
  }

  private static func eventually(_ isSo: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try await !isSo() {
      try #require(ContinuousClock.now < deadline, "it never came")
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}
