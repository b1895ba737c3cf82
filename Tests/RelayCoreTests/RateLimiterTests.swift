import RelayCore
import Testing

@Suite struct RateLimiterTests {
  private func time(_ milliseconds: Int64) -> SteadyTime { SteadyTime(milliseconds: milliseconds) }

  /// When attempts start that come as early as they may, asked every millisecond.
  private func starts(_ limiter: inout RateLimiter, in milliseconds: Range<Int64>) -> [Int64] {
    var starts: [Int64] = []
    for now in milliseconds {
      while limiter.admit(at: time(now)) { starts.append(now) }
    }
    return starts
  }

  /// The most that any stretch of so many milliseconds holds.
  private func most(_ starts: [Int64], in period: Int64) -> Int {
    var most = 0
    var first = starts.startIndex
    for index in starts.indices {
      while starts[index] - starts[first] >= period { first += 1 }
      most = max(most, index - first + 1)
    }
    return most
  }

  @Test("Turns come evenly")
  func even() {
    var limiter = RateLimiter(RateLimit(count: 50, period: .seconds(1)))
    let starts = starts(&limiter, in: 0..<10_000)
    let gaps = zip(starts, starts.dropFirst()).map { $1 - $0 }
    #expect(gaps.allSatisfy { 20...21 ~= $0 })
    #expect(starts.count == 491)
  }

  @Test(
    "No stretch of a period holds more than the limit, and sustained demand gets nearly all of it",
    arguments: [(1, 1), (3, 1), (50, 1), (3000, 1), (300, 60), (7, 60)])
  func everyWindow(count: Int, seconds: Int64) {
    var limiter = RateLimiter(RateLimit(count: count, period: .seconds(seconds)))
    let starts = starts(&limiter, in: 0..<seconds * 10_000)
    #expect(most(starts, in: seconds * 1000) <= count)
    #expect(Double(starts.count) > Double(10 * count) * 0.97 - 1)
  }

  @Test("Nor when attempts come at random, in bursts and after pauses")
  func randomDemand() {
    var random = SeededGenerator(seed: 5)
    for _ in 0..<200 {
      let count = Int.random(in: 1...200, using: &random)
      let seconds = [1, 60].randomElement(using: &random)! as Int64
      var limiter = RateLimiter(RateLimit(count: count, period: .seconds(seconds)))
      var now: Int64 = 0
      var starts: [Int64] = []
      for _ in 0..<300 {
        now += Int64.random(
          in: 0...[1, 30, 2000 * seconds / Int64(count), 100_000].randomElement(using: &random)!, using: &random)
        while limiter.admit(at: time(now)) { starts.append(now) }
      }
      #expect(most(starts, in: seconds * 1000) <= count)
    }
  }

  @Test("Turns are not saved up, however long nothing was sent")
  func nothingSaved() {
    var limiter = RateLimiter(RateLimit(count: 50, period: .seconds(1)))
    #expect(starts(&limiter, in: 0..<1).count == 1)
    #expect(starts(&limiter, in: 1_000_000..<1_000_001).count == 1)
    #expect(limiter.nextAdmission == time(1_000_001))
    #expect(starts(&limiter, in: 1_000_001..<1_000_020).count == 1)
  }

  @Test("A wake-up that comes late by up to 20 ms costs no turns")
  func lateWakes() {
    var limiter = RateLimiter(RateLimit(count: 1000, period: .seconds(1)))
    var count = 0
    for now in stride(from: Int64(0), to: 10_000, by: 18) {
      while limiter.admit(at: time(now)) { count += 1 }
    }
    #expect(count > 9700)
  }

  @Test("The next turn it names is one, and the millisecond before it is none")
  func nextAdmission() {
    for count in [1, 3, 7, 333, 3000] {
      var limiter = RateLimiter(RateLimit(count: count, period: .seconds(1)))
      var now = time(0)
      for _ in 0..<50 {
        while limiter.admit(at: now) {}
        let next = limiter.nextAdmission!
        var earlier = limiter
        let isEarly = earlier.admit(at: next - .milliseconds(1))
        #expect(!isEarly)
        var later = limiter
        let isAdmitted = later.admit(at: next)
        #expect(isAdmitted)
        now = next
      }
    }
  }

  @Test("Without a limit every attempt has its turn at once")
  func unlimited() {
    var limiter = RateLimiter(nil)
    for _ in 0..<100 {
      let isAdmitted = limiter.admit(at: time(5))
      #expect(isAdmitted)
    }
    #expect(limiter.nextAdmission == nil)
  }

  @Test("After a restart the first attempt keeps its distance from the latest before it")
  func restart() {
    let limit = RateLimit(count: 10, period: .seconds(60))
    var before = RateLimiter(limit)
    var all = starts(&before, in: 0..<100_000)
    for _ in 0..<5 {
      var after = RateLimiter(limit, latestAttempt: time(all.last!))
      all += starts(&after, in: all.last! + 1..<all.last! + 20_000)
    }
    #expect(most(all, in: 60_000) <= 10)
    #expect(all.count > 20)
  }

  @Test("Another limit counts what was sent under the old one")
  func adopted() {
    var limiter = RateLimiter(RateLimit(count: 5, period: .seconds(1)))
    var all: [Int64] = []
    for round in Int64(0)..<40 {
      limiter.adopt(RateLimit(count: round % 2 == 0 ? 5 : 4, period: .seconds(1)))
      all += starts(&limiter, in: round * 250..<(round + 1) * 250)
    }
    #expect(most(all, in: 1000) <= 5)
    #expect(all.count > 20)
  }

  @Test("A limit that takes over from none spaces the first attempt too")
  func limitAfterNone() {
    var limiter = RateLimiter(nil)
    _ = limiter.admit(at: time(1000))
    limiter.adopt(RateLimit(count: 1, period: .seconds(1)))
    #expect(limiter.nextAdmission == time(2021))
    limiter.adopt(nil)
    #expect(limiter.nextAdmission == nil)
  }
}
