import RelayCore
import Testing

@Suite struct RetryPolicyTests {
  private let now = SteadyTime(milliseconds: 5_000_000)
  private let policy = RetryPolicy()

  private func verdict(
    _ attempts: Int, age: Duration = .zero, retryAfter: Duration? = nil, random: Double = 0.5
  ) -> Settlement.Verdict {
    policy.verdict(afterAttempts: attempts, recordedAt: now - age, retryAfter: retryAfter, at: now, random: random)
  }

  @Test("The waits are those of the schedule, one after another, then it is a dead letter")
  func schedule() {
    for (index, wait) in policy.schedule.enumerated() {
      #expect(verdict(index + 1) == .retry(at: now + wait))
    }
    #expect(verdict(11) == .deadLetter(.scheduleUsedUp))
  }

  @Test("Jitter stretches and shrinks a wait by a fifth at most", arguments: [(0.0, 24.0), (0.5, 30), (1, 36)])
  func jitter(random: Double, seconds: Double) {
    #expect(verdict(2, random: random) == .retry(at: now + .seconds(seconds)))
  }

  @Test("A longer Retry-After wins, a shorter one doesn't, and a day is the most")
  func retryAfter() {
    #expect(verdict(1, retryAfter: .seconds(60)) == .retry(at: now + .seconds(60)))
    #expect(verdict(1, retryAfter: .seconds(1)) == .retry(at: now + .seconds(5)))
    #expect(verdict(1, retryAfter: .seconds(1_000_000)) == .retry(at: now + .seconds(86_400)))
  }

  @Test("Older than giveUpAfter it is a dead letter after the next failure")
  func tooOld() {
    #expect(verdict(1, age: .seconds(7 * 86_400)) == .deadLetter(.tooOld))
    #expect(verdict(1, age: .seconds(7 * 86_400 - 1)) != .deadLetter(.tooOld))
  }

  @Test("An empty schedule means one attempt")
  func noRetry() {
    let policy = RetryPolicy(schedule: [])
    #expect(
      policy.verdict(afterAttempts: 1, recordedAt: now, retryAfter: nil, at: now, random: 0.5)
        == .deadLetter(.scheduleUsedUp))
  }

  @Test(
    "An answer's status decides by the table",
    arguments: [
      (200, nil), (201, nil), (204, nil), (299, nil), (301, .rejected), (304, .rejected), (400, .rejected),
      (401, .rejected), (404, .rejected), (408, .throttled), (410, .gone), (425, .throttled), (429, .throttled),
      (499, .rejected), (500, .serverError), (503, .serverError), (599, .serverError), (700, .serverError),
    ] as [(Int, AttemptFailure?)])
  func statusTable(status: Int, failure: AttemptFailure?) {
    #expect(AttemptOutcome.answered(httpStatus: status, retryAfter: nil).failure == failure)
  }
}
