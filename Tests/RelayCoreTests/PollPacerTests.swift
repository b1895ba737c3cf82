import GreenAPI
import RelayCore
import Testing

@Suite struct PollPacerTests {
  private let start = SteadyTime(milliseconds: 1_700_000_000_000)
  private let broken = PollFailure.network(kind: "timeout", detail: "")

  private func api(_ kind: APIFailure.Kind) -> PollFailure { .api(APIFailure(kind: kind, httpStatus: 400, detail: "")) }

  private func pacer(_ policy: PollPolicy = PollPolicy(), latestPoll: SteadyTime? = nil) -> PollPacer {
    PollPacer(policy: policy, latestPoll: latestPoll, startingAt: start)
  }

  /// Polls when it is time, and is answered after `taking`; returns when the next is.
  @discardableResult
  private func succeed(
    _ pacer: inout PollPacer, underWay: Bool? = true, taking: Duration = .milliseconds(200)
  ) -> Duration {
    let began = pacer.nextPoll
    pacer.started(at: began)
    pacer.succeeded(hasMessagesUnderWay: underWay, at: began + taking)
    return pacer.nextPoll - began
  }

  /// Polls when it is time, and fails at once; returns how long the wait is.
  private func fail(
    _ pacer: inout PollPacer, _ failure: PollFailure, retryAfter: Duration? = nil, seed: UInt64 = 1
  ) -> Duration {
    var random = SeededGenerator(seed: seed)
    let began = pacer.nextPoll
    pacer.started(at: began)
    pacer.failed(failure, retryAfter: retryAfter, at: began, using: &random)
    return pacer.nextPoll - began
  }

  // MARK: The usual pace

  @Test("Polls come every interval while messages are under way, every idle interval while none is")
  func intervals() {
    var pacer = pacer()
    #expect(succeed(&pacer) == .seconds(5))
    #expect(succeed(&pacer, underWay: false) == .seconds(30))
    #expect(succeed(&pacer, underWay: nil) == .seconds(30), "an empty answer is no news")
    #expect(succeed(&pacer, underWay: true) == .seconds(5))
    #expect(succeed(&pacer, underWay: nil) == .seconds(5))
  }

