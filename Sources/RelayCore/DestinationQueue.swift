import Collections

/// What one destination is to be sent next: every decision of delivering, fed with events and time.
///
/// It holds a bounded window of deliveries that are due and first in their lane; everything else waits in the outbox. A delivery
/// is *held* from the moment it is taken over (``take(_:)``, ``loaded(_:nextDue:)``) until the outbox has recorded its settlement
/// (``settled(_:)``), so that it can't be taken twice. Whoever drives it calls ``step(at:budget:)`` after each batch
/// of events and carries out what it returns.
public struct DestinationQueue: Sendable {
  public private(set) var policy: DeliveryPolicy
  public private(set) var circuit: CircuitBreaker
  public private(set) var isPaused: Bool
  /// There is no address to send to as yet. Unlike while paused, what grows too old meanwhile is given up.
  public private(set) var isUnaddressed = false

  /// Due and first in their lane, the longest waiting first.
  private var ready: Deque<Delivery> = []
  private var inFlight: [DeliveryID: Delivery] = [:]
  private var probe: DeliveryID?
  /// Ready, in flight, or settled but not recorded yet.
  private var held: Set<DeliveryID> = []
  private var limiter: RateLimiter

  /// Whether the outbox may hold deliveries that are due and not held.
  private var mayHaveMore = true
  /// When the next delivery in the outbox falls due, as far as known.
  private var nextDue: SteadyTime?
  /// Set while the outbox is being read: what came up meanwhile, which its answer may or may not show.
  private var loading: Loading?
  /// Deliveries that wait for this destination in memory: enough to keep it busy while the next page is loaded.
  private let capacity: Int

  private struct Loading: Sendable {
    var missedMore = false
    /// Recorded as settled, though the answer may still show them as due.
    var settled: Set<DeliveryID> = []
    var earliestRetry: SteadyTime?

    mutating func noteRetry(at time: SteadyTime) { earliestRetry = min(earliestRetry ?? time, time) }
  }

  public static let smallestCapacity = 1024

  /// - Parameters:
  ///   - circuit: an open circuit, remembered over a restart.
  ///   - latestAttempt: when the latest attempt before a restart started, or later; the rate limit counts it.
  public init(
    policy: DeliveryPolicy, isPaused: Bool = false, capacity: Int? = nil, circuit: CircuitBreaker.Trip? = nil,
    latestAttempt: SteadyTime? = nil
  ) {
    self.policy = policy
    self.isPaused = isPaused
    self.capacity = capacity ?? max(Self.smallestCapacity, 4 * policy.maxConcurrency)
    limiter = RateLimiter(policy.rateLimit, latestAttempt: latestAttempt)
    self.circuit = CircuitBreaker(restoring: circuit)
  }

  public var readyCount: Int { ready.count }
  public var inFlightCount: Int { inFlight.count }
  public var heldCount: Int { held.count }
  /// Whether all that was attempted has ended and is recorded: what is held besides is in the outbox just as it is here.
  public var isAtRest: Bool { held.count == ready.count }

  /// What is to be done now.
  public struct Step: Sendable {
    /// To be started, in this order.
    public var attempts: [Delivery] = []
    /// To be recorded though nothing was attempted: given up for their age.
    public var settlements: [Settlement] = []
    /// How many due deliveries to read from the outbox, leaving out those in `excluding`; the answer goes to ``loaded(_:nextDue:)``.
    public var load: Load?
    /// When to ask again if nothing happens before; `nil`: only an event changes anything.
    public var wakeAt: SteadyTime?

    public struct Load: Sendable, Hashable {
      public var limit: Int
      public var excluding: Set<DeliveryID>

      public init(limit: Int, excluding: Set<DeliveryID>) {
        self.limit = limit
        self.excluding = excluding
      }
    }
  }

  // MARK: Events

  /// Deliveries that have just been recorded or have just become first in their lane.
  public mutating func take(_ deliveries: some Sequence<Delivery>) {
    for delivery in deliveries {
      guard !held.contains(delivery.id) else { continue }
      guard !mayHaveMore, held.count < capacity else {
        lookAgain()
        continue
      }
      held.insert(delivery.id)
      ready.append(delivery)
    }
  }

  /// The outbox's answer to ``Step/load``.
  public mutating func loaded(
    _ deliveries: some Sequence<Delivery>, nextDue: SteadyTime?
  ) {
    mayHaveMore = loading?.missedMore ?? false
    let settled = loading?.settled ?? []
    for delivery in deliveries where !held.contains(delivery.id) && !settled.contains(delivery.id) {
      // What was taken meanwhile may have filled the window.
      guard held.count < capacity else {
        mayHaveMore = true
        break
      }
      held.insert(delivery.id)
      ready.append(delivery)
    }
    self.nextDue = [nextDue, loading?.earliestRetry].compactMap(\.self).min()
    loading = nil
  }

  /// The outbox could not answer; it will be asked again.
  public mutating func loadFailed() {
    loading = nil
    mayHaveMore = true
  }

