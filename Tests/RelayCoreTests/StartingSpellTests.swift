import GreenAPI
import RelayCore
import Testing

@Suite struct StartingSpellTests {
  private func api(_ kind: APIFailure.Kind) -> PollFailure { .api(APIFailure(kind: kind, httpStatus: 400, detail: "")) }

  private func at(_ seconds: Int64) -> SteadyTime { SteadyTime(milliseconds: seconds * 1000) }

  private func overdue(_ failure: PollFailure) -> Bool {
    if case .stillStarting = failure { true } else { false }
  }

  @Test("An instance that has been starting for 6 minutes in a row needs a person, and not before")
  func sixMinutes() {
    for kind in [APIFailure.Kind.starting, .startingOrNotAuthorized] {
      var spell = StartingSpell()
      for time in stride(from: 0 as Int64, to: 360, by: 30) {
        #expect(spell.judged(api(kind), at: at(time)) == api(kind))
      }
      #expect(spell.judged(api(kind), at: at(359)) == api(kind))
      for time: Int64 in [360, 361, 100_000] {
        let judged = spell.judged(api(kind), at: at(time))
        #expect(overdue(judged) && judged.nature == .needsAPerson && judged.reason == api(kind).reason)
      }
      #expect(!overdue(spell.judged(api(.wrongToken), at: at(100_001))), "others stay what they are")
    }
  }

  @Test("Whether it may be unauthorized too makes no new spell of it")
  func eitherText() {
    var spell = StartingSpell()
    #expect(!overdue(spell.judged(api(.starting), at: at(0))))
    #expect(overdue(spell.judged(api(.startingOrNotAuthorized), at: at(360))))
  }

  @Test("A success ends it, and so does an answer that says something else of the instance")
  func ends() {
    var spell = StartingSpell()
    _ = spell.judged(api(.starting), at: at(0))
    spell.end()
    #expect(!overdue(spell.judged(api(.starting), at: at(360))))
    for failure: PollFailure in [api(.notAuthorized), api(.wrongToken), .identityUnknown(""), .outbox("full")] {
      var spell = StartingSpell()
      _ = spell.judged(api(.starting), at: at(0))
      #expect(spell.judged(failure, at: at(180)) == failure)
      #expect(!overdue(spell.judged(api(.starting), at: at(360))), "\(failure)")
    }
  }

  @Test("Trouble on the way says nothing of the instance")
  func goesOn() {
    for failure: PollFailure in [
      api(.serverTrouble), api(.rateLimited), api(.notFound), .network(kind: "timeout", detail: ""),
      .answer(AnswerFault(kind: .html, detail: "")),
    ] {
      var spell = StartingSpell()
      _ = spell.judged(api(.starting), at: at(0))
      #expect(spell.judged(failure, at: at(180)) == failure)
      #expect(overdue(spell.judged(api(.starting), at: at(360))), "\(failure)")
    }
  }

  @Test("What an instance said before more than 6 minutes of other trouble does not count: it may start again")
  func longTrouble() {
    var spell = StartingSpell()
    _ = spell.judged(api(.starting), at: at(0))
    for time in stride(from: 30 as Int64, through: 1800, by: 60) { _ = spell.judged(api(.serverTrouble), at: at(time)) }
    #expect(!overdue(spell.judged(api(.starting), at: at(1860))))
    _ = spell.judged(api(.serverTrouble), at: at(1890))
    #expect(!overdue(spell.judged(api(.starting), at: at(2219))), "a short one counts")
    #expect(overdue(spell.judged(api(.starting), at: at(2220))))
    // Polls are rare by now: a single one that is not answered makes no difference.
    _ = spell.judged(.network(kind: "timeout", detail: ""), at: at(2550))
    #expect(overdue(spell.judged(api(.starting), at: at(2850))))
  }
}
