import Foundation
import TestServers
import Testing

/// What the relay talks to stands still for as long as the test wants: the relay goes on with all else, answers, and ends when told to.
@Suite struct StandstillTests {
  private static let posts = 300

  /// At the level that has the most lines.
  private static func configureDebugLog(_ stage: RunStage) throws {
    try stage.configure(stage.usualConfiguration + "\nlog: {level: debug}\n")
  }

  struct Place: Sendable, CustomTestStringConvertible {
    var target: StatusrelayProcess.ErrorTarget
    var testDescription: String { "\(target)" }
  }

  @Test(
    "A log that takes nothing stops nothing: a full pipe, a full disk, no standard error at all",
    arguments: [Place(target: .unread), Place(target: .file("/dev/full")), Place(target: .closed)])
  func log(_ place: Place) async throws {
    try await RunStage.with { stage in
      try Self.configureDebugLog(stage)
      for number in 0..<Self.posts { try await stage.post("M\(number)") }
      let relay = try StatusrelayProcess(["run", "--config", stage.configurationPath], error: place.target)
      try await stage.arrived(Self.posts)
      let status = try await StatusrelayProcess.run("status", "--state-directory", stage.stateDirectory)
      #expect(status.output.contains("1101000001"), "\(status)")
      try await stage.post("later")
      try await stage.arrived(Self.posts + 1)
      relay.send(SIGTERM)
      #expect(try await relay.result().exit == .code(0))
      #expect(Set(stage.arrivals).count == Self.posts + 1 && stage.arrivals.count == Self.posts + 1)
      // What was opened while standard error was closed got no log lines.
      let events = try await StatusrelayProcess.run(
        "events", "--json", "--limit", "1000", "--state-directory", stage.stateDirectory)
      #expect(events.outputLines.count == Self.posts + 1, "\(events.error)")
    }
  }

