import GreenAPI
import RelayCore
import Testing

@Suite struct AccountHealthTests {
  private func at(_ seconds: Int64) -> Moment {
    Moment(steady: SteadyTime(milliseconds: seconds * 1000), unix: UnixTime(seconds: seconds))
  }

  private func api(_ status: Int, _ body: String = "") -> AccountHealth.Event {
    .pollFailed(.api(APIFailure(httpStatus: status, body: [UInt8](body.utf8))))
  }

  private let good = AccountHealth.Event.pollSucceeded(records: 3, faults: [:])

  private func state(after events: AccountHealth.Event...) -> AccountState {
    var health = AccountHealth(startingAt: at(0))
    for event in events { _ = health.handle(event, at: at(1)) }
    return health.state
  }

  @Test("An account is starting until a poll ends, and healthy when that succeeded")
  func starting() {
    #expect(state() == .starting)
    #expect(state(after: .settingsRead([])) == .starting)
    #expect(state(after: good) == .healthy)
    #expect(state(after: .pollSucceeded(records: 0, faults: [:])) == .healthy)
  }

  @Test("What passes by itself degrades it until the next success")
  func degraded() {
    for failure: PollFailure in [
      .network(kind: "timeout", detail: "after 30 s"), .outbox("the disk is full"), .answerTooLarge(limitBytes: 100),
      .answer(AnswerFault(kind: .html, detail: "the body is HTML")),
    ] {
      guard case .degraded(let trouble) = state(after: good, .pollFailed(failure)) else {
        Issue.record("\(failure)")
        continue
      }
      #expect(trouble.reason == failure.reason)
      #expect(trouble.description == failure.description)
      #expect(state(after: .pollFailed(failure), good) == .healthy)
    }
    #expect(state(after: api(502)).name == "degraded")
    #expect(state(after: api(429)).name == "degraded")
  }

  @Test("A poll that is passed over leaves the account as it is")
  func passedOver() {
    #expect(state(after: .pollPassedOver) == .starting)
    #expect(state(after: good, .pollPassedOver) == .healthy)
    #expect(state(after: api(502), .pollPassedOver).name == "degraded")
    var health = AccountHealth(startingAt: at(0))
    _ = health.handle(good, at: at(1))
    #expect(health.handle(.pollPassedOver, at: at(2)) == nil)
    #expect(health.failuresInARow == 0 && health.latestSuccess == at(1) && health.since == at(1))
  }

  @Test("What needs a person says what to do")
  func needsAttention() {
    for (event, word) in [
      (api(401), "apiTokenInstance"), (api(403), "beta"), (api(466), "tariff"),
      (api(400, "instance account not authorized"), "Link the phone"),
      (.pollFailed(.identityUnknown("getSettings did not say")), "wid"),
    ] as [(AccountHealth.Event, String)] {
      guard case .needsAttention(let trouble) = state(after: good, event) else {
        Issue.record("\(event)")
        continue
      }
      #expect(trouble.advice?.contains(word) == true, "\(trouble)")
      #expect("\(state(after: event))" == "needs attention: \(trouble.description). \(trouble.advice ?? "")")
    }
  }

  @Test("An instance that starts is degraded and nobody's matter, until it does not end")
  func startingInstance() {
    let answer = APIFailure(httpStatus: 400, body: [UInt8]("instance in starting process try later".utf8))
    let starting = state(after: good, .pollFailed(.api(answer)))
    #expect(starting.name == "degraded" && starting.trouble?.reason == "starting" && starting.trouble?.advice == nil)
    let overdue = state(after: good, .pollFailed(.stillStarting(answer)))
    #expect(overdue.name == "needsAttention" && overdue.trouble?.reason == "starting")
    #expect(overdue.trouble?.description.contains("for more than 6 minutes") == true)
    #expect(overdue.trouble?.advice?.contains("out of the configuration") == true)
    #expect(overdue.trouble?.advice?.contains("link the phone") == false)
    let ambiguous = APIFailure(kind: .startingOrNotAuthorized, httpStatus: 400, detail: "")
    #expect(state(after: .pollFailed(.api(ambiguous))).trouble?.advice == nil)
    #expect(state(after: .pollFailed(.stillStarting(ambiguous))).trouble?.advice?.contains("link the phone") == true)
    var health = AccountHealth(startingAt: at(0))
    _ = health.handle(.pollFailed(.api(answer)), at: at(1))
    #expect(health.handle(.pollFailed(.stillStarting(answer)), at: at(2)) == overdue, "it is told")
    #expect(health.handle(.pollFailed(.stillStarting(answer)), at: at(3)) == nil, "once")
  }

