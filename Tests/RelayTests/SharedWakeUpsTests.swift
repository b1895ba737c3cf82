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
    let woken = NIOLockedValueBox<[[Int]]>([])
    let wakeUps = SharedWakeUps<Int>(time: time) { sleepers in woken.withLockedValue { $0.append(sleepers) } }
    let start = start
    for wait in [1000, 1001, 1020, 1019] { _ = wakeUps.add(wait, until: start + .milliseconds(wait)) }
    #expect(wakeUps.sleepers == 4)
    try await eventually("two timers") {
      time.manual.hasSleeper(until: start + .milliseconds(1020))
        && time.manual.hasSleeper(until: start + .milliseconds(1040))
    }
    #expect(time.sleeps.withLockedValue { $0 } == 2)
    time.manual.advance(to: start + .milliseconds(1019))
    #expect(woken.withLockedValue { $0 } == [])
    time.manual.advance(to: start + .milliseconds(1020))
    try await eventually("three are awake") { woken.withLockedValue { $0 } == [[1000, 1001, 1019]] }
    #expect(wakeUps.sleepers == 1)
    time.manual.advance(to: start + .milliseconds(1040))
    try await eventually("all are awake") { woken.withLockedValue { $0.last } == [1020] }
    #expect(wakeUps.sleepers == 0)
    // What is due already.
    _ = wakeUps.add(0, until: start + .milliseconds(1040))
    try await eventually("it is awake") { woken.withLockedValue { $0.last } == [0] }
  }

  @Test("The last sleeper to be called off takes the timer along, and none of another time's")
  func calledOff() async throws {
    let woken = NIOLockedValueBox<[[String]]>([])
    let wakeUps = SharedWakeUps<String>(time: time) { sleepers in woken.withLockedValue { $0.append(sleepers) } }
    let start = start
    let end = start + .milliseconds(1020)
    let (first, second) = (wakeUps.add("a", until: start + .seconds(1)), wakeUps.add("b", until: start + .seconds(1)))
    #expect(wakeUps.sleepers == 2)
    try await eventually("the timer runs") { time.manual.hasSleeper(until: end) }
    wakeUps.callOff(first)
    #expect(wakeUps.sleepers == 1)
    #expect(time.manual.hasSleeper(until: end))
    wakeUps.callOff(second)
    try await eventually("no timer is left") { !time.manual.hasSleeper(until: end) }
    #expect(wakeUps.sleepers == 0)
    // Another timer until then, which has nothing to do with those two.
    _ = wakeUps.add("c", until: start + .seconds(1))
    wakeUps.callOff(first)
    #expect(wakeUps.sleepers == 1)
    time.manual.advance(to: end)
    try await eventually("it is awake") { woken.withLockedValue { $0 } == [["c"]] }
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