  @Test("The first poll comes when it may")
  func first() { #expect(pacer().nextPoll == start) }

  @Test("An answer that takes longer than the interval is followed by a second of rest")
  func slowAnswer() {
    var pacer = pacer()
    #expect(succeed(&pacer, taking: .seconds(20)) == .seconds(21))
  }

  @Test("An interval below GREEN-API's limit is not kept")
  func tooShort() {
    var pacer = pacer(PollPolicy(interval: .milliseconds(1), idleInterval: .zero))
    #expect(succeed(&pacer, taking: .zero) == .seconds(1))
    #expect(succeed(&pacer, underWay: false, taking: .zero) == .seconds(1))
  }

  @Test("Whatever happens, a request begins no sooner than a second after the one before was answered")
  func neverTooFast() {
    let failures: [PollFailure] =
      APIFailure.Kind.allCases.map(api) + [
        broken, .answerTooLarge(limitBytes: 1), .outbox("full"), .answer(AnswerFault(kind: .html, detail: "")),
        .identityUnknown(""),
      ]
    for _ in 0..<500 {
      let seed = UInt64.random(in: 0...(.max))
      var random = SeededGenerator(seed: seed)
      let policy = PollPolicy(
        interval: .milliseconds(.random(in: 0...3000, using: &random)),
        idleInterval: .milliseconds(.random(in: 0...9000, using: &random)))
      var pacer = pacer(policy)
      var heard: SteadyTime?
      for _ in 0..<50 {
        if let heard { #expect(pacer.nextPoll >= heard + .seconds(1), "seed \(seed)") }
        let began = pacer.nextPoll + .milliseconds(.random(in: 0...100, using: &random))
        pacer.started(at: began)
        #expect(pacer.nextPoll >= began + .seconds(1), "seed \(seed)")
        let answered = began + .milliseconds(.random(in: 0...5000, using: &random))
        switch Int.random(in: 0..<4, using: &random) {
        case 0: pacer.failed(failures.randomElement(using: &random)!, retryAfter: .zero, at: answered, using: &random)
        case 1:  // cancelled: its answer was never told of
          pacer.adopt(policy)
          heard = began
          continue
        default: pacer.succeeded(hasMessagesUnderWay: [true, false, nil].randomElement(using: &random)!, at: answered)
        }
        heard = answered
      }
    }
  }

  @Test("A reloaded configuration changes the pace at once, but not a wait because of failures")
  func adopt() {
    var pacer = pacer(PollPolicy(interval: .seconds(3600)))
    succeed(&pacer)
    pacer.adopt(PollPolicy(interval: .seconds(7)))
    #expect(pacer.nextPoll == start + .seconds(7))
    let wait = fail(&pacer, api(.wrongToken))
    let next = pacer.nextPoll
    pacer.adopt(PollPolicy(interval: .seconds(2)))
    #expect(pacer.nextPoll == next)
    #expect(wait >= .seconds(300))
  }

  // MARK: Errors

  @Test("Errors that pass by themselves are followed by doubling waits with jitter, up to five minutes")
  func backoff() {
    for seed: UInt64 in 0..<50 {
      var pacer = pacer()
      for doubled in [10, 20, 40, 80, 160, 300, 300, 300, 300] as [Int64] {
        let wait = fail(&pacer, broken, seed: seed)
        #expect(wait >= max(.seconds(5), .seconds(doubled) / 2))
        #expect(wait <= .seconds(doubled))
      }
      #expect(pacer.failuresInARow == 9)
      succeed(&pacer)
      #expect(pacer.failuresInARow == 0)
      #expect(fail(&pacer, broken, seed: seed) <= .seconds(10), "a success starts it over")
    }
    var one = pacer()
    var other = pacer()
    #expect(fail(&one, broken, seed: 1) != fail(&other, broken, seed: 2))
  }

  @Test("A thousand failures in a row are no trap")
  func manyFailures() {
    var pacer = pacer(PollPolicy(interval: .seconds(30 * 86_400)))
    for _ in 0..<1000 { #expect(fail(&pacer, broken) == .seconds(30 * 86_400), "never sooner than the interval") }
  }

  @Test(
    "What passes by itself backs off",
    arguments: [
      .outbox("disk full"), .answerTooLarge(limitBytes: 1), .answer(AnswerFault(kind: .notJSON, detail: "")),
      .api(APIFailure(kind: .notFound, httpStatus: 404, detail: "")),
      .api(APIFailure(kind: .serverTrouble, httpStatus: 502, detail: "")),
    ] as [PollFailure])
  func passing(failure: PollFailure) {
    var pacer = pacer()
    #expect(fail(&pacer, failure) <= .seconds(10))
    #expect(fail(&pacer, failure) > .seconds(5))
  }

  @Test("An instance that starts is asked about every 30 s, whatever the interval is, until it has for 6 minutes")
  func starting() {
    for interval: Int64 in [2, 5, 3600] {
      for kind in [APIFailure.Kind.starting, .startingOrNotAuthorized] {
        var pacer = pacer(PollPolicy(interval: .seconds(interval), idleInterval: .seconds(interval)))
        succeed(&pacer)
        for seed: UInt64 in 0..<20 {
          #expect((Duration.seconds(27)...(.seconds(30))).contains(fail(&pacer, api(kind), seed: seed)))
        }
        #expect(fail(&pacer, api(kind), retryAfter: .seconds(90)) == .seconds(90))
        #expect(succeed(&pacer) == .seconds(interval), "it is back at its pace at once")
      }
    }
    var pacer = pacer()
    for _ in 0..<9 { _ = fail(&pacer, api(.starting)) }
    #expect(fail(&pacer, broken) <= .seconds(10), "and says nothing of GREEN-API's troubles")
    let overdue = PollFailure.stillStarting(APIFailure(kind: .starting, httpStatus: 400, detail: ""))
    #expect((Duration.seconds(300)...(.seconds(330))).contains(fail(&pacer, overdue)))
  }

  @Test("What needs a person is tried every five minutes, a used-up quota every fifteen")
  func person() {
    let kinds: [APIFailure.Kind] = [
      .notAuthorized, .blocked, .yellowCard, .sleepMode, .pendingPassword, .pendingCode, .expired, .deleted,
      .badRequest,
      .wrongToken, .noAccess, .suspended, .addressRefused,
    ]
    for kind in kinds {
      var pacer = pacer()
      for _ in 0..<5 { #expect((Duration.seconds(300)...(.seconds(330))).contains(fail(&pacer, api(kind)))) }
    }
    var pacer = pacer()
    for _ in 0..<5 { #expect((Duration.seconds(900)...(.seconds(990))).contains(fail(&pacer, api(.quotaExceeded)))) }
    #expect(fail(&pacer, .identityUnknown("")) >= .seconds(300))
    #expect(succeed(&pacer) == .seconds(5), "it is back at its pace at once")
  }

  @Test("A single 429 in ten minutes leaves the pace as it is, but for a longer Retry-After")
  func singleRateLimit() {
    var pacer = pacer()
    var polled = start
    func fail(_ retryAfter: Duration? = nil) -> Bool {
      polled = pacer.nextPoll
      pacer.started(at: polled)
      return pacer.failed(api(.rateLimited), retryAfter: retryAfter, at: polled + .milliseconds(200))
    }
    func pass(until time: SteadyTime) { while pacer.nextPoll <= time { succeed(&pacer) } }
    #expect(fail())
    #expect(pacer.nextPoll == polled + .seconds(5), "from when it began, as after a success")
    #expect(pacer.failuresInARow == 0)
    pass(until: polled + .seconds(601))
    #expect(fail(.seconds(90)))
    #expect(pacer.nextPoll == polled + .milliseconds(90_200))
    pass(until: polled + .seconds(601))
    #expect(fail(.seconds(1_000_000)))
    #expect(pacer.nextPoll == polled + .milliseconds(3_600_200))
    #expect(fail(), "an hour later it is another single one")
    pass(until: polled + .seconds(590))
    #expect(!fail())
    #expect(pacer.nextPoll - polled >= .seconds(10))
    #expect(pacer.failuresInARow == 1)
    var idle = self.pacer()
    succeed(&idle, underWay: false)
    pacer = idle
    #expect(fail())
    #expect(pacer.nextPoll == polled + .seconds(30))
  }

  @Test("While it is slowed down every 429 counts, however long ago the one before it was")
  func slowedDown() {
    var pacer = pacer()
    var wait = fail(&pacer, api(.rateLimited))
    while wait < .seconds(1200) { wait = fail(&pacer, api(.rateLimited)) }
    #expect(fail(&pacer, api(.rateLimited)) >= .seconds(2400))
  }

  @Test("Further 429s double the wait at least, up to an hour, and successes shorten it again bit by bit")
  func slowDown() {
    var pacer = pacer()
    #expect(fail(&pacer, api(.rateLimited)) == .seconds(5))
    var wait = Duration.seconds(5)
    for _ in 0..<20 {
      let next = fail(&pacer, api(.rateLimited), seed: UInt64.random(in: 0...(.max)))
      #expect(next >= min(wait * 2, .seconds(3600)))
      #expect(next <= .seconds(3600))
      wait = next
    }
    #expect(wait == .seconds(3600))
    var polls = 0
    while wait > .seconds(5), polls < 100 {
      let next = succeed(&pacer)
      #expect(next < wait)
      #expect(next >= min(wait * 0.74, .seconds(5)))
      wait = next
      polls += 1
    }
    #expect(wait == .seconds(5))
    #expect(polls > 10)
  }

  @Test("A longer Retry-After wins, up to an hour; a shorter one does not")
  func retryAfter() {
    for failure in [broken, api(.serverTrouble), api(.rateLimited), api(.wrongToken)] {
      var pacer = pacer()
      #expect(fail(&pacer, failure, retryAfter: .seconds(1000)) == .seconds(1000))
      #expect(fail(&pacer, failure, retryAfter: .seconds(1_000_000)) == .seconds(3600))
    }
    var one = pacer()
    var other = pacer()
    #expect(fail(&one, broken, retryAfter: .seconds(1)) == fail(&other, broken))
  }

  @Test("A failure before any request waits too")
  func failureWithoutRequest() {
    var pacer = pacer()
    pacer.failed(.identityUnknown("no answer"), at: start)
    #expect(pacer.nextPoll >= start + .seconds(300))
  }

  // MARK: How far back

  @Test("A steady pace asks for exactly the window, in whole minutes rounded up")
  func steadyMinutes() {
    var pacer = pacer(latestPoll: start - .seconds(5))
    for _ in 0..<50 {
      #expect(pacer.minutes(at: pacer.nextPoll) == 1440)
      succeed(&pacer, underWay: .random())
    }
    #expect(self.pacer(PollPolicy(window: .seconds(61))).minutes(at: start) == 2)
    #expect(self.pacer(PollPolicy(window: .zero)).minutes(at: start) == 1)
  }

  @Test("An account never polled asks for the window")
  func neverPolled() { #expect(pacer().minutes(at: start) == 1440) }

  @Test("After being away it asks for that time and the window, at most the journal")
  func away() {
    #expect(pacer(latestPoll: start - .seconds(60)).minutes(at: start) == 1441)
    #expect(pacer(latestPoll: start - .seconds(3600)).minutes(at: start) == 1500)
    #expect(pacer(latestPoll: start - .seconds(400 * 86_400)).minutes(at: start) == 43_200)
    #expect(pacer(latestPoll: SteadyTime(milliseconds: 0)).minutes(at: start) == 43_200)
    #expect(pacer(latestPoll: start + .seconds(9999)).minutes(at: start) == 1440)
    #expect(pacer(PollPolicy(window: .seconds(Int64.max))).minutes(at: start) == 43_200)
  }

  @Test("Failures make it look back further, until a success")
  func failuresLengthen() {
    var pacer = pacer(latestPoll: start - .seconds(5))
    while pacer.nextPoll < start + .seconds(3600) { _ = fail(&pacer, .outbox("full")) }
    #expect(pacer.minutes(at: pacer.nextPoll) >= 1500)
    succeed(&pacer)
    #expect(pacer.minutes(at: pacer.nextPoll) == 1440)
  }

  @Test("When nobody can say how long it was away, it asks for the whole journal until a poll succeeds")
  func untrustedClock() {
    var pacer = PollPacer(
      policy: PollPolicy(), latestPoll: start - .seconds(5), trustsClock: false, startingAt: start)
    #expect(pacer.minutes(at: start) == 43_200)
    _ = fail(&pacer, broken)
    #expect(pacer.minutes(at: pacer.nextPoll) == 43_200)
    succeed(&pacer)
    #expect(pacer.minutes(at: pacer.nextPoll) == 1440)
  }

  @Test("An answer too large halves what is asked for, down to an hour")
  func tooLarge() {
    var pacer = pacer(latestPoll: start)
    var asked: [Int] = []
    for _ in 0..<7 {
      asked.append(pacer.minutes(at: pacer.nextPoll))
      _ = fail(&pacer, .answerTooLarge(limitBytes: 1))
    }
    #expect(asked == [1440, 720, 360, 180, 90, 60, 60])
    var short = self.pacer(PollPolicy(window: .seconds(600)), latestPoll: start)
    _ = fail(&short, .answerTooLarge(limitBytes: 1))
    #expect(short.minutes(at: start + .seconds(1)) == 10)
  }

  @Test("After successes it grows back, and looks back to what it had left out")
  func growsBack() {
    var pacer = pacer(latestPoll: start - .seconds(86_400))
    for _ in 0..<2 { _ = fail(&pacer, .answerTooLarge(limitBytes: 1)) }
    var asked: [Int] = []
    for _ in 0..<12 {
      asked.append(pacer.minutes(at: pacer.nextPoll))
      succeed(&pacer)
    }
    #expect(asked.first == 720)
    #expect(zip(asked, asked.dropFirst()).allSatisfy { $0 <= $1 || $1 == 1440 })
    #expect(asked.contains { $0 >= 2880 }, "the day it was away is asked for after all")
    #expect(asked.last == 1440)
  }

  @Test("An account whose full answer never fits fails ever more seldom")
  func neverFits() {
    var pacer = pacer(latestPoll: start)
    var failures = 0
    for _ in 0..<1000 {
      if pacer.minutes(at: pacer.nextPoll) > 400 {
        failures += 1
        _ = fail(&pacer, .answerTooLarge(limitBytes: 1))
      } else {
        succeed(&pacer)
      }
    }
    #expect(failures < 40)
    #expect(failures > 10, "it goes on trying")
  }
}
