import Foundation
import GreenAPI
import Relay
import RelayCore
import TestServers
import Testing

@testable import Curl

/// Destinations that never answer fill their own room, not that of others.
@Suite struct FairnessTests {
  /// The common half, and the shares of three of four destinations.
  private static let roomOfSlowOnes = 512 + 3 * 128

  @Test("Three destinations that hold on to all the room there is don't slow the healthy one down")
  func slowDestinations() async throws {
    // Takes in connections and requests, and nobody ever reads them.
    let (silent, port) = ScriptedServer.listenOnLoopback(backlog: 4096)
    defer { close(silent) }
    try await RelayHarness.run { configuration in
      configuration.destinations += (1...3).map { number in
        var slow = RelayConfiguration.Destination(name: "slow\(number)", url: "http://127.0.0.1:\(port)/\(number)")
        slow.timeout = .seconds(3600)
        slow.delivery.maxConcurrency = 10_000
        return slow
      }
    } _: { harness in
      // Held back until all of the others' attempts are under way.
      try await eventually("the pause") { try await harness.relay.setPause(.byOperator, ofDestination: "crm") }
      for number in 0..<700 { try await harness.post("M\(number)") }
      try await harness.poll()
      let attempts = try await eventually("attempts in all the room that the slow ones may have") {
        var attempts: [Int] = []
        for number in 1...3 { attempts.append(try await harness.destination("slow\(number)").inFlight) }
        return attempts.reduce(0, +) >= Self.roomOfSlowOnes ? attempts : nil
      }
      // Each its share, and of the common half what came first.
      let total = attempts.reduce(0, +)
      #expect(total == Self.roomOfSlowOnes)
      #expect(attempts.allSatisfy { $0 >= 128 })
      #expect(try await harness.relay.setPause(nil, ofDestination: "crm"))
      try await harness.delivered(700)
      #expect(harness.consumer.requests.count == 700)
      // So many at once as it may, though all the common room is taken.
      harness.consumer.behave(.hold())
      for number in 0..<40 { try await harness.advance("M\(number)", to: .read) }
      try await harness.poll()
      try await harness.consumer.received(732)
      #expect(try await harness.destination().inFlight == 32)
      #expect(try await harness.destination("slow1").state == "delivering")
    }
  }

  @Test("What was crowded out starts when others have ended, though its own attempts have not")
  func crowdedOut() async throws {
    let (silent, port) = ScriptedServer.listenOnLoopback(backlog: 4096)
    defer { close(silent) }
    try await RelayHarness.run(destinations: 2) { configuration in
      for index in 0...1 { configuration.destinations[index].delivery.maxConcurrency = 10_000 }
      configuration.destinations[0].url = "http://127.0.0.1:\(port)/"
      configuration.destinations[0].timeout = .seconds(3600)
    } _: { harness in
      try await eventually("the pause") { try await harness.relay.setPause(.byOperator, ofDestination: "crm") }
      harness.otherConsumer.behave(.hold())
      for number in 0..<800 { try await harness.post("M\(number)") }
      try await harness.poll()
      // The common half and its share.
      try await harness.otherConsumer.received(512 + 256)
      #expect(try await harness.relay.setPause(nil, ofDestination: "crm"))
      try await eventually("its share") { try await harness.destination().inFlight == 256 }
      harness.otherConsumer.behave(.answer())
      harness.otherConsumer.release()
      try await eventually("the common half") { try await harness.destination().inFlight == 512 + 256 }
      try await harness.delivered(800, at: "archive")
    }
  }

  @Test("A single destination has all the room, and no more")
  func single() async throws {
    try await RelayHarness.run { configuration in
      configuration.destinations[0].delivery.maxConcurrency = 10_000
    } _: { harness in
      harness.consumer.behave(.hold())
      // More than there is room for, by a few.
      for number in 0..<1030 { try await harness.post("M\(number)") }
      try await harness.poll()
      try await harness.consumer.received(1024)
      #expect(try await harness.destination().inFlight == 1024)
      harness.consumer.behave(.answer())
      harness.consumer.release()
      try await harness.delivered(1030)
    }
  }
}
