import GreenAPI
import RelayCore
import Testing

import class Foundation.ProcessInfo

/// The queue against a plain model of outbox and consumer, through random histories: every delivery is settled once, in the order of
/// its lane, never more at once than allowed, none while paused.
@Suite struct DestinationQueueHistoryTests {
  /// More seeds: `STATUSRELAY_SEEDS=100000 swift test --filter DestinationQueueHistory`; one seed again: `STATUSRELAY_SEED=7`.
  static let seeds: [UInt64] = {
    let environment = ProcessInfo.processInfo.environment
    if let seed = environment["STATUSRELAY_SEED"].flatMap(UInt64.init) { return [seed] }
    let count = environment["STATUSRELAY_SEEDS"].flatMap(UInt64.init) ?? 500
    return Array(0..<count)
  }()

  @Test("Every delivery of any history ends once, in its lane's order, within the limits")
  func randomHistories() async {
    for seed in Self.seeds {
      // Tests that wait for a moment are to get their turn in between.
      await Task.yield()
      var history = QueueHistory(seed: seed)
      if let complaint = history.run() {
        Issue.record("seed \(seed): \(complaint)")
        return
      }
    }
  }
}

private struct QueueHistory {
  private struct Row {
    var delivery: Delivery
    /// `nil` while blocked behind an earlier one of its lane.
    var dueAt: SteadyTime?
  }

  private var random: SeededGenerator
  private var now = SteadyTime(milliseconds: 1_000_000)
  private var queue: DestinationQueue
  private let policy: DeliveryPolicy
  private let failureRate: Double
  private let goneRate: Double

  /// The unsettled ones.
  private var rows: [DeliveryID: Row] = [:]
  /// The unsettled ones of each lane, in the order recorded.
  private var order: [Lane: [DeliveryID]] = [:]
  private var nextID: Int64 = 1
  private var inFlight: [DeliveryID] = []
  private var unrecorded: [Settlement] = []
  private var pendingLoad: (page: [Delivery], nextDue: SteadyTime?)?
  private var starts: [SteadyTime] = []
  private var operatorPaused = false
  private var wakeAt: SteadyTime?

  init(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let limits: [RateLimit?] = [nil, nil, RateLimit(count: 5, period: .seconds(1))]
    policy = DeliveryPolicy(
      maxConcurrency: Int.random(in: 1...6, using: &random), rateLimit: limits.randomElement(using: &random)!,
      retry: RetryPolicy(
        schedule: [.seconds(1), .seconds(5), .seconds(30), .seconds(60)], jitter: 0.2, giveUpAfter: .seconds(600)))
    failureRate = [0, 0.1, 0.5, 0.95].randomElement(using: &random)!
    goneRate = [0, 0, 0.02].randomElement(using: &random)!
    queue = DestinationQueue(policy: policy, capacity: Int.random(in: 4...24, using: &random))
    self.random = random
  }

  /// What went wrong, or `nil`.
  mutating func run() -> String? {
    for _ in 0..<Int.random(in: 20...200, using: &random) {
      if let complaint = turn() { return complaint }
    }
    return drain()
  }

  private mutating func turn() -> String? {
    switch Int.random(in: 0..<10, using: &random) {
    case 0, 1: record(Int.random(in: 1...12, using: &random))
    case 2, 3, 4: finishOne()
    case 5: recordSettlements()
    case 6: answerLoad()
    case 7: now = now + .milliseconds(Int64.random(in: 0...20_000, using: &random))
    case 8: restartNowAndThen()
    default: pauseOrResume()
    }
    return step()
  }

  private mutating func record(_ count: Int) {
    var heads: [Delivery] = []
    for _ in 0..<count {
      let lane = Lane(rawValue: Int64.random(in: 0..<15, using: &random))
      let id = DeliveryID(rawValue: nextID)
      nextID += 1
      let delivery = Delivery(
        id: id, destination: DestinationID(rawValue: 1), lane: lane, attempts: 0, recordedAt: now,
        notification: .example)
      let isHead = order[lane, default: []].isEmpty
      order[lane, default: []].append(id)
      rows[id] = Row(delivery: delivery, dueAt: isHead ? now : nil)
      if isHead { heads.append(delivery) }
    }
    queue.take(heads)
  }

  private mutating func finishOne() {
    guard let index = inFlight.indices.randomElement(using: &random) else { return }
    let id = inFlight.remove(at: index)
    let outcome: AttemptOutcome =
      switch Double.random(in: 0..<1, using: &random) {
      case ..<goneRate: .answered(httpStatus: 410, retryAfter: nil)
      case ..<(goneRate + failureRate):
        Bool.random(using: &random)
          ? .failed(.timeout) : .answered(httpStatus: 503, retryAfter: .seconds(Int.random(in: 0...40, using: &random)))
      default: .answered(httpStatus: 200, retryAfter: nil)
      }
    let report = AttemptReport(
      startedAt: UnixTime(milliseconds: 0), duration: .zero, httpStatus: outcome.httpStatus, failure: outcome.failure)
    guard
      let settlement = queue.finished(
        id, outcome: outcome, report: report, at: now, random: Double.random(in: 0..<1, using: &random))
    else { return }
    unrecorded.append(settlement)
  }

