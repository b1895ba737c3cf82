import GreenAPI
import Relay
import RelayCore
import RelayStore
import Testing

/// What a relay counts and measures while it works.
@Suite struct MetricsTests {
  private static let other: IDInstance = 1_101_000_002
  private static let account = #"account="1101000001""#
  private static let crm = #"destination="crm""#

  @Test("Polls, their answers, records and notifications are counted by account")
  func polls() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.post("B", .read)
      try await harness.poll()
      var metrics = await harness.metrics()
      #expect(metrics["build_info{version=\"1.2.3\"}"] == 1)
      #expect(metrics["polls_total{\(Self.account),outcome=\"success\"}"] == 1)
      #expect(metrics["poll_duration_seconds_count"] == 1)
      #expect(metrics["poll_answer_size_bytes_count"] == 1)
      let size = try #require(metrics["poll_answer_size_bytes_sum"])
      #expect(size > 100)
      #expect(metrics["records_total{\(Self.account),kind=\"new\"}"] == 2)
      #expect(metrics["records_total{\(Self.account),kind=\"unchanged\"}"] == 0)
      #expect(metrics["notifications_total{\(Self.account),status=\"sent\"}"] == 1)
      #expect(metrics["notifications_total{\(Self.account),status=\"read\"}"] == 1)
      #expect(metrics["notifications_total{\(Self.account),status=\"other\"}"] == nil)
      #expect(metrics["tracked_messages{\(Self.account)}"] == 2)
      #expect(metrics["stuck_messages{\(Self.account)}"] == 0)
      #expect(metrics["account_state{\(Self.account),state=\"healthy\"}"] == 1)
      #expect(metrics["account_state{\(Self.account),state=\"starting\"}"] == 0)
      let latest = try #require(metrics["latest_poll_timestamp_seconds{\(Self.account)}"])
      #expect(abs(latest - harness.time.trueDate.timeIntervalSince1970) < 5)
      #expect(try #require(metrics["lag_seconds{\(Self.account)}"]) >= 0)

