import GreenAPI
import Logging
import Relay
import RelayCore
import RelayStore

extension Metric {
  static let relay: [Metric] = [
    gauge("statusrelay_build_info", labels: ["version"], "Always 1; the label says which version runs.") {
      [Sample($0.version, number: 1)]
    },
    counter(
      "statusrelay_log_lines_lost_total", labels: ["level"],
      "Log lines given up because nobody took them in time."
    ) { source in
      Logger.Level.allCases.map { Sample("\($0)", number: source.relay.lostLogLines[$0] ?? 0) }
    },
  ]

  // MARK: Accounts

  static let accounts: [Metric] = [
    counter(
      "statusrelay_polls_total", labels: ["account", "outcome"],
      "Polls that have ended: `success`, or why they failed."
    ) { source in
      source.relay.accounts.flatMap { account in
        let (id, counts) = ("\(account.idInstance)", account.counts)
        let failures = counts.failures.sorted { $0.key < $1.key }
        return [Sample(id, "success", number: counts.succeededPolls)]
          + failures.map { Sample(id, $0.key, number: $0.value) }
      }
    },
    histogram(
      "statusrelay_poll_duration_seconds",
      "How long GREEN-API took to answer a poll, or to fail to, over all accounts."
    ) { [Sample(histogram: $0.relay.polls.duration)] },
    histogram(
      "statusrelay_poll_answer_size_bytes",
      "Size of the body of a successful answer to a poll, decompressed, over all accounts."
    ) { [Sample(histogram: $0.relay.polls.answerBytes)] },
    counter(
      "statusrelay_records_total", labels: ["account", "kind"],
      "Records of successful polls: `new`, `changed`, `unchanged` or `regression` when used, or why they were passed over."
    ) { source in
      source.relay.accounts.flatMap { account in
        let (id, counts) = ("\(account.idInstance)", account.counts)
        let faults = counts.faults.sorted { $0.key.rawValue < $1.key.rawValue }
        return [
          Sample(id, "new", number: counts.records.new), Sample(id, "changed", number: counts.records.changed),
          Sample(id, "unchanged", number: counts.records.unchanged),
          Sample(id, "regression", number: counts.records.regressions),
        ] + faults.map { Sample(id, $0.key.rawValue, number: $0.value) }
      }
    },
    counter(
      "statusrelay_notifications_total", labels: ["account", "status"],
      "Notifications recorded, by status; those that GREEN-API doesn't document are `\(NotificationCounts.other)`."
    ) { source in
      source.relay.accounts.flatMap { account in
        account.counts.notifications.labeled.map { Sample("\(account.idInstance)", $0.status, number: $0.count) }
      }
    },
    gauge(
      "statusrelay_account_state", labels: ["account", "state"],
      "1 for the state that the account is in, 0 for the others: \(names(AccountState.names))."
    ) { source in
      source.relay.accounts.flatMap {
        Sample.states("\($0.idInstance)", AccountState.names, current: $0.health.state.name)
      }
    },
    gauge(
      "statusrelay_latest_poll_timestamp_seconds", labels: ["account"],
      "When the latest poll succeeded, in Unix time; missing before the first one."
    ) { source in
      source.relay.accounts.compactMap { account in
        account.health.latestSuccess.map {
          Sample("\(account.idInstance)", number: Double($0.unix.milliseconds) / 1000)
        }
      }
    },
    gauge(
      "statusrelay_lag_seconds", labels: ["account"],
      "From when a status changed to when that was recorded, at the changes announced last; missing before the first ones."
    ) { source in
      source.relay.accounts.compactMap { account in
        account.lag.map { Sample("\(account.idInstance)", number: $0.inSeconds) }
      }
    },
    gauge("statusrelay_tracked_messages", labels: ["account"], "Messages in the snapshot.") { source in
      source.relay.accounts.map { Sample("\($0.idInstance)", number: $0.trackedMessages) }
    },
    gauge(
      "statusrelay_stuck_messages", labels: ["account"],
      "Messages of the latest answer that don't move: `pending` or `sent` for hours, or with outgoingWebhook off."
    ) { source in
      source.relay.accounts.map { Sample("\($0.idInstance)", number: $0.stuck?.count ?? 0) }
    },
  ]

  // MARK: Destinations

