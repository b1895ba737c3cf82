import GreenAPI
import RelayCore

/// One life of a queue, all of it following from the seed: polls, attempts that end one way or another, an outbox whose answers come
/// late and in any order, operators, reloads, crashes. Every decision of the queue is held against the plain models. A class, as in debug
/// builds each check of a struct's would copy it.
final class QueueHistory {
  private var random: SeededGenerator
  /// Milliseconds.
  private var now: Int64 = 1_000_000
  private var policy: DeliveryPolicy
  private let failureRate: Double
  private let goneRate: Double
  /// The outbox's answers come later one time in so many.
  private let lateness: Int

  private var queue: DestinationQueue
  private var capacity: Int
  private var outbox: OutboxModel
  private var circuit = CircuitModel()
  private var rate: RateModel
  private var isPaused = false
  private var isUnaddressed = false
  /// How many notifications each message has had.
  private var counts = [Int](repeating: 0, count: EventPool.messages)
  private var wakeAt: SteadyTime?
  private var steps = 0

  private var inFlight: [Int] = []
  /// Ended or given up, and not yet in the outbox.
  private var unrecorded: [Settlement] = []
  /// Ended or given up, and the queue doesn't know yet that the outbox has it.
  private var unconfirmed: Set<Int> = []
  /// What the outbox has answered and the queue has not heard. Settlements are written one batch after another.
  private var recordings: [[Delivery]] = []
  private var batch: (settlements: [Settlement], unblocked: [Delivery])?
  private var load: DestinationQueue.Step.Load?
  private var page: (deliveries: [Delivery], nextDue: SteadyTime?)?

  /// How often what is worth testing came about: a history in which nothing happens proves nothing.
  struct Tally {
    var attempts = 0
    var probes = 0
    /// A rate limit had something ready wait.
    var waitsForRate = 0
    var retries = 0
    var deadLettersBySchedule = 0
    var deadLettersByAge = 0
    var gone = 0
    /// Restarts with an open circuit.
    var restoredCircuits = 0
    /// Other orderings, with deliveries in the window.
    var relanings = 0
    var revivals = 0

    static func += (a: inout Self, b: Self) {
      for path in Self.all { a[keyPath: path] += b[keyPath: path] }
    }

    static var all: [WritableKeyPath<Self, Int>] {
      [
        \.attempts, \.probes, \.waitsForRate, \.retries, \.deadLettersBySchedule, \.deadLettersByAge, \.gone,
        \.restoredCircuits, \.relanings, \.revivals,
      ]
    }
  }

  private(set) var tally = Tally()