  /// An attempt has ended.
  /// - Returns: what is to be recorded; `nil` when this delivery wasn't in flight.
  public mutating func finished(
    _ id: DeliveryID, outcome: AttemptOutcome, report: AttemptReport, at now: SteadyTime, random: Double
  ) -> Settlement? {
    guard let delivery = inFlight.removeValue(forKey: id) else { return nil }
    let wasProbe = probe == id
    if wasProbe { probe = nil }
    var settlement = Settlement(
      delivery: id, destination: delivery.destination, lane: delivery.lane, verdict: .delivered,
      attempts: delivery.attempts + 1, report: report)
    switch outcome.failure {
    case nil:
      closeCircuit()
    case .gone:
      isPaused = true
      if wasProbe { circuit.abandonedProbe(at: now) }
      settlement.verdict = .held
      settlement.attempts = delivery.attempts
    case .some:
      circuit.failed(delivery.notification, wasProbe: wasProbe, at: now)
      settlement.verdict = policy.retry.verdict(
        afterAttempts: settlement.attempts, recordedAt: delivery.recordedAt, retryAfter: outcome.retryAfter, at: now,
        random: random)
    }
    return settlement
  }

  /// An attempt was called off before it ended; the delivery is as it was, and stays in the outbox.
  public mutating func abandoned(_ id: DeliveryID, at now: SteadyTime) {
    guard inFlight.removeValue(forKey: id) != nil else { return }
    if probe == id {
      probe = nil
      circuit.abandonedProbe(at: now)
    }
    held.remove(id)
    lookAgain()
  }

  /// The outbox has recorded this settlement.
  public mutating func settled(_ settlement: Settlement) {
    held.remove(settlement.delivery)
    loading?.settled.insert(settlement.delivery)
    switch settlement.verdict {
    case .retry(let time):
      nextDue = min(nextDue ?? time, time)
      loading?.noteRetry(at: time)
    case .held: lookAgain()
    case .delivered, .deadLetter: break
    }
  }

  public mutating func pause() { isPaused = true }

  /// Deliveries start again at once, whatever the circuit had learned before.
  public mutating func resume() {
    isPaused = false
    closeCircuit()
    lookAgain()
  }

  /// Whether there is an address to send to.
  public mutating func setUnaddressed(_ isUnaddressed: Bool) { self.isUnaddressed = isUnaddressed }

  /// The outbox may hold due deliveries that it did not hold before, such as after an operator's retry.
  public mutating func lookAgain() {
    mayHaveMore = true
    loading?.missedMore = true
  }

  public mutating func adopt(_ policy: DeliveryPolicy) {
    limiter.adopt(policy.rateLimit)
    self.policy = policy
  }

  private mutating func closeCircuit() {
    circuit.succeeded()
    probe = nil
  }

  // MARK: Decision

  /// What to do now.
  /// - Parameter budget: how many attempts may start, over and above the destination's own limit.
  public mutating func step(at now: SteadyTime, budget: Int) -> Step {
    var step = Step()
    guard !isPaused else { return step }
    if !circuit.isClosed || isUnaddressed { step.settlements = giveUpOld(at: now) }
    while !isUnaddressed, step.attempts.count < budget, inFlight.count < policy.maxConcurrency,
      let delivery = ready.first
    {
      guard limiter.nextAdmission.map({ now >= $0 }) ?? true, circuit.admit(at: now) else { break }
      _ = limiter.admit(at: now)
      ready.removeFirst()
      inFlight[delivery.id] = delivery
      if !circuit.isClosed { probe = delivery.id }
      step.attempts.append(delivery)
    }
    step.load = loadIfWorthwhile(at: now)
    step.wakeAt = wakeTime(at: now)
    return step
  }

  /// While the circuit is open nothing but a probe is attempted, so what has grown too old meanwhile is given up here.
  private mutating func giveUpOld(at now: SteadyTime) -> [Settlement] {
    guard ready.contains(where: { now - $0.recordedAt >= policy.retry.giveUpAfter }) else { return [] }
    var settlements: [Settlement] = []
    ready = ready.filter { delivery in
      guard now - delivery.recordedAt >= policy.retry.giveUpAfter else { return true }
      settlements.append(
        Settlement(
          delivery: delivery.id, destination: delivery.destination, lane: delivery.lane, verdict: .deadLetter(.tooOld),
          attempts: delivery.attempts, report: nil))
      return false
    }
    return settlements
  }

  private mutating func loadIfWorthwhile(at now: SteadyTime) -> Step.Load? {
    guard loading == nil, ready.count <= capacity / 4, held.count < capacity else { return nil }
    guard mayHaveMore || nextDue.map({ $0 <= now }) == true else { return nil }
    loading = Loading()
    return Step.Load(limit: capacity - held.count, excluding: held)
  }

  private func wakeTime(at now: SteadyTime) -> SteadyTime? {
    var times: [SteadyTime] = []
    if !ready.isEmpty {
      if let time = circuit.nextAdmission { times.append(time) }
      if inFlight.count < policy.maxConcurrency, let time = limiter.nextAdmission { times.append(time) }
    }
    // What falls due later is read when it does; what is due already waits for room, not for time.
    if let nextDue, nextDue > now { times.append(nextDue) }
    return times.filter { $0 > now }.min()
  }

  /// Checks what must always hold; for tests.
  public func checkInvariants() {
    precondition(
      ready.allSatisfy { held.contains($0.id) && inFlight[$0.id] == nil }, "a ready delivery is held, not in flight")
    precondition(inFlight.keys.allSatisfy(held.contains), "an attempt in flight is held")
    precondition(Set(ready.map(\.id)).count == ready.count, "no delivery is ready twice")
    precondition(held.count <= capacity, "the window is bounded")
    precondition(probe.map { inFlight[$0] != nil } ?? true, "the probe is in flight")
    precondition((circuit.state == .probing) == (probe != nil), "a probing circuit has its probe")
  }
}