  static let destinations: [Metric] = [
    counter(
      "statusrelay_deliveries_total", labels: ["destination", "outcome"],
      "Deliveries that were `delivered`, or given up: `deadLetter`."
    ) { source in
      source.relay.destinations.flatMap { destination in
        [
          Sample(destination.name, "delivered", number: destination.delivered),
          Sample(destination.name, "deadLetter", number: destination.deadLetters),
        ]
      }
    },
    counter(
      "statusrelay_attempts_total", labels: ["destination", "outcome"],
      "Attempts that have ended: `success`, or why they failed."
    ) { source in
      source.relay.destinations.flatMap { destination in
        let failures = destination.failedAttempts.sorted { $0.key.rawValue < $1.key.rawValue }
        return [Sample(destination.name, "success", number: destination.succeededAttempts)]
          + failures.map { Sample(destination.name, $0.key.rawValue, number: $0.value) }
      }
    },
    histogram(
      "statusrelay_attempt_duration_seconds", labels: ["destination"], "How long attempts took, failed ones too."
    ) { source in
      source.relay.destinations.map { Sample($0.name, histogram: $0.attemptDuration) }
    },
    gauge("statusrelay_attempts_in_flight", labels: ["destination"], "Attempts under way.") { source in
      source.relay.destinations.map { Sample($0.name, number: $0.inFlight) }
    },
    gauge(
      "statusrelay_deliveries_waiting", labels: ["destination"],
      "Deliveries neither delivered nor given up, those in flight included; missing while the outbox can't be read."
    ) { source in
      source.stored.map { Sample($0.name, number: $0.waiting) }
    },
    gauge(
      "statusrelay_oldest_waiting_age_seconds", labels: ["destination"],
      "How long ago the oldest of those was recorded, 0 when there is none; missing while the outbox can't be read."
    ) { source in
      source.stored.map { stored in
        let age = stored.oldestWaiting.map { source.relay.now.unix - $0 } ?? .zero
        return Sample(stored.name, number: max(0, age.inSeconds))
      }
    },
    gauge(
      "statusrelay_dead_letters", labels: ["destination"],
      "Dead letters there are to see and retry; missing while the outbox can't be read."
    ) { source in
      source.stored.map { Sample($0.name, number: $0.deadLetters) }
    },
    gauge(
      "statusrelay_circuit_state", labels: ["destination", "state"],
      "1 for the state that the destination's circuit is in, 0 for the others: \(names(circuitStates))."
    ) { source in
      source.relay.destinations.flatMap { Sample.states($0.name, circuitStates, current: name(of: $0.circuit)) }
    },
    gauge(
      "statusrelay_destination_state", labels: ["destination", "state"],
      "1 for the state that the destination is in, 0 for the others: \(names(DestinationStatus.stateNames))."
    ) { source in
      source.relay.destinations.flatMap {
        Sample.states($0.name, DestinationStatus.stateNames, current: $0.stateName)
      }
    },
  ]

  private static let circuitStates = ["closed", "open", "probing"]

  private static func name(of circuit: CircuitBreaker.State) -> String {
    switch circuit {
    case .closed: "closed"
    case .open: "open"
    case .probing: "probing"
    }
  }

  private static func names(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: ", ") }

  // MARK: Outbox

  static let outbox: [Metric] = [
    gauge("statusrelay_outbox_trouble", "1 while the outbox can't be written or read, else 0.") {
      [Sample(number: $0.relay.trouble == nil ? 0 : 1)]
    },
    histogram(
      "statusrelay_outbox_commit_duration_seconds", "How long a transaction that writes took, until it was on disk."
    ) { [Sample(histogram: $0.relay.commits.duration)] },
    histogram("statusrelay_outbox_commit_rows", "Rows that such a transaction inserted, changed and deleted.") {
      [Sample(histogram: $0.relay.commits.rows)]
    },
    counter("statusrelay_outbox_failed_commits_total", "Transactions that could not be written.") {
      [Sample(number: $0.relay.commits.failed)]
    },
  ]

  // MARK: Process

  /// The names are those of Prometheus's own client libraries.
  /// https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
  static let process: [Metric] = [
    counter("process_cpu_seconds_total", "User and system time spent by the process.") {
      $0.process.map { [Sample(number: $0.cpuSeconds)] } ?? []
    },
    gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.") {
      $0.process.map { [Sample(number: $0.residentBytes)] } ?? []
    },
    gauge("process_virtual_memory_bytes", "Address space of the process.") {
      $0.process.map { [Sample(number: $0.virtualBytes)] } ?? []
    },
    gauge("process_open_fds", "File descriptors that are open.") {
      $0.process.map { [Sample(number: $0.openDescriptors)] } ?? []
    },
    gauge("process_max_fds", "File descriptors that may be open at once.") {
      $0.process.map { [Sample(number: $0.mostDescriptors)] } ?? []
    },
    gauge("process_start_time_seconds", "When the process started, in Unix time.") {
      $0.process.map { [Sample(number: $0.startTime)] } ?? []
    },
  ]
}

extension Metric.Source {
  /// Of the destinations that are served.
  fileprivate var stored: [DestinationSummary] { relay.destinations.compactMap { relay.stored[$0.id] } }
}