  private struct Complaint: Error { var text: String }

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    policy = Self.policy(&random)
    failureRate = [0, 0.1, 0.5, 0.9, 1].randomElement(using: &random)!
    goneRate = [0, 0, 0.02].randomElement(using: &random)!
    lateness = [2, 5, 30].randomElement(using: &random)!
    capacity = Int.random(in: 4...24, using: &random)
    queue = DestinationQueue(policy: policy, capacity: capacity)
    outbox = OutboxModel(ordering: policy.ordering)
    rate = RateModel(policy.rateLimit, at: now)
  }

  private static func policy(_ random: inout SeededGenerator) -> DeliveryPolicy {
    let limits: [RateLimit?] = [
      nil, nil, RateLimit(count: 5, period: .seconds(1)), RateLimit(count: 40, period: .seconds(1)),
      RateLimit(count: 30, period: .seconds(60)),
    ]
    let waits: [Duration] = [.seconds(1), .seconds(5), .seconds(30), .seconds(60)]
    return DeliveryPolicy(
      maxConcurrency: Int.random(in: 1...6, using: &random), rateLimit: limits.randomElement(using: &random)!,
      ordering: [.message, .message, .chat, .account, .none].randomElement(using: &random)!,
      retry: RetryPolicy(
        schedule: Array(waits.prefix(Int.random(in: 1...4, using: &random))), jitter: 0.2, giveUpAfter: .seconds(600)))
  }

  /// What went wrong, or `nil`.
  func run() -> String? {
    do throws(Complaint) {
      let isLong = chance(20)
      for _ in 0..<Int.random(in: 10...(isLong ? 300 : 90), using: &random) { try turn() }
      try drain()
      return nil
    } catch {
      return "\(error.text) (at \(now))"
    }
  }

  private func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &random) == 0 }

  private func check(_ condition: Bool, _ complaint: @autoclosure () -> String) throws(Complaint) {
    if !condition { throw Complaint(text: complaint()) }
  }

  // MARK: What happens

  private func turn() throws(Complaint) {
    switch Int.random(in: 0..<20, using: &random) {
    case 0..<3: record()
    case 3..<10: for _ in 0..<Int.random(in: 1...4, using: &random) { try finishOne() }
    case 10..<16: passTime()
    case 16: if chance(6) { restart() } else if chance(3) { abandonOne() }
    case 17: if chance(3) { reload() } else { lookAgain() }
    default: steer()
    }
    if isPrompt { hearOfRecording() }
    if isPrompt { hearOfBatch() }
    if isPrompt { try write(Int.random(in: 1...9, using: &random)) }
    if isPrompt { hearOfBatch() }
    if isPrompt { read() }
    if isPrompt { hearOfPage() }
    if !chance(4) { try step(budget: Int.random(in: 0...8, using: &random)) }
  }

  private var isPrompt: Bool { !chance(lateness) }

  private func record() {
    var heads: [Delivery] = []
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let message = Int.random(in: 0..<EventPool.messages, using: &random)
      let event = EventPool.event(counts[message], ofMessage: message)
      counts[message] += 1
      if let head = outbox.record(event: event, at: now) { heads.append(outbox.delivery(head)) }
    }
    recordings.append(heads)
  }

  private func hearOfRecording() {
    guard let index = recordings.indices.randomElement(using: &random) else { return }
    queue.take(recordings.remove(at: index))
  }

  private func finishOne() throws(Complaint) {
    guard let index = inFlight.indices.randomElement(using: &random) else { return }
    var outcome = AttemptOutcome.answered(httpStatus: 200, retryAfter: nil)
    switch Double.random(in: 0..<1, using: &random) {
    case ..<goneRate: outcome = .answered(httpStatus: 410, retryAfter: nil)
    case ..<(goneRate + failureRate):
      outcome =
        Bool.random(using: &random)
        ? .failed(.timeout) : .answered(httpStatus: 503, retryAfter: .seconds(Int.random(in: 0...40, using: &random)))
    default: break
    }
    try finish(inFlight.remove(at: index), outcome)
  }

  private func finish(_ number: Int, _ outcome: AttemptOutcome) throws(Complaint) {
    let report = AttemptReport(
      startedAt: UnixTime(milliseconds: 0), duration: .zero, httpStatus: outcome.httpStatus, failure: outcome.failure)
    let settlement = queue.finished(
      DeliveryID(rawValue: Int64(number)), outcome: outcome, report: report, at: SteadyTime(milliseconds: now),
      random: Double.random(in: 0..<1, using: &random))
    guard let settlement else { throw Complaint(text: "\(number) was in flight, and the queue knows nothing of it") }
    let row = outbox.rows[number]
    switch outcome.failure {
    case nil:
      circuit.success()
      try check(settlement.verdict == .delivered, "\(number) was delivered, not \(settlement.verdict)")
    case .gone:
      circuit.noAnswer(number, at: now)
      isPaused = true
      tally.gone += 1
      try check(settlement.verdict == .held && settlement.attempts == row.attempts, "\(number) waits as it was")
    case .some:
      circuit.failure(number, message: EventPool.message(of: row.event), at: now)
      switch settlement.verdict {
      case .retry: tally.retries += 1
      case .deadLetter(.tooOld): tally.deadLettersByAge += 1
      default: tally.deadLettersBySchedule += 1
      }
      try checkRetry(of: row, after: outcome, settlement.verdict)
    }
    try check(settlement.verdict == .held || settlement.attempts == row.attempts + 1, "an attempt was not counted")
    unrecorded.append(settlement)
    unconfirmed.insert(number)
  }

  private func checkRetry(
    of row: OutboxModel.Row, after outcome: AttemptOutcome, _ verdict: Settlement.Verdict
  ) throws(Complaint) {
    switch verdict {
    case .deadLetter(.tooOld): try check(now - row.recordedAt >= 600_000, "given up too young")
    case .deadLetter(.scheduleUsedUp):
      try check(row.attempts >= policy.retry.schedule.count, "given up after \(row.attempts + 1) attempts")
    case .retry(let time):
      try check(now - row.recordedAt < 600_000 && row.attempts < policy.retry.schedule.count, "not given up")
      let wait = Double(policy.retry.schedule[row.attempts].milliseconds)
      let demanded = Double(outcome.retryAfter?.milliseconds ?? 0)
      let actual = Double(time.milliseconds - now)
      try check(actual >= max(0.8 * wait - 1, demanded), "retried after \(actual) ms")
      try check(actual <= max(1.2 * wait + 1, demanded), "retried only after \(actual) ms")
    case .delivered, .held: throw Complaint(text: "a failure became \(verdict)")
    }
  }

  private func write(_ count: Int) throws(Complaint) {
    guard batch == nil, !unrecorded.isEmpty else { return }
    let settlements = Array(unrecorded.prefix(count))
    unrecorded.removeFirst(settlements.count)
    var unblocked: [Delivery] = []
    for settlement in settlements {
      let number = Int(settlement.delivery.rawValue)
      try check(!outbox.rows[number].isSettled, "\(number) was settled twice")
      if let head = outbox.write(settlement, at: now) { unblocked.append(outbox.delivery(head)) }
    }
    batch = (settlements, unblocked)
  }

  private func hearOfBatch() {
    guard let (settlements, unblocked) = batch else { return }
    batch = nil
    for settlement in settlements {
      queue.settled(settlement)
      unconfirmed.remove(Int(settlement.delivery.rawValue))
    }
    queue.take(unblocked)
  }

  private func read() {
    guard let load, page == nil else { return }
    page = outbox.page(limit: load.limit, excluding: load.excluding, at: now)
  }

  private func hearOfPage() {
    guard let (deliveries, nextDue) = page else { return }
    load = nil
    page = nil
    if chance(10) { queue.loadFailed() } else { queue.loaded(deliveries, nextDue: nextDue) }
  }

  private func passTime() {
    switch Int.random(in: 0..<40, using: &random) {
    case 0..<10: now += Int64.random(in: 0...50, using: &random)
    case 10..<34:
      guard let wakeAt = wakeAt?.milliseconds, wakeAt < now + 100_000 || chance(6) else { return }
      now = max(now, wakeAt) + Int64.random(in: 0...3, using: &random)
    case 34..<39: now += Int64.random(in: 0...20_000, using: &random)
    default: now += chance(3) ? 650_000 : 100_000
    }
  }

  private func abandonOne() {
    guard let number = inFlight.popLast() else { return }
    queue.abandoned(DeliveryID(rawValue: Int64(number)), at: SteadyTime(milliseconds: now))
    circuit.noAnswer(number, at: now)
  }

  /// An operator pauses or resumes, an account's address goes or comes.
  private func steer() {
    if isPaused {
      if chance(2) { resume() }
    } else if isUnaddressed {
      if chance(2) { setUnaddressed(false) }
    } else {
      switch Int.random(in: 0..<24, using: &random) {
      case 0, 1:
        queue.pause()
        isPaused = true
      case 2: setUnaddressed(true)
      case 3: resume()
      case 4:
        queue.addressChanged()
        circuit.success()
      default: break
      }
    }
  }

  private func resume() {
    queue.resume()
    isPaused = false
    circuit.success()
  }

  private func setUnaddressed(_ value: Bool) {
    isUnaddressed = value
    queue.setUnaddressed(value)
  }

  /// After an operator's retry of a dead letter, or without a reason.
  private func lookAgain() {
    if let index = outbox.deadLetters.indices.randomElement(using: &random),
      !unconfirmed.contains(outbox.deadLetters[index])
    {
      outbox.revive(index, at: now)
      tally.revivals += 1
    }
    queue.lookAgain()
  }

  private func reload() {
    let before = policy.ordering
    changePolicy()
    if policy.ordering != before, queue.readyCount > 0 { tally.relanings += 1 }
    adoptPolicy()
  }

  private func adoptPolicy() {
    capacity = max(capacity, 4 * policy.maxConcurrency)
    queue.adopt(policy)
  }

  private func changePolicy() {
    let new = Self.policy(&random)
    if chance(2) { policy.ordering = new.ordering }
    if chance(2) { policy.rateLimit = new.rateLimit }
    if chance(2) { policy.maxConcurrency = new.maxConcurrency }
    if chance(2) { policy.retry = new.retry }
    if policy.ordering != outbox.ordering { outbox.relane(to: policy.ordering, at: now) }
    rate.adopt(policy.rateLimit, at: now)
  }

  /// A crash: all that is in memory is gone, what was recorded is not.
  private func restart() {
    inFlight = []
    unrecorded = []
    unconfirmed = []
    recordings = []
    batch = nil
    load = nil
    page = nil
    wakeAt = nil
    circuit.restart()
    if circuit.opening != nil { tally.restoredCircuits += 1 }
    if chance(2) { changePolicy() }
    capacity = Int.random(in: 4...24, using: &random)
    queue = DestinationQueue(
      policy: policy, isPaused: isPaused, capacity: capacity, circuit: circuit.trip,
      latestAttempt: rate.starts.last.map(SteadyTime.init(milliseconds:)))
    queue.setUnaddressed(isUnaddressed)
  }

  // MARK: What the queue decides

  private func step(budget: Int) throws(Complaint) {
    let step = queue.step(at: SteadyTime(milliseconds: now), budget: budget)
    steps += 1
    if steps % 8 == 0 { queue.checkInvariants() }
    wakeAt = step.wakeAt
    try check(queue.isPaused == isPaused, "paused: \(queue.isPaused)")
    try check(wakeAt.map { $0.milliseconds > now } ?? true, "it wants to be woken in the past")
    if isPaused { try check(step.settlements.isEmpty && step.load == nil, "something done while paused") }
    for settlement in step.settlements { try giveUp(settlement) }
    try check(step.attempts.isEmpty || !isPaused && !isUnaddressed, "an attempt while paused or without an address")
    for delivery in step.attempts { try start(delivery) }
    try check(step.attempts.isEmpty || inFlight.count <= policy.maxConcurrency, "\(inFlight.count) attempts at once")
    try check(step.attempts.count <= budget, "\(step.attempts.count) attempts on a budget of \(budget)")
    try check(!step.isShortOfBudget || step.attempts.count == budget, "short of a budget that is not used up")
    try checkWhatHoldsBack(after: step, budget: budget)
    try check(circuit.agrees(with: queue.circuit.trip), "the circuit is \(String(describing: queue.circuit.trip))")
    guard let load = step.load else { return }
    try check(self.load == nil, "two loads at once")
    try check(load.limit > 0 && load.limit + load.excluding.count <= capacity, "more is loaded than there is room")
    self.load = load
  }

  /// What is ready starts unless there is a reason.
  private func checkWhatHoldsBack(after step: DestinationQueue.Step, budget: Int) throws(Complaint) {
    guard queue.readyCount > 0, !isPaused, !isUnaddressed, circuit.opening == nil, step.attempts.count < budget,
      inFlight.count < policy.maxConcurrency
    else { return }
    try check(policy.rateLimit != nil && wakeAt != nil, "nothing holds back what is ready")
    tally.waitsForRate += 1
  }

  private func start(_ delivery: Delivery) throws(Complaint) {
    let number = Int(delivery.id.rawValue)
    let row = outbox.rows[number]
    try check(!row.isSettled, "\(number) is attempted after it was settled")
    try check(!inFlight.contains(number), "\(number) is attempted twice at once")
    try check(!unconfirmed.contains(number), "\(number) is attempted before its last attempt is recorded")
    guard let dueAt = row.dueAt else { throw Complaint(text: "\(number) overtakes what is first in its lane") }
    try check(dueAt <= now, "\(number) is attempted before it is due")
    try check(delivery.attempts == row.attempts, "\(number) has been attempted \(row.attempts) times")
    tally.attempts += 1
    if circuit.opening != nil { tally.probes += 1 }
    try check(circuit.start(number, at: now), "\(number) is attempted though the circuit is open")
    try check(rate.start(at: now), "the rate limit is exceeded")
    inFlight.append(number)
  }

  private func giveUp(_ settlement: Settlement) throws(Complaint) {
    let number = Int(settlement.delivery.rawValue)
    let row = outbox.rows[number]
    try check(isUnaddressed || circuit.opening != nil, "\(number) is given up though it could be attempted")
    try check(settlement.verdict == .deadLetter(.tooOld) && now - row.recordedAt >= 600_000, "\(number) is not old")
    try check(settlement.attempts == row.attempts && settlement.report == nil, "\(number) was not attempted")
    tally.deadLettersByAge += 1
    try check(row.dueAt != nil && !inFlight.contains(number), "\(number) is given up out of turn")
    try check(!unconfirmed.contains(number), "\(number) is given up twice")
    unrecorded.append(settlement)
    unconfirmed.insert(number)
  }

  // MARK: How it ends

  /// With a healthy consumer everything ends, woken only when the queue asked to be.
  private func drain() throws(Complaint) {
    if isPaused { resume() }
    setUnaddressed(false)
    if !chance(8) {
      policy.rateLimit = nil
      rate.adopt(nil, at: now)
      adoptPolicy()
    }
    for _ in 0..<20_000 {
      let before = (inFlight.count, unrecorded.count)
      for number in inFlight { try finish(number, .answered(httpStatus: 200, retryAfter: nil)) }
      inFlight = []
      hearOfBatch()
      try write(.max)
      hearOfBatch()
      while !recordings.isEmpty { hearOfRecording() }
      let hadLoad = load != nil
      read()
      hearOfPage()
      if outbox.waiting.isEmpty { return }
      try step(budget: 8)
      if before == (0, 0), !hadLoad, inFlight.isEmpty, load == nil, unrecorded.isEmpty {
        guard let wakeAt else {
          throw Complaint(text: "\(outbox.waiting.count) deliveries wait and nothing would wake the queue")
        }
        now = max(now, wakeAt.milliseconds)
      }
    }
    throw Complaint(text: "it never came to an end")
  }
}
