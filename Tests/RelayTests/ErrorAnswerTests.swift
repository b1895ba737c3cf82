import GreenAPI
import GreenAPISimulator
import Relay
import RelayCore
import Testing

/// Each error that GREEN-API answers, end to end: what the account's state says of it, and when GREEN-API is asked again.
@Suite struct ErrorAnswerTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var error: ErrorAnswer
    var state: String
    var reason: String
    /// Of the account's description, behind the HTTP status.
    var words: String
    /// `nil`: there is none.
    var advice: String?
    /// Seconds until GREEN-API is asked again.
    var wait: ClosedRange<Double>
    var forms = ErrorAnswer.Form.allCases

    var testDescription: String { error.rawValue }

    static func person(
      _ error: ErrorAnswer, _ reason: APIFailure.Kind, _ words: String, _ advice: String,
      forms: [ErrorAnswer.Form] = ErrorAnswer.Form.allCases
    ) -> Row {
      let wait: ClosedRange<Double> = reason == .quotaExceeded ? 900...990 : 300...330
      return Row(
        error: error, state: "needsAttention", reason: reason.rawValue, words: words, advice: advice, wait: wait,
        forms: forms)
    }

    static func passing(
      _ error: ErrorAnswer, _ reason: APIFailure.Kind, _ words: String, advice: String? = nil,
      wait: ClosedRange<Double> = 5...10, forms: [ErrorAnswer.Form] = ErrorAnswer.Form.allCases
    ) -> Row {
      Row(
        error: error, state: "degraded", reason: reason.rawValue, words: words, advice: advice, wait: wait, forms: forms
      )
    }
  }

  static let rows: [Row] = [
    .passing(.starting, .starting, "the instance is starting", wait: 27...30),
    // The simulated instance is authorized, so getStateInstance says that it can't be that.
    .passing(.startingOrNotAuthorized, .starting, "the instance is starting", wait: 27...30),
    .person(.notAuthorized, .notAuthorized, "the instance is not authorized", "Link the phone"),
    .person(.expired, .expired, "the instance's tariff has run out", "Renew the instance"),
    .person(.deleted, .deleted, "the instance is deleted", "out of the configuration"),
    .person(.badRequest, .badRequest, "refused the request", "Check idInstance, apiUrl and typeInstance"),
    .person(.validationFailed, .badRequest, "refused the request", "Check idInstance, apiUrl and typeInstance"),
    .passing(.internalError400, .serverTrouble, "GREEN-API has trouble"),
    .person(.wrongToken, .wrongToken, "does not accept apiTokenInstance", "current apiTokenInstance"),
    .person(.noAccess, .noAccess, "wrong idInstance, or no access", "beta status methods"),
    .person(.suspended, .suspended, "account at GREEN-API is suspended", "GREEN-API's support why"),
    .person(
      .addressRefused, .addressRefused, "address is refused", "let this machine's address through", forms: [.usual]),
    .passing(.notFound, .notFound, "passes by itself", advice: "If it lasts, check apiUrl and typeInstance"),
    .person(
      .quotaExceeded, .quotaExceeded, "(requests of getOutgoingStatuses: 100 of 100 used)", "Change the tariff",
      forms: [.usual, .disguised]),
    .person(
      .correspondentsExceeded, .quotaExceeded, "(correspondents: 3 of 3 used)", "Change the tariff",
      forms: [.usual, .disguised]),
    .person(
      .quotasExceeded, .quotaExceeded,
      "(requests of getOutgoingStatuses: 100 of 100 used; correspondents: 3 of 3 used)", "Change the tariff",
      forms: [.usual, .disguised]),
    .person(
      .brokenQuota, .quotaExceeded, "a quota of the tariff is used up", "Change the tariff",
      forms: [.usual, .disguised]),
    .passing(.clientClosedRequest, .serverTrouble, "GREEN-API has trouble"),
    .passing(.internalError, .serverTrouble, "GREEN-API has trouble"),
    .passing(.badGateway, .serverTrouble, "GREEN-API has trouble"),
    .passing(.unavailable, .serverTrouble, "GREEN-API has trouble"),
    .passing(.gatewayTimeout, .serverTrouble, "GREEN-API has trouble"),
    .passing(.pathEcho, .notFound, "passes by itself", advice: "If it lasts", forms: [.usual, .json]),
  ]

  @Test(
    "Each error has its own state, words, wait and advice, in whatever form it comes, and ends with it", arguments: rows
  )
  func row(_ row: Row) async throws {
    for form in row.forms {
      try await RelayHarness.run { harness in
        try await harness.post("A")
        try await harness.spoil(.error(row.error, as: form))
        let account = try await harness.poll()
        #expect(account.state == row.state)
        #expect(account.reason == row.reason)
        let status = form == .disguised ? 200 : row.error.status
        let description = account.description ?? ""
        #expect(description.hasPrefix("HTTP \(status): ") && description.contains(row.words), "\(description)")
        #expect((account.advice == nil) == (row.advice == nil))
        #expect(account.advice?.contains(row.advice ?? "") ?? true, "\(account.advice ?? "")")
        #expect(row.wait.contains(account.nextPollInSeconds ?? 0), "\(account.nextPollInSeconds ?? 0)")
        if row.reason == "quotaExceeded" { #expect(!description.contains("{")) }
        #expect(harness.log.count(of: RelayHarness.token.reveal()) == 0)
        #expect(try await harness.poll().state == "healthy")
        try await harness.delivered(1)
      }
    }
  }

  @Test("The table has every error that the simulator knows; a 429 has tests of its own")
  func complete() {
    #expect(Set(Self.rows.map(\.error)).union([.rateLimited]) == Set(ErrorAnswer.allCases))
  }

  @Test(
    "An answer that leaves it open is explained by getStateInstance, which is asked once for each of them",
    arguments: [
      (.notAuthorized, "needsAttention", "notAuthorized", "Link the phone"),
      (.blocked, "needsAttention", "blocked", "unblocked"), (.yellowCard, "needsAttention", "yellowCard", "Send less"),
      (.suspended, "needsAttention", "yellowCard", "Send less"),
      (.sleepMode, "needsAttention", "sleepMode", "Switch the phone on"),
      (.pendingPassword, "needsAttention", "pendingPassword", "two-step password"),
      (.pendingCode, "needsAttention", "pendingCode", "authorization code"), (.starting, "degraded", "starting", nil),
      (.null, "degraded", "starting", nil),
    ] as [(InstanceSettings.State, String, String, String?)])
  func explained(_ state: InstanceSettings.State, _ name: String, _ reason: String, _ advice: String?) async throws {
    try await RelayHarness.run { harness in
      try await harness.poll()
      try await harness.spoil(.error(.startingOrNotAuthorized), times: 3)
      try await harness.simulator.changeSettings(of: RelayHarness.account) { $0.stateInstance = state }
      for count in 1...3 {
        let account = try await harness.poll()
        #expect(account.state == name)
        #expect(account.reason == reason)
        #expect((account.advice == nil) == (advice == nil))
        #expect(account.advice?.contains(advice ?? "") ?? true)
        #expect(account.description?.contains("getStateInstance says ") == true)
        #expect(try await stateRequests(harness) == [200: count])
      }
    }
  }

  @Test("Nothing is concluded when getStateInstance itself fails: it is asked again after half a minute")
  func unexplained() async throws {
    for failure: Fault.Effect in [.error(.badGateway), .error(.wrongToken), .html, .hangUp] {
      try await RelayHarness.run { harness in
        try await harness.poll()
        try await harness.simulator.setFaults(
          [
            Fault(.error(.startingOrNotAuthorized), methods: [.getOutgoingStatuses]),
            Fault(failure, methods: [.getStateInstance]),
          ],
          on: RelayHarness.account)
        let account = try await harness.poll()
        #expect(account.state == "degraded" && account.reason == "startingOrNotAuthorized" && account.advice == nil)
        #expect((27...30).contains(account.nextPollInSeconds ?? 0))
        var state = account
        var seconds = 0.0
        while state.state == "degraded", seconds < 400 {
          seconds += state.nextPollInSeconds ?? 0
          state = try await harness.poll()
        }
        #expect((360...390).contains(seconds))
        #expect(state.state == "needsAttention" && state.advice?.contains("link the phone again") == true)
      }
    }
  }

  @Test("An instance that restarts is polled again half a minute after it is back, and nobody is called")
  func restart() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.advance("A", to: .read)
      try await harness.simulator.changeSettings(of: RelayHarness.account) { $0.stateInstance = .starting }
      var seconds = 0.0
      while seconds < 120 {
        let account = try await harness.poll()
        #expect(account.state == "degraded" && account.reason == "starting" && account.advice == nil)
        #expect((account.nextPollInSeconds ?? 0) <= 30)
        seconds += account.nextPollInSeconds ?? 0
      }
      try await harness.simulator.changeSettings(of: RelayHarness.account) { $0.stateInstance = .authorized }
      #expect(try await harness.poll().state == "healthy")
      try await harness.delivered(2)
      #expect(harness.log.count(of: "needs attention") == 0)
    }
  }

  @Test(
    "An instance that starts for more than six minutes is a person's matter, and is asked about every five minutes then"
  )
  func startsForEver() async throws {
    try await RelayHarness.run { harness in
      try await harness.poll()
      try await harness.spoil(.error(.starting), times: nil)
      var account = try await harness.poll()
      var seconds = 0.0
      while account.state == "degraded", seconds < 400 {
        seconds += account.nextPollInSeconds ?? 0
        account = try await harness.poll()
      }
      #expect((360...390).contains(seconds))
      #expect(account.state == "needsAttention" && account.reason == "starting")
      #expect(account.advice?.contains("out of the configuration") == true)
      #expect((300...330).contains(account.nextPollInSeconds ?? 0))
      try await harness.spoil()
      #expect(try await harness.poll().state == "healthy")
    }
  }

  @Test(
    "An error in disguise as an answer of getSettings is that error, and nothing is taken for unset",
    arguments: [(ErrorAnswer.notAuthorized, "notAuthorized"), (.expired, "expired"), (.starting, "starting")])
  func settings(_ error: ErrorAnswer, _ reason: String) async throws {
    try await RelayHarness.run { _ in
    } prepare: { simulator in
      try await simulator.setFaults(
        [Fault(.error(error, as: .disguised), methods: [.getSettings], times: 1)], on: RelayHarness.account)
    } _: { harness in
      let account = try await harness.poll()
      #expect(account.reason == reason)
      #expect(try await harness.poll().state == "healthy")
    }
  }

  @Test("While the identity is unknown, getSettings' answer that leaves it open is explained too")
  func settingsExplained() async throws {
    let settings = InstanceSettings(stateInstance: .notAuthorized)
    try await RelayHarness.run(settings: settings) { _ in
    } prepare: { simulator in
      try await simulator.setFaults(
        [Fault(.error(.startingOrNotAuthorized), methods: [.getSettings])], on: RelayHarness.account)
    } _: { harness in
      let account = try await harness.poll()
      #expect(account.state == "needsAttention" && account.reason == "notAuthorized")
    }
  }

  @Test("A used-up quota is told in words however long GREEN-API's descriptions of it are")
  func longQuota() async throws {
    let description = String(repeating: #"\u043a\u0432\u043e\u0442\u0430 "#, count: 60)
    let body =
      #"{"invokeStatus":{"method":"getoutgoingstatuses","used":7,"total":100,"status":"QUOTE_ALLOWED","#
      + #""description":"\#(description)"},"correspondentsStatus":{"used":3,"total":3,"#
      + #""status":"CORRESPONDENTS_QUOTE_EXCEEDED","description":""}}"#
    try await RelayHarness.run { harness in
      try await harness.spoil(.status(466, body: body))
      let account = try await harness.poll()
      #expect(account.reason == "quotaExceeded")
      #expect(account.description?.hasSuffix("(correspondents: 3 of 3 used)") == true, "\(account.description ?? "")")
    }
  }

  @Test("404 to every method for a while passes by itself")
  func notFound() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.simulator.setFaults([Fault(.error(.notFound))], on: RelayHarness.account)
      for _ in 0..<3 {
        let account = try await harness.poll()
        #expect(account.state == "degraded" && account.reason == "notFound")
      }
      try await harness.simulator.setFaults([], on: RelayHarness.account)
      #expect(try await harness.poll().state == "healthy")
      try await harness.delivered(1)
    }
  }

  /// The requests for the instance's state, by the HTTP status of the answer.
  private func stateRequests(_ harness: RelayHarness) async throws -> [Int: Int] {
    let counts = await harness.simulator.requests.filter { $0.method == APIMethod.getStateInstance.rawValue }
    return counts.first?.byStatus ?? [:]
  }
}
