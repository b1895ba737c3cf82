import Foundation
import TestServers
import Testing

/// `statusrelay run` as a process: how it starts, refuses to, reloads and ends.
@Suite struct RunTests {
  @Test(
    "SIGTERM and SIGINT end it with 0, after the attempt under way has ended and is recorded",
    arguments: [SIGTERM, SIGINT])
  func endsCleanly(_ signal: Int32) async throws {
    try await RunStage.with { stage in
      let gate = DispatchSemaphore(value: 0)
      stage.answer { connection in
        gate.wait()
        connection.answer()
      }
      try await stage.post("A")
      try await withStatusrelay("run", "--config", stage.configurationPath) { relay in
        try await stage.arrived(1)
        relay.send(signal)
        try await relay.line(containing: "stopping")
        gate.signal()
        let end = try await relay.result()
        #expect(end.exit == .code(0))
        #expect(end.output.isEmpty)
        #expect(end.error.contains("delivered"))
      }
      // Nothing is left to do for the next one.
      try await stage.post("B")
      try await withStatusrelay("run", "--config", stage.configurationPath) { relay in
        gate.signal()
        try await stage.arrived(2)
        relay.send(signal)
        #expect(try await relay.result().exit == .code(0))
      }
      #expect(stage.arrivals == ["A sent", "B sent"])
    }
  }

  @Test("A second relay on the same state directory ends with 73 and says what to do; the first goes on")
  func stateDirectoryInUse() async throws {
    try await RunStage.with { stage in
      try await withStatusrelay("run", "--config", stage.configurationPath) { relay in
        try await relay.line(containing: "account healthy")
        let second = try await StatusrelayProcess.run("run", "--config", stage.configurationPath)
        #expect(second.exit == .code(73))
        #expect(second.output.isEmpty)
        #expect(second.error.contains(stage.stateDirectory))
        #expect(second.error.lowercased().contains("another statusrelay"), "\(second.error)")
        try await stage.post("A")
        try await stage.arrived(1)
        #expect(relay.exit == nil)
      }
    }
  }

  @Test("A bad configuration ends with 78, names every error with its place, and starts nothing")
  func badConfiguration() async throws {
    try await RunStage.with { stage in
      try stage.configure(
        """
        stateDirectory: \(stage.stateDirectory)
        admin: {listen: none}
        acounts: []
        accounts:
          - idInstance: none
            apiTokenInstance: t0kenThatIsSecret
            poll: {interval: 5 bananas}
        destinations:
          - {name: crm, url: "ftp://crm.example.com/"}
          - {name: crm, url: "http://127.0.0.1:1/"}
        """)
      let end = try await StatusrelayProcess.run("run", "--config", stage.configurationPath)
      #expect(end.exit == .code(78))
      #expect(end.output.isEmpty)
      for place in [":3:1: ", ":5:", ":7:", ":9:", ":10:"] {
        #expect(end.error.contains("statusrelay.yaml\(place)"), "\(place) in:\n\(end.error)")
      }
      #expect(end.error.contains("accounts"))
      #expect(!end.error.contains("t0kenThatIsSecret"))
      #expect(!FileManager.default.fileExists(atPath: stage.stateDirectory))
    }
  }

  @Test("A state directory that can't be made ends with 73 and its name")
  func unusableStateDirectory() async throws {
    try await RunStage.with { stage in
      try "".write(to: stage.stateDirectory)
      let end = try await StatusrelayProcess.run("run", "--config", stage.configurationPath)
      #expect(end.exit == .code(73))
      #expect(end.error.contains(stage.stateDirectory))
    }
  }

  @Test("SIGHUP takes over a good configuration, and leaves the one in force when the new one is bad")
  func reloads() async throws {
    try await RunStage.with { stage in
      try await withStatusrelay("run", "--config", stage.configurationPath) { relay in
        try await stage.post("A")
        try await stage.arrived(1)

        try stage.configure("accounts: [\n")
        relay.send(SIGHUP)
        try await relay.line(containing: "the configuration was not reloaded; the one in force stays")
        #expect(relay.printed(on: .error).contains("statusrelay.yaml:"))
        try await stage.post("B")
        try await stage.arrived(2)

        try stage.configure(stage.usualConfiguration.replacing("/webhook", with: "/moved"))
        relay.send(SIGHUP)
        try await relay.line(containing: "configuration taken over")
        try await stage.post("C")
        try await stage.arrived(3)
        relay.send(SIGTERM)
        #expect(try await relay.result().exit == .code(0))
      }
      #expect(stage.arrivals == ["A sent", "B sent", "C sent"])
      #expect(stage.requests.map(\.line) == ["webhook", "webhook", "moved"].map { "POST /\($0) HTTP/1.1" })
    }
  }

  @Test("An occupied admin port is reported, and the relay works without it")
  func occupiedAdminPort() async throws {
    let occupant = ScriptedServer { $0.waitForClose() }
    defer { occupant.stop() }
    try await RunStage.with { stage in
      try stage.configure(
        stage.usualConfiguration.replacing("listen: none", with: "listen: 127.0.0.1:\(occupant.port)"))
      try await stage.post("A")
      try await withStatusrelay("run", "--config", stage.configurationPath) { relay in
        try await relay.line(containing: "\(occupant.port)")
        try await stage.arrived(1)
        relay.send(SIGTERM)
        #expect(try await relay.result().exit == .code(0))
      }
    }
  }
}
