import Foundation
import Testing

@testable import statusrelay

@Suite struct RestartDelayTests {
  @Test("The first two starts wait for nothing; then it is 2 s, doubled up to 5 minutes")
  func growth() {
    var latest: RestartDelay.Start?
    var now = 100.0
    let delays = (0..<12).map { _ in
      let (start, delay) = RestartDelay.next(after: latest, at: now)
      latest = start
      now += Double(delay.components.seconds) + 1
      return delay
    }
    #expect(delays == [0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map { .seconds($0) })
  }

  @Test(
    "What ran for a quarter of an hour, and what was noted before a boot, counts for nothing", arguments: [901, -1.0])
  func forgiven(_ later: Double) {
    let latest = RestartDelay.Start(count: 9, at: 1000)
    let (start, delay) = RestartDelay.next(after: latest, at: 1000 + later)
    #expect(start == .init(count: 1, at: 1000 + later) && delay == .zero)
  }

  @Test("Starts are counted in the runtime directory until one ends well")
  func file() async throws {
    try await withTemporaryDirectory { directory in
      let restarts = try #require(RestartDelay(["RUNTIME_DIRECTORY": "\(directory):/other"]))
      for delay in [0, 0, 2, 4] { #expect(await restarts.begin() == .seconds(delay)) }
      restarts.forget()
      #expect(await restarts.begin() == .zero)
      try "no JSON".write(to: directory + "/starts.json")
      #expect(await restarts.begin() == .zero)
    }
    #expect(RestartDelay([:]) == nil)
    #expect(await RestartDelay(["RUNTIME_DIRECTORY": "/nonexistent"])?.begin() == .zero)
  }
}
