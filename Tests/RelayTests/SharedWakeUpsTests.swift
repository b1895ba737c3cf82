import Curl
import Foundation
import NIOConcurrencyHelpers
import RelayCore
import Testing

@testable import Relay

@Suite struct SharedWakeUpsTests {
  /// A manual time whose sleeps may last a fiftieth of a second longer, and that counts them.
  private final class GrainedTime: Timekeeper {
    let manual = ManualTime()
    let grain = Duration.milliseconds(20)
    let sleeps = NIOLockedValueBox(0)

    func now() -> Moment { manual.now() }

    func sleep(until time: SteadyTime) async throws {
      sleeps.withLockedValue { $0 += 1 }
      try await manual.sleep(until: time)
    }
  }

  private let time = GrainedTime()
  private var start: SteadyTime { SteadyTime(milliseconds: time.now().steady.milliseconds / 20 * 20) }

  @Test("Sleepers of the same fiftieth of a second wake at its end, by one timer, and never early")
  func together() async throws {
    let wakeUps = SharedWakeUps(time: time)
    let start = start
    let awake = NIOLockedValueBox<[Int]>([])
    try await withThrowingTaskGroup { group in
      for wait in [1000, 1001, 1019, 1020] {
        group.addTask {
          try await wakeUps.sleep(until: start + .milliseconds(wait))
          awake.withLockedValue { $0.append(wait) }
        }
      }
      // Each has left a timer or joined one.
      try await eventually("all sleep") { wakeUps.sleepers == 4 }
      try await eventually("two timers") {
        time.manual.hasSleeper(until: start + .milliseconds(1020))
          && time.manual.hasSleeper(until: start + .milliseconds(1040))
      }
      #expect(time.sleeps.withLockedValue { $0 } == 2)
      time.manual.advance(to: start + .milliseconds(1019))
      #expect(awake.withLockedValue { $0 } == [])
      time.manual.advance(to: start + .milliseconds(1020))
      try await eventually("three are awake") { awake.withLockedValue { $0.count == 3 } }
      #expect(wakeUps.sleepers == 1)
      time.manual.advance(to: start + .milliseconds(1040))
      try await group.waitForAll()
      #expect(awake.withLockedValue { $0.last } == 1020)
    }
  }

  @Test("A sleeper that is called off ends at once; the last one takes the timer along")
  func cancelled() async throws {
    let wakeUps = SharedWakeUps(time: time)
    let start = start
    let sleepers = (0..<2).map { _ in Task { try await wakeUps.sleep(until: start + .seconds(1)) } }
    try await eventually("both sleep") { wakeUps.sleepers == 2 }
    let end = start + .milliseconds(1020)
    try await eventually("the timer runs") { time.manual.hasSleeper(until: end) }
    sleepers[0].cancel()
    await #expect(throws: CancellationError.self) { try await sleepers[0].value }
    #expect(time.manual.hasSleeper(until: end))
    sleepers[1].cancel()
    await #expect(throws: CancellationError.self) { try await sleepers[1].value }
    try await eventually("no timer is left") { !time.manual.hasSleeper(until: end) }
    // Whoever is called off before it sleeps doesn't.
    let late = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try await wakeUps.sleep(until: start + .seconds(2))
    }
    await #expect(throws: CancellationError.self) { try await late.value }
    #expect(wakeUps.sleepers == 0)
  }

  @Test("The machine's time wakes its sleepers on a client's thread")
  func onClient() async throws {
    let client = try CurlClient()
    let time = SystemTime().sleeping(on: client)
    let name = try await Task(executorPreference: client.taskExecutor) {
      try await time.sleep(until: time.now().steady + .milliseconds(2))
      return try String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
    }.value
    #expect(name == "curl\n")
    await client.shutDown()
    await #expect(throws: CancellationError.self) { try await time.sleep(until: time.now().steady + .seconds(3600)) }
    // What has passed needs no thread.
    try await time.sleep(until: time.now().steady)
  }
}