  private mutating func recordSettlements() {
    for settlement in unrecorded { recordSettlement(settlement) }
    unrecorded = []
  }

  private mutating func recordSettlement(_ settlement: Settlement) {
    let id = settlement.delivery
    rows[id]!.delivery.attempts = settlement.attempts  // traps when it was settled before
    var unblocked: [Delivery] = []
    switch settlement.verdict {
    case .retry(let time): rows[id]!.dueAt = time
    case .held: rows[id]!.dueAt = now
    case .delivered, .deadLetter:
      rows[id] = nil
      order[settlement.lane]!.removeAll { $0 == id }
      if let next = order[settlement.lane]!.first {
        rows[next]!.dueAt = now
        unblocked.append(rows[next]!.delivery)
      }
    }
    queue.settled(settlement)
    queue.take(unblocked)
  }

  private mutating func answerLoad() {
    guard let load = pendingLoad else { return }
    pendingLoad = nil
    if Int.random(in: 0..<10, using: &random) == 0 {
      queue.loadFailed()
    } else {
      queue.loaded(load.page, nextDue: load.nextDue)
    }
  }

  /// A crash: all that is in memory is gone, what was recorded is not.
  private mutating func restartNowAndThen() {
    guard Int.random(in: 0..<20, using: &random) == 0 else { return }
    inFlight = []
    unrecorded = []
    pendingLoad = nil
    queue = DestinationQueue(policy: policy, isPaused: operatorPaused, capacity: 8)
    starts = []
  }

  private mutating func pauseOrResume() {
    guard Int.random(in: 0..<4, using: &random) == 0 else { return }
    operatorPaused = !queue.isPaused
    operatorPaused ? queue.pause() : queue.resume()
  }

  private mutating func step() -> String? {
    let wasPaused = queue.isPaused
    let step = queue.step(at: now, budget: Int.random(in: 1...8, using: &random))
    queue.checkInvariants()
    wakeAt = step.wakeAt
    if wasPaused, !step.attempts.isEmpty { return "an attempt while paused" }
    for delivery in step.attempts {
      guard let row = rows[delivery.id] else { return "\(delivery.id) attempted after it was settled" }
      if let first = order[delivery.lane]!.first, first != delivery.id {
        return "\(delivery.id) started before \(first) of its lane was settled"
      }
      guard let dueAt = row.dueAt, dueAt <= now else { return "\(delivery.id) attempted before it was due" }
      if inFlight.contains(delivery.id) { return "\(delivery.id) attempted twice at once" }
      inFlight.append(delivery.id)
      starts.append(now)
    }
    if inFlight.count > policy.maxConcurrency { return "\(inFlight.count) at once" }
    if let limit = policy.rateLimit {
      starts.removeAll { now - $0 >= limit.period }
      if starts.count > limit.count { return "rate limit exceeded" }
    }
    unrecorded.append(contentsOf: step.settlements)
    if let load = step.load {
      if pendingLoad != nil { return "two loads at once" }
      let due = rows.values.filter { $0.dueAt.map { $0 <= now } == true && !load.excluding.contains($0.delivery.id) }
        .sorted { ($0.dueAt!, $0.delivery.id) < ($1.dueAt!, $1.delivery.id) }
      let page = due.prefix(load.limit).map(\.delivery)
      let excluded = load.excluding.union(page.map(\.id))
      pendingLoad = (page, rows.values.filter { !excluded.contains($0.delivery.id) }.compactMap(\.dueAt).min())
    }
    return nil
  }

  /// With a healthy consumer everything must end, woken only when the queue asked to be.
  private mutating func drain() -> String? {
    queue.resume()
    for _ in 0..<20_000 {
      recordSettlements()
      if let load = pendingLoad {
        pendingLoad = nil
        queue.loaded(load.page, nextDue: load.nextDue)
      }
      for id in inFlight {
        let report = AttemptReport(
          startedAt: UnixTime(milliseconds: 0), duration: .zero, httpStatus: 200, failure: nil)
        if let settlement = queue.finished(
          id, outcome: .answered(httpStatus: 200, retryAfter: nil), report: report, at: now, random: 0.5)
        {
          unrecorded.append(settlement)
        }
      }
      inFlight = []
      if rows.isEmpty { return nil }
      if let complaint = step() { return complaint }
      if inFlight.isEmpty, pendingLoad == nil, unrecorded.isEmpty {
        guard let wake = wakeAt else {
          return "\(rows.count) deliveries wait and nothing would wake the queue"
        }
        now = wake
      }
    }
    return "it never came to an end"
  }
}

extension Notification {
  static let example = Notification(
    webhookID: "msg_1", idInstance: 1, idMessage: "A", status: .sent, timestamp: 1, chatId: "c", typeMessage: "",
    sendByApi: true, body: [])
}

private func < (a: (SteadyTime, DeliveryID), b: (SteadyTime, DeliveryID)) -> Bool {
  a.0 == b.0 ? a.1 < b.1 : a.0 < b.0
}