  @Test("Lines that were lost are counted in the metrics, and told once the pipe is read")
  func lostLines() async throws {
    try await RunStage.with { stage in
      try Self.configureDebugLog(stage)
      // More than the ring and the pipe hold.
      let reading = stage.directory + "/log"
      guard mkfifo(reading, 0o600) == 0 else { throw ChildPipes.Failure("no fifo", errno) }
      let reader = open(reading, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
      let relay = try StatusrelayProcess(["run", "--config", stage.configurationPath], error: .file(reading))
      defer { relay.kill() }
      var posted = 0
      var text = ""
      // At least the lines about each status and each delivery: two for one post.
      while posted < 6000 {
        for _ in 0..<1000 {
          try await stage.post("M\(posted)")
          posted += 1
        }
        try await stage.arrived(posted)
      }
      try await stage.arrived(posted)
      var room = [UInt8](repeating: 0, count: 1 << 16)
      let deadline = ContinuousClock.now + .seconds(60)
      while !text.contains("log lines were lost"), ContinuousClock.now < deadline {
        let count = read(reader, &room, room.count)
        if count > 0 { text += String(decoding: room[..<count], as: UTF8.self) } else { usleep(2000) }
      }
      close(reader)
      #expect(text.contains(" debug\n") || text.contains(" debug, "), "\(text.suffix(2000))")
      relay.send(SIGTERM)
      #expect(try await relay.result().exit == .code(0))
    }
  }

  @Test("A service manager that takes nothing is told that the relay is ready when it does again")
  func serviceManager() async throws {
    try await RunStage.with { stage in
      let name = "@statusrelay-\(UUID().uuidString)"
      let manager = StoppedReceiver(name)
      manager.fill(name)
      try await stage.post("A")
      try await withStatusrelay("run", "--config", stage.configurationPath, environment: ["NOTIFY_SOCKET": name]) {
        relay in
        try await stage.arrived(1)
        relay.send(SIGHUP)
        try await relay.line(containing: "configuration taken over")
        var said: [String] = []
        let deadline = ContinuousClock.now + .seconds(60)
        while !said.contains(where: { $0.hasPrefix("READY=1") }), ContinuousClock.now < deadline {
          said += manager.receiveAll()
          try await Task.sleep(for: .milliseconds(5))
        }
        #expect(said.contains { $0.hasPrefix("READY=1\nSTATUS=1 account polled") }, "\(said)")
        relay.send(SIGTERM)
        #expect(try await relay.result().exit == .code(0))
      }
    }
  }

  @Test("A file of starts that is never read to its end does not keep the relay from starting")
  func startsFile() async throws {
    try await RunStage.with { stage in
      // Whoever opens it waits for a writer, and there is none.
      guard mkfifo(stage.directory + "/starts.json", 0o600) == 0 else { throw ChildPipes.Failure("no fifo", errno) }
      try await stage.post("A")
      try await withStatusrelay(
        "run", "--config", stage.configurationPath, environment: ["RUNTIME_DIRECTORY": stage.directory]
      ) { relay in
        try await stage.arrived(1)
        relay.send(SIGTERM)
        #expect(try await relay.result().exit == .code(0))
      }
    }
  }

  // MARK: With a library that holds up calls

  /// - Parameters:
  ///   - variable: as `stalls.c` has it.
  ///   - body: gets the file that holds calls up while it is there.
  private static func stalling(
    _ variable: String, on stage: RunStage, _ body: (StatusrelayProcess, String) async throws -> Void
  ) async throws {
    let file = stage.directory + "/stalled"
    let environment = ["LD_PRELOAD": StatusrelayProcess.directory + "/libStalls.so", variable: file]
    try await withStatusrelay("run", "--config", stage.configurationPath, environment: environment) { relay in
      try await body(relay, file)
    }
  }

  @Test("A disk that does not answer is said; what was to be recorded is, and is delivered, once it does")
  func disk() async throws {
    try await RunStage.with { stage in
      try await stage.post("A")
      try await Self.stalling("STALLED_DISK", on: stage) { relay, file in
        try await stage.arrived(1)
        try "".write(to: file)
        try await stage.post("B")
        let deadline = ContinuousClock.now + .seconds(60)
        var status = ""
        while !status.contains("the disk has not answered for"), ContinuousClock.now < deadline {
          status = try await StatusrelayProcess.run("status", "--state-directory", stage.stateDirectory).output
        }
        #expect(status.contains("the disk has not answered for"), "\(status)")
        #expect(stage.requests.count == 1)
        unlink(file)
        try await stage.arrived(2)
        relay.send(SIGTERM)
        #expect(try await relay.result().exit == .code(0))
      }
    }
  }

  @Test("A disk that does not answer keeps no relay from ending: it says so, with 73, and the next one makes up for it")
  func endWithoutDisk() async throws {
    try await RunStage.with { stage in
      try await stage.post("A")
      try await Self.stalling("STALLED_DISK", on: stage) { relay, file in
        try await stage.arrived(1)
        try "".write(to: file)
        try await stage.post("B")
        relay.send(SIGTERM)
        let end = try await relay.result(within: .seconds(90))
        #expect(end.exit == .code(73))
        #expect(end.error.contains("the disk does not answer, and the relay ends without it"), "\(end.error)")
      }
      try await withStatusrelay("run", "--config", stage.configurationPath) { relay in
        try await eventually("both arrived") { Set(stage.arrivals) == ["A sent", "B sent"] }
        relay.send(SIGTERM)
        #expect(try await relay.result().exit == .code(0))
      }
    }
  }

  @Test("A name server that does not answer holds up those whose names it is asked for, and no others")
  func nameServer() async throws {
    try await RunStage.with { stage in
      let url = try #require(
        stage.usualConfiguration.firstMatch(of: #/url: http://127\.0\.0\.1:(\d+)/webhook/#)?.output.1)
      try stage.configure(
        stage.usualConfiguration + "\n  - name: stalled\n    url: http://stalled.example:\(url)/stalled\n")
      let file = stage.directory + "/stalled"
      try "".write(to: file)
      try await Self.stalling("STALLED_NAMES", on: stage) { relay, file in
        for number in 0..<20 { try await stage.post("M\(number)") }
        try await stage.arrived(20)
        #expect(stage.requests.allSatisfy { $0.line.contains(" /webhook ") })
        let status = try await StatusrelayProcess.run("status", "--state-directory", stage.stateDirectory)
        #expect(status.output.contains("stalled"), "\(status)")
        unlink(file)
        try await stage.arrived(40)
        relay.send(SIGTERM)
        #expect(try await relay.result().exit == .code(0))
      }
    }
  }

  @Test("Nor does it keep the relay from ending")
  func endWithoutNameServer() async throws {
    try await RunStage.with { stage in
      try stage.configure(
        stage.usualConfiguration.replacing(#/http://127\.0\.0\.1(:\d+/webhook)/#) {
          "http://stalled.example\($0.output.1)"
        })
      let file = stage.directory + "/stalled"
      try "".write(to: file)
      try await stage.post("A")
      try await Self.stalling("STALLED_NAMES", on: stage) { relay, _ in
        try await relay.line(containing: "attempt failed")
        relay.send(SIGTERM)
        #expect(try await relay.result().exit == .code(0))
      }
    }
  }
}

private func eventually(_ what: String, _ isSo: () async throws -> Bool) async throws {
  let deadline = ContinuousClock.now + .seconds(60)
  while try await !isSo() {
    try #require(ContinuousClock.now < deadline, "never came: \(what)")
    try await Task.sleep(for: .milliseconds(5))
  }
}