  @Test("Bad records among good ones leave it healthy; an answer with none but bad ones degrades it")
  func badRecords() {
    #expect(state(after: .pollSucceeded(records: 1, faults: [.missingIDMessage: 99])) == .healthy)
    let all = state(after: .pollSucceeded(records: 0, faults: [.missingIDMessage: 2, .notAnObject: 7]))
    #expect(all.name == "degraded")
    #expect(all.trouble?.reason == AccountState.Trouble.noUsableRecords)
    #expect(all.trouble?.description.hasSuffix("7 notAnObject, 2 missingIDMessage") == true)
    #expect(state(after: .pollSucceeded(records: 0, faults: [.notAnObject: 7]), good) == .healthy)
  }

  @Test("A setting that makes polling useless needs attention, until it is set right; a failing poll comes first")
  func settings() {
    let off = AccountHealth.Event.settingsRead([.outgoingWebhookOff])
    #expect(state(after: good, off).trouble?.reason == "outgoingWebhookOff")
    #expect(state(after: off, good).name == "needsAttention")
    #expect(state(after: off, good, .settingsRead([])) == .healthy)
    #expect(state(after: off, api(401)).trouble?.reason == "wrongToken")
    #expect(state(after: off, api(502)).trouble?.reason == "serverTrouble")
  }

  @Test("It tells when the state became what it is, and reports each change once")
  func since() {
    var health = AccountHealth(startingAt: at(0))
    #expect(health.since == at(0))
    #expect(health.handle(good, at: at(1)) == .healthy)
    #expect(health.handle(good, at: at(2)) == nil)
    #expect(health.since == at(1))
    #expect(health.latestSuccess == at(2))
    #expect(health.handle(api(502, "request 1"), at: at(3))?.name == "degraded")
    #expect(health.handle(api(502, "request 2"), at: at(4)) == nil)
    #expect(health.since == at(3))
    #expect(health.failuresInARow == 2)
    #expect(health.state.trouble?.description.contains("request 2") == true, "the words are the latest")
    #expect(health.handle(api(401), at: at(5))?.name == "needsAttention")
    #expect(health.handle(good, at: at(6)) == .healthy)
    #expect(health.failuresInARow == 0)
  }

  @Test("Labels are a closed set without repeats")
  func labels() {
    let reasons = PollFailure.reasons + SettingsWarning.reasons + [AccountState.Trouble.noUsableRecords]
    #expect(Set(reasons).count == reasons.count)
    let failures: [PollFailure] =
      APIFailure.Kind.allCases.map { .api(APIFailure(kind: $0, httpStatus: 1, detail: "")) }
      + AnswerFault.Kind.allCases.map { .answer(AnswerFault(kind: $0, detail: "x")) } + [
        .answerTooLarge(limitBytes: 5), .network(kind: "tls", detail: "x"), .outbox("x"), .identityUnknown(""),
      ]
    #expect(failures.map(\.reason) == PollFailure.reasons)
    for failure in failures { #expect(!failure.description.isEmpty) }
    #expect(AccountState.names.contains(state().name))
  }

  @Test("Settings are held against the configuration, where it says anything")
  func warnings() {
    let settings = AccountSettings(wid: "7@c.us", typeInstance: .v3, outgoingWebhook: false)
    #expect(SettingsWarning.all(in: settings) == [.outgoingWebhookOff])
    #expect(
      SettingsWarning.all(in: settings, configuredWid: "8@c.us", configuredTypeInstance: .whatsapp) == [
        .outgoingWebhookOff, .otherTypeInstance(configured: .whatsapp, actual: .v3),
        .otherWid(configured: "8@c.us", actual: "7@c.us"),
      ])
    #expect(
      SettingsWarning.all(in: settings, configuredWid: "7@c.us", configuredTypeInstance: .v3) == [.outgoingWebhookOff])
    #expect(SettingsWarning.all(in: AccountSettings(), configuredWid: "8@c.us", configuredTypeInstance: .v3) == [])
    let all = SettingsWarning.all(in: settings, configuredWid: "8@c.us", configuredTypeInstance: .whatsapp)
    #expect(Set(all.map(\.reason)) == Set(SettingsWarning.reasons))
  }
}
