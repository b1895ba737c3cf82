import Foundation
import GreenAPI
import GreenAPISimulator
import Relay
import RelayCore
import RelayStore
import Testing

/// `url: fromAccount`: each account's own webhookUrl and webhookUrlToken, as getSettings says them.
@Suite struct FromAccountTests {
  private static let other: IDInstance = 1_101_000_002
  private static let own = "crm@1101000001"
  private static let others = "crm@1101000002"

  /// With `crm` as `fromAccount`, and `archive` as it is when there are two destinations.
  private static func run(
    accounts: [IDInstance] = [RelayHarness.account], destinations: Int = 1,
    configure: (inout RelayConfiguration) -> Void = { _ in }, _ body: (RelayHarness) async throws -> Void
  ) async throws {
    try await RelayHarness.run(accounts: accounts, destinations: destinations) { configuration in
      configuration.destinations[0].url = nil
      configure(&configuration)
    } _: { harness in
      try await body(harness)
    }
  }

  @Test("Each account's notifications go to its own webhookUrl, with its own token")
  func ownAddresses() async throws {
    try await Self.run(accounts: [RelayHarness.account, Self.other]) { harness in
      try await harness.setWebhook(harness.consumer.url + "?key=s3cret", token: "t0ken")
      try await harness.setWebhook(harness.otherConsumer.url, token: "Basic dXNlcjpwYXNz", of: Self.other)
      try await harness.post("A")
      try await harness.post("B", on: Self.other)
      try await harness.poll()
      try await harness.poll(Self.other)
      try await harness.delivered(1, at: Self.own)
      try await harness.delivered(1, at: Self.others)
      #expect(harness.consumer.arrivals == ["A sent"])
      #expect(harness.consumer.requests[0].line == "POST /webhook?key=s3cret HTTP/1.1")
      #expect(harness.consumer.requests[0].header("Authorization") == "Bearer t0ken")
      #expect(harness.otherConsumer.arrivals == ["B sent"])
      #expect(harness.otherConsumer.requests[0].header("Authorization") == "Basic dXNlcjpwYXNz")
      let destination = try await harness.destination(Self.own)
      #expect(destination.state == "delivering")
      #expect(destination.address == harness.consumer.url + "?key=***")
      #expect(harness.log.count(of: "t0ken") == 0 && harness.log.count(of: "s3cret") == 0)
      #expect(try await harness.relay.status().destinations.map(\.name) == [Self.own, Self.others])
      // Both by the name in the configuration.
      #expect(try await harness.deliveries().count == 2)
    }
  }