      try await harness.advance("A", to: .read)
      try await harness.spoil(.status(500))
      try await harness.poll()
      try await harness.spoil(.html)
      try await harness.poll()
      try await harness.poll()
      metrics = await harness.metrics()
      #expect(metrics["polls_total{\(Self.account),outcome=\"success\"}"] == 2)
      #expect(metrics["polls_total{\(Self.account),outcome=\"serverTrouble\"}"] == 1)
      #expect(metrics["polls_total{\(Self.account),outcome=\"htmlBody\"}"] == 1)
      #expect(metrics["poll_duration_seconds_count"] == 4)
      #expect(metrics["poll_answer_size_bytes_count"] == 3, "an answer of HTML has a size too")
      #expect(metrics["records_total{\(Self.account),kind=\"changed\"}"] == 1)
      #expect(metrics["records_total{\(Self.account),kind=\"unchanged\"}"] == 1)
    }
  }

  @Test("Records that are passed over are counted by reason, regressions and unknown statuses as such")
  func records() async throws {
    try await RelayHarness.run { harness in
      func poll(_ records: String) async throws -> MetricsReading {
        try await harness.spoil(.status(200, body: "[\(records)]"))
        try await harness.poll()
        return await harness.metrics()
      }
      let time = harness.time.now().unix.seconds
      func record(_ status: String) -> String {
        #"{"idMessage":"A","statusMessage":"\#(status)","timestamp":\#(time)}"#
      }
      _ = try await poll(record("read"))
      _ = try await poll(
        #"\#(record("sent")),{"type":"incoming","idMessage":"C"},{"idMessage":"B"},7,{"statusMessage":"read"},{"statusMessage":"sent"}"#
      )
      let metrics = try await poll(record("madeUp"))
      #expect(metrics["records_total{\(Self.account),kind=\"regression\"}"] == 1)
      #expect(metrics["records_total{\(Self.account),kind=\"missingStatusMessage\"}"] == 1)
      #expect(metrics["records_total{\(Self.account),kind=\"missingIDMessage\"}"] == 2)
      #expect(metrics["records_total{\(Self.account),kind=\"notAnObject\"}"] == 1)
      #expect(metrics["records_total{\(Self.account),kind=\"otherType\"}"] == 1)
      #expect(metrics["records_total{\(Self.account),kind=\"new\"}"] == 1)
      #expect(metrics["records_total{\(Self.account),kind=\"changed\"}"] == 1)
      #expect(metrics["notifications_total{\(Self.account),status=\"other\"}"] == 1)
      #expect(metrics["notifications_total{\(Self.account),status=\"read\"}"] == 1)
    }
  }

  @Test("Attempts and deliveries are counted by destination, from the first failure to the dead letter")
  func deliveries() async throws {
    try await RelayHarness.run(destinations: 2) { configuration in
      configuration.destinations[0].delivery.retry.schedule = [.seconds(5)]
    } _: { harness in
      harness.consumer.behave(.answer("503 Not now"))
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1, at: "archive")
      try await harness.deliveries(become: "retried") { $0.first?.state == .retrying }
      var metrics = await harness.metrics()
      #expect(metrics["attempts_total{\(Self.crm),outcome=\"success\"}"] == 0)
      #expect(metrics["attempts_total{\(Self.crm),outcome=\"serverError\"}"] == 1)
      #expect(metrics["attempt_duration_seconds_count{\(Self.crm)}"] == 1)
      #expect(metrics["deliveries_total{\(Self.crm),outcome=\"deadLetter\"}"] == 0)
      #expect(metrics["deliveries_waiting{\(Self.crm)}"] == 1)
      #expect(metrics["dead_letters{\(Self.crm)}"] == 0)
      #expect(metrics["deliveries_total{destination=\"archive\",outcome=\"delivered\"}"] == 1)
      #expect(metrics["attempts_total{destination=\"archive\",outcome=\"success\"}"] == 1)
      #expect(metrics["deliveries_waiting{destination=\"archive\"}"] == 0)
      #expect(metrics["oldest_waiting_age_seconds{destination=\"archive\"}"] == 0)
      #expect(metrics["destination_state{\(Self.crm),state=\"delivering\"}"] == 1)

      try await harness.passUntilRetry()
      try await harness.deliveries(become: "given up") { $0.first?.state == .deadLetter }
      metrics = await harness.metrics()
      #expect(metrics["attempts_total{\(Self.crm),outcome=\"serverError\"}"] == 2)
      #expect(metrics["deliveries_total{\(Self.crm),outcome=\"deadLetter\"}"] == 1)
      #expect(metrics["dead_letters{\(Self.crm)}"] == 1)
      #expect(metrics["deliveries_waiting{\(Self.crm)}"] == 0)

      harness.consumer.behave(.answer())
      _ = try await harness.relay.retry(.matching(HistoryFilter(limit: 10)))
      try await harness.delivered(1)
      metrics = await harness.metrics()
      #expect(metrics["deliveries_total{\(Self.crm),outcome=\"delivered\"}"] == 1)
      #expect(metrics["attempts_total{\(Self.crm),outcome=\"success\"}"] == 1)
      #expect(metrics["attempt_duration_seconds_count{\(Self.crm)}"] == 3)
      #expect(metrics["dead_letters{\(Self.crm)}"] == 0)
      #expect(metrics["deliveries_total{\(Self.crm),outcome=\"deadLetter\"}"] == 1, "a counter never goes back")
    }
  }

  @Test("An attempt under way is in flight and its delivery waits; its duration counts where it belongs")
  func inFlight() async throws {
    try await RelayHarness.run { harness in
      harness.consumer.behaveNext(.hold())
      try await harness.post("A")
      try await harness.poll()
      try await harness.consumer.received(1)
      var metrics = await harness.metrics()
      #expect(metrics["attempts_in_flight{\(Self.crm)}"] == 1)
      #expect(metrics["deliveries_waiting{\(Self.crm)}"] == 1)
      let age = try #require(metrics["oldest_waiting_age_seconds{\(Self.crm)}"])
      harness.time.advance(by: .seconds(7))
      metrics = await harness.metrics()
      #expect(metrics["oldest_waiting_age_seconds{\(Self.crm)}"] == age + 7)
      harness.consumer.release()
      try await harness.delivered(1)
      metrics = await harness.metrics()
      #expect(metrics["attempts_in_flight{\(Self.crm)}"] == 0)
      #expect(metrics["attempt_duration_seconds_bucket{\(Self.crm),le=\"5\"}"] == 0)
      #expect(metrics["attempt_duration_seconds_bucket{\(Self.crm),le=\"10\"}"] == 1)
      #expect(metrics["attempt_duration_seconds_bucket{\(Self.crm),le=\"+Inf\"}"] == 1)
      #expect(try #require(metrics["attempt_duration_seconds_sum{\(Self.crm)}"]) >= 7)
    }
  }

  @Test("A circuit that opens, an operator's pause and a 410 each show as the destination's state")
  func states() async throws {
    try await RelayHarness.run(destinations: 2) { harness in
      try await harness.poll()
      #expect(try await harness.relay.setPause(.byOperator, ofDestination: "archive"))
      harness.consumer.behave(.answer("500 No"))
      for number in 1...CircuitBreaker.threshold { try await harness.post("A\(number)") }
      try await harness.poll()
      try await harness.metric("circuit_state{\(Self.crm),state=\"open\"}", becomes: 1)
      let metrics = await harness.metrics()
      #expect(metrics["circuit_state{\(Self.crm),state=\"closed\"}"] == 0)
      #expect(metrics["destination_state{\(Self.crm),state=\"circuitOpen\"}"] == 1)
      #expect(metrics["destination_state{\(Self.crm),state=\"delivering\"}"] == 0)
      try await harness.metric("destination_state{destination=\"archive\",state=\"paused\"}", becomes: 1)
      harness.consumer.behave(.answer("410 Gone"))
      // The probe's time has come, and that of a delivery to make it with: retries come after 6 s at most.
      harness.time.advance(by: .seconds(6))
      try await harness.metric("destination_state{\(Self.crm),state=\"gone\"}", becomes: 1)
      #expect(await harness.metrics()["attempts_total{\(Self.crm),outcome=\"gone\"}"] == 1)
    }
  }

  @Test("A reload loses no count, even of an account or a destination that it changes")
  func reload() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      var changed = harness.configuration
      changed.accounts[0].poll.interval = .seconds(2)
      changed.destinations[0].delivery.maxConcurrency = 3
      try await harness.relay.reload(changed)
      try await harness.metric("account_state{\(Self.account),state=\"starting\"}", becomes: 1)
      var metrics = await harness.metrics()
      #expect(metrics["polls_total{\(Self.account),outcome=\"success\"}"] == 1)
      #expect(metrics["records_total{\(Self.account),kind=\"new\"}"] == 1)
      try await harness.advance("A", to: .read)
      try await harness.poll()
      try await harness.delivered(2)
      metrics = await harness.metrics()
      #expect(metrics["polls_total{\(Self.account),outcome=\"success\"}"] == 2)
      #expect(metrics["notifications_total{\(Self.account),status=\"sent\"}"] == 1)
      #expect(metrics["notifications_total{\(Self.account),status=\"read\"}"] == 1)
      #expect(metrics["poll_duration_seconds_count"] == 2)
      #expect(metrics["deliveries_total{\(Self.crm),outcome=\"delivered\"}"] == 2)
    }
  }

  @Test("The series of an account or a destination that is removed go, and those of the others stay")
  func removal() async throws {
    try await RelayHarness.run(accounts: [RelayHarness.account, Self.other], destinations: 2) { harness in
      try await harness.post("A", on: Self.other)
      try await harness.poll()
      try await harness.poll(Self.other)
      try await harness.delivered(1)
      try await harness.delivered(1, at: "archive")
      #expect(await harness.metrics().series(with: "1101000002") > 5)
      #expect(await harness.metrics().series(with: "archive") > 5)
      var changed = harness.configuration
      changed.accounts.removeLast()
      changed.destinations.removeLast()
      try await harness.relay.reload(changed)
      try await eventually("their end") {
        let metrics = await harness.metrics()
        return metrics.series(with: "1101000002") == 0 && metrics.series(with: "archive") == 0
      }
      let metrics = await harness.metrics()
      #expect(try #require(metrics["polls_total{\(Self.account),outcome=\"success\"}"]) >= 1)
      #expect(metrics["deliveries_total{\(Self.crm),outcome=\"delivered\"}"] == 1)
    }
  }

  @Test("Commits are measured, and an outbox that can't be written shows as trouble until it can")
  func outbox() async throws {
    try await RelayHarness.run { harness in
      try await harness.post("A")
      try await harness.poll()
      try await harness.delivered(1)
      var metrics = await harness.metrics()
      #expect(try #require(metrics["outbox_commit_duration_seconds_count"]) >= 3)
      #expect(metrics["outbox_commit_duration_seconds_count"] == metrics["outbox_commit_rows_count"])
      #expect(try #require(metrics["outbox_commit_rows_sum"]) >= 5)
      #expect(metrics["outbox_trouble"] == 0)
      #expect(metrics["outbox_failed_commits_total"] == 0)
      harness.outbox.fail([.settle])
      try await harness.advance("A", to: .read)
      try await harness.poll()
      try await harness.metric("outbox_trouble", becomes: 1)
      let readiness = await harness.relay.readiness()
      #expect(!readiness.ready)
      #expect(readiness.reasons.map(\.what) == [.outbox])
      harness.outbox.fail([])
      harness.time.advance(by: .seconds(30))
      try await harness.metric("outbox_trouble", becomes: 0)
      metrics = await harness.metrics()
      let readyAgain = await harness.relay.readiness()
      #expect(readyAgain.ready && readyAgain.reasons.isEmpty)
    }
  }

  @Test("What the outbox can't say is left out, and everything else is there")
  func unreadable() async throws {
    try await RelayHarness.run { harness in
      try await harness.poll()
      await harness.outbox.close()
      let metrics = await harness.metrics()
      #expect(metrics["outbox_trouble"] == 1)
      #expect(metrics["deliveries_waiting{\(Self.crm)}"] == nil)
      #expect(metrics["polls_total{\(Self.account),outcome=\"success\"}"] == 1)
      #expect(metrics["deliveries_total{\(Self.crm),outcome=\"delivered\"}"] == 0)
      let readiness = await harness.relay.readiness()
      #expect(!readiness.ready && readiness.reasons.map(\.what) == [.outbox])
    }
  }
}