  @Test("A user in an account's webhookUrl is sent as Basic authorization, and never logged")
  func userInAddress() async throws {
    try await Self.run { harness in
      try await harness.setWebhook(harness.consumer.url.replacing("//", with: "//user:p4ssword@"))
      try await harness.post("A")
      try await harness.poll()
      let request = try await harness.consumer.received(1)[0]
      #expect(request.line == "POST /webhook HTTP/1.1")
      #expect(
        request.header("Authorization") == "Basic " + Data("user:p4ssword".utf8).base64EncodedString())
      #expect(harness.log.count(of: "p4ssword") == 0)
    }
  }

  @Test("An account without a webhookUrl says so, once, and what to do; its deliveries wait until it has one")
  func noAddress() async throws {
    try await Self.run(accounts: [RelayHarness.account, Self.other]) { harness in
      try await harness.setWebhook(harness.otherConsumer.url, of: Self.other)
      try await harness.post("A")
      try await harness.post("B", on: Self.other)
      try await harness.poll()
      try await harness.poll(Self.other)
      try await harness.delivered(1, at: Self.others)
      let destination = try await eventually("the missing address") {
        let destination = try await harness.destination(Self.own)
        return destination.description == "the account has no webhookUrl" ? destination : nil
      }
      #expect(destination.state == "noAddress")
      #expect(destination.advice?.contains("Set webhookUrl in the instance's settings") == true)
      #expect(destination.address == nil)
      #expect(destination.waiting == 1)
      #expect(try await !harness.relay.status().isHealthy)

      for _ in 0..<2 { try await harness.passAnHour() }
      #expect(harness.log.count(of: "warning the account has no webhookUrl, so deliveries wait.") == 1)
      #expect(harness.consumer.requests.isEmpty)
      #expect(try await harness.deliveries(at: Self.own).map(\.attempts) == [0])

      try await harness.setWebhook(harness.consumer.url)
      try await harness.passAnHour()
      try await harness.delivered(1, at: Self.own)
      #expect(try await harness.destination(Self.own).state == "delivering")
      #expect(harness.log.count(of: "notice deliveries go to \(harness.consumer.url)") == 1)
    }
  }

  @Test(
    "A webhookUrl that can't be used is as good as none, and not shown",
    arguments: [
      "ftp://consumer.example.com/s3cret", "consumer.example.com/s3cret", "https://consumer.example.com/s3cret key",
    ])
  func unusableAddress(url: String) async throws {
    try await Self.run { harness in
      try await harness.setWebhook(url)
      try await harness.post("A")
      try await harness.poll()
      let destination = try await eventually("the missing address") {
        let destination = try await harness.destination(Self.own)
        return destination.description?.hasPrefix("the account's webhookUrl can't be used: it ") == true
          ? destination : nil
      }
      #expect(destination.state == "noAddress" && destination.waiting == 1)
      #expect(harness.log.count(of: "can't be used") == 1)
      #expect(harness.log.count(of: "s3cret") == 0)
    }
  }

  @Test("A token that no header can carry is told, not shown, and nothing is sent without it")
  func unusableToken() async throws {
    try await Self.run { harness in
      try await harness.setWebhook(harness.consumer.url, token: "s3cret\r\nX-Other: a")
      try await harness.post("A")
      try await harness.poll()
      let destination = try await eventually("the missing address") {
        let destination = try await harness.destination(Self.own)
        return destination.description?.hasPrefix("no request can be made") == true ? destination : nil
      }
      #expect(destination.state == "noAddress")
      #expect(harness.consumer.requests.isEmpty)
      #expect(harness.log.count(of: "s3cret") == 0)
    }
  }

  @Test("An address changed at GREEN-API counts within the hour, for the next attempt of a delivery too")
  func changedAddress() async throws {
    try await Self.run { configuration in
      configuration.destinations[0].delivery.retry = RetryPolicy(schedule: [.seconds(7200)], jitter: 0)
    } _: { harness in
      try await harness.setWebhook(harness.consumer.url)
      harness.consumer.behave(.answer("500 No"))
      try await harness.post("A")
      try await harness.poll()
      try await harness.deliveries(at: Self.own, become: "retried") { $0.first?.state == .retrying }
      try await harness.setWebhook(harness.otherConsumer.url, token: "new")
      try await harness.passAnHour()
      try await eventually("the new address") {
        try await harness.destination(Self.own).address == harness.otherConsumer.url
      }
      try await harness.post("B")
      try await harness.poll()
      try await harness.delivered(1, at: Self.own)
      try await harness.passUntilRetry(at: Self.own)
      try await harness.delivered(2, at: Self.own)
      #expect(harness.consumer.arrivals == ["A sent"])
      #expect(harness.otherConsumer.arrivals == ["B sent", "A sent"])
      #expect(harness.otherConsumer.requests.allSatisfy { $0.header("Authorization") == "Bearer new" })
    }
  }

  @Test("Polls that fail don't keep the address from being read again, and a failing getSettings keeps the last one")
  func failingPolls() async throws {
    try await Self.run { harness in
      try await harness.setWebhook(harness.consumer.url)
      try await harness.poll()
      try await eventually("the address") { try await harness.destination(Self.own).address == harness.consumer.url }
      try await harness.spoil(.status(500), times: nil)
      try await harness.setWebhook(harness.otherConsumer.url)
      try await harness.passAnHour()
      try await eventually("the new address") {
        try await harness.destination(Self.own).address == harness.otherConsumer.url
      }
      #expect(try await harness.account().state == "degraded")

      try await harness.simulator.setFaults(
        [Fault(.status(500), methods: [.getSettings])], on: RelayHarness.account)
      try await harness.setWebhook(nil)
      try await harness.passAnHour()
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1, at: Self.own)
      #expect(harness.otherConsumer.arrivals == ["A sent"])
    }
  }

  @Test("While the settings have never been answered they are asked for soon again, and deliveries wait")
  func settingsUnanswered() async throws {
    try await Self.run { configuration in
      configuration.accounts[0].wid = "79991234567@c.us"
      configuration.accounts[0].typeInstance = .whatsapp
    } _: { harness in
      try await harness.simulator.setFaults(
        [Fault(.status(500), methods: [.getSettings], times: 2)], on: RelayHarness.account)
      try await harness.setWebhook(harness.consumer.url)
      try await harness.post("A")
      try await harness.poll()
      let destination = try await harness.destination(Self.own)
      #expect(destination.state == "noAddress")
      #expect(destination.description == "the account's webhookUrl is not known yet")
      #expect(harness.log.count(of: "so deliveries wait") == 0)
      // After 15 s and 30 s more.
      for _ in 0..<2 {
        harness.time.advance(by: .seconds(30))
        try await harness.poll()
      }
      try await harness.delivered(1, at: Self.own)
    }
  }

  @Test("What grows older than giveUpAfter while there is no address is a dead letter")
  func tooOld() async throws {
    try await Self.run { configuration in
      configuration.destinations[0].delivery.retry.giveUpAfter = .seconds(5400)
    } _: { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.deliveries(at: Self.own, become: "recorded") { $0.count == 1 }
      for _ in 0..<2 { try await harness.passAnHour() }
      let letters = try await harness.deliveries(at: Self.own, become: "a dead letter") { $0[0].state == .deadLetter }
      #expect(letters[0].deadLetterReason == .tooOld)
    }
  }

  @Test("Of an account that is removed nothing is sent any more; the others' and a returning one's are")
  func removedAccount() async throws {
    try await Self.run(accounts: [RelayHarness.account, Self.other]) { harness in
      for id in [RelayHarness.account, Self.other] { try await harness.setWebhook(harness.consumer.url, of: id) }
      harness.consumer.behave(.answer("503 Not now"))
      try await harness.post("B", on: Self.other)
      try await harness.poll()
      try await harness.poll(Self.other)
      try await harness.deliveries(at: Self.others, become: "retried") { $0.first?.state == .retrying }
      var changed = harness.configuration
      changed.accounts.removeLast()
      try await harness.relay.reload(changed)
      try await eventually("the removal") { try await harness.destination(Self.others).state == "notServed" }
      #expect(harness.log.count(of: "1 deliveries wait for a destination that is not configured") == 1)
      harness.consumer.behave(.answer())
      let before = harness.consumer.requests.count
      try await harness.post("A")
      harness.time.advance(by: .seconds(60))
      try await harness.poll()
      try await harness.delivered(1, at: Self.own)
      #expect(harness.consumer.arrivals.dropFirst(before) == ["A sent"])

      try await harness.simulator.setFaults([Fault(.status(500), methods: [.getSettings])], on: Self.other)
      try await harness.relay.reload(harness.configuration)
      try await eventually("the account again") { (try? await harness.account(Self.other))?.polls == 1 }
      #expect(try await harness.destination(Self.others).state == "noAddress")
      try await harness.simulator.setFaults([], on: Self.other)
      // Until the settings are asked for again.
      harness.time.advance(by: .seconds(16))
      try await harness.delivered(1, at: Self.others)
    }
  }

  @Test("The configured name pauses and resumes every account's, and each by its own name too")
  func family() async throws {
    try await Self.run(accounts: [RelayHarness.account, Self.other], destinations: 2) { harness in
      for id in [RelayHarness.account, Self.other] { try await harness.setWebhook(harness.consumer.url, of: id) }
      for id in [RelayHarness.account, Self.other] { try await harness.poll(id) }
      #expect(try await harness.relay.setPause(.byOperator, ofDestination: "crm"))
      try await eventually("the pause") {
        try await harness.relay.status().destinations.map(\.state) == ["delivering", "paused", "paused"]
      }
      #expect(try await harness.relay.setPause(nil, ofDestination: Self.others))
      try await eventually("one resumed") { try await harness.destination(Self.others).state == "delivering" }
      #expect(try await harness.destination(Self.own).state == "paused")
      #expect(try await harness.relay.setPause(nil, ofDestination: "crm"))
      try await eventually("all resumed") { try await harness.destination(Self.own).state == "delivering" }
      for name in ["cr", "crm@", "crm@1", "crm@11010000011"] {
        #expect(try await !harness.relay.setPause(.byOperator, ofDestination: name), "\(name)")
      }
    }
  }

  @Test("An account's consumer that is gone gets nothing until the account has another address, over a restart too")
  func gone() async throws {
    try await Self.run { harness in
      try await harness.setWebhook(harness.consumer.url)
      harness.consumer.behave(.answer("410 Gone"))
      try await harness.post("A")
      try await harness.poll()
      try await eventually("the pause in the outbox") {
        try await harness.outbox.destinationSummaries().first { $0.name == Self.own }?.pause == .gone
      }
      await harness.stop()
      try await harness.start()
      try await harness.poll()
      try await harness.passAnHour()
      #expect(try await harness.destination(Self.own).state == "gone")
      #expect(harness.consumer.requests.count == 1)

      try await harness.setWebhook(harness.otherConsumer.url)
      try await harness.passAnHour()
      try await harness.delivered(1, at: Self.own)
      #expect(harness.otherConsumer.arrivals == ["A sent"])
      #expect(try await harness.destination(Self.own).state == "delivering")
      try await eventually("the end of the pause in the outbox") {
        try await harness.outbox.destinationSummaries().first { $0.name == Self.own }?.pause == nil
      }
    }
  }

  @Test("A consumer that was gone and has moved while the relay was down gets what waited")
  func goneAndMovedMeanwhile() async throws {
    try await Self.run { harness in
      try await harness.setWebhook(harness.consumer.url)
      harness.consumer.behave(.answer("410 Gone"))
      try await harness.post("A")
      try await harness.poll()
      try await eventually("the pause in the outbox") {
        try await harness.outbox.destinationSummaries().first { $0.name == Self.own }?.pause == .gone
      }
      await harness.stop()
      try await harness.setWebhook(harness.otherConsumer.url)
      try await harness.start()
      try await harness.poll()
      try await harness.delivered(1, at: Self.own)
      #expect(harness.otherConsumer.arrivals == ["A sent"])
    }
  }
}

extension RelayHarness {
  /// What the account's settings say at GREEN-API from now on.
  func setWebhook(_ url: String?, token: String? = nil, of id: IDInstance = account) async throws {
    try await simulator.changeSettings(of: id) { settings in
      settings.account.webhookURL = url
      settings.account.webhookURLToken = token.map(Secret.init)
    }
  }

  /// An hour and a little, in which the settings are read again.
  func passAnHour() async throws {
    let before = await settingsRequests
    time.advance(by: .seconds(3601))
    try await eventually("a getSettings") { await settingsRequests > before }
    try await eventually("the polls after it") {
      try await relay.status().accounts.allSatisfy { $0.nextPollInSeconds ?? 0 > 0 }
    }
  }

  private var settingsRequests: Int {
    get async {
      await simulator.requests.filter { $0.method == APIMethod.getSettings.rawValue }.reduce(0) { $0 + $1.count }
    }
  }
}
