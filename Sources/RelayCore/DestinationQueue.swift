import Collections

/// What one destination is to be sent next: every decision of delivering, fed with events and time.
///
/// It holds a bounded window of deliveries that are due and first in their lane; everything else waits in the outbox. Whoever drives
/// it calls ``step(at:budget:)`` after each batch of events and carries out what it returns.
public struct DestinationQueue: Sendable {
  public private(set) var policy: DeliveryPolicy
  public private(set) var circuit: CircuitBreaker
  /// While paused nothing is attempted, given up or read from the outbox.
  public private(set) var isPaused: Bool
  /// There is no address to send to as yet. Unlike while paused, what grows too old meanwhile is given up.
  public private(set) var isUnaddressed = false

  private var window: DueWindow
  private var inFlight: [DeliveryID: Delivery] = [:]
  private var probe: DeliveryID?
  private var limiter: RateLimiter

  /// Deliveries that wait for a destination in memory: enough to keep most busy while the next page is loaded.
  public static let smallestCapacity = 1024
  /// For one that takes tens of thousands a second: some five megabytes.
  public static let largestGrowth = 8192

  /// - Parameters:
  ///   - capacity: how many deliveries are held at most; at least four times `maxConcurrency` whenever another policy is adopted.
  ///     By default it is that at once, and grows to ``largestGrowth`` for a destination that uses them up faster than they are read, or recorded.
  ///   - circuit: an open circuit, remembered over a restart.
  ///   - latestAttempt: when the latest attempt before a restart started, or later; the rate limit counts it.
  public init(
    policy: DeliveryPolicy, isPaused: Bool = false, capacity: Int? = nil, circuit: CircuitBreaker.Trip? = nil,
    latestAttempt: SteadyTime? = nil
  ) {
    self.policy = policy
    self.isPaused = isPaused
    self.circuit = CircuitBreaker(restoring: circuit)
    window =
      capacity.map { DueWindow(capacity: $0) }
      ?? DueWindow(capacity: max(Self.smallestCapacity, 4 * policy.maxConcurrency), growingTo: Self.largestGrowth)
    limiter = RateLimiter(policy.rateLimit, latestAttempt: latestAttempt)
  }

  public var readyCount: Int { window.ready.count }
  public var inFlightCount: Int { inFlight.count }
  public var heldCount: Int { window.held.count }
  /// Whether all that was attempted has ended and is recorded: what is held besides is in the outbox just as it is here.
  public var isAtRest: Bool { heldCount == readyCount }

  /// What is to be done now.
  public struct Step: Sendable {
    /// To be started, in this order.
    public var attempts: [Delivery] = []
    /// More could start at once if the budget allowed: ask again when there is room.
    public var isShortOfBudget = false
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
    window.take(deliveries, ordering: policy.ordering)
  }

  /// The outbox's answer to ``Step/load``.
  public mutating func loaded(_ deliveries: some Sequence<Delivery>, nextDue: SteadyTime?) {
    window.loaded(deliveries, nextDue: nextDue)
  }

  /// The outbox could not answer; it will be asked again.
  public mutating func loadFailed() { window.loadFailed() }

  /// An attempt has ended.
  /// - Returns: what is to be recorded; `nil` when this delivery wasn't in flight.
  public mutating func finished(
    _ id: DeliveryID, outcome: AttemptOutcome, report: AttemptReport, at now: SteadyTime, random: Double
  ) -> Settlement? {
    guard let delivery = inFlight.removeValue(forKey: id) else { return nil }
    let wasProbe = probe == id
    if wasProbe { probe = nil }
    var settlement = Settlement(delivery, .delivered, attempts: delivery.attempts + 1, report: report)
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
    window.putBack(id)
  }

  /// The outbox has recorded this settlement.
  public mutating func settled(_ settlement: Settlement) { window.settled(settlement) }

  public mutating func pause() { isPaused = true }

  /// Deliveries start again at once, whatever the circuit had learned before.
  public mutating func resume() {
    isPaused = false
    closeCircuit()
    window.lookAgain()
  }

  /// Whether there is an address to send to.
  public mutating func setUnaddressed(_ isUnaddressed: Bool) { self.isUnaddressed = isUnaddressed }

  /// Deliveries go to another address from now on: what the circuit had learned was of the old one.
  public mutating func addressChanged() { closeCircuit() }

  /// The outbox may hold due deliveries that it did not hold before, such as after an operator's retry.
  public mutating func lookAgain() { window.lookAgain() }

  /// Takes over another policy at once; what is in flight ends as it began. If the ordering is another one, the outbox must have
  /// divided its deliveries into the new lanes before.
  public mutating func adopt(_ policy: DeliveryPolicy) {
    if policy.ordering != self.policy.ordering { window.forgetReady() }
    window.widen(to: 4 * policy.maxConcurrency)
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
    if givesUpUnattempted { step.settlements = giveUpOld(at: now) }
    while let start = nextStart(at: now), start <= now {
      guard step.attempts.count < budget else {
        step.isShortOfBudget = true
        break
      }
      guard circuit.admit(at: now), limiter.admit(at: now), let delivery = window.takeFirst() else {
        preconditionFailure("what may start is there and admitted")
      }
      inFlight[delivery.id] = delivery
      if !circuit.isClosed { probe = delivery.id }
      step.attempts.append(delivery)
    }
    step.load = window.load(at: now)
    step.wakeAt = wakeTime(at: now)
    return step
  }

  /// When the next attempt may start; `nil`: not before something happens.
  private func nextStart(at now: SteadyTime) -> SteadyTime? {
    guard !isUnaddressed, !window.ready.isEmpty, inFlight.count < policy.maxConcurrency, probe == nil else {
      return nil
    }
    return max(now, circuit.nextAdmission ?? now, limiter.nextAdmission ?? now)
  }

  /// Attempts that can be made tell by themselves what has grown too old.
  private var givesUpUnattempted: Bool { isUnaddressed || !circuit.isClosed }

  private mutating func giveUpOld(at now: SteadyTime) -> [Settlement] {
    window.takeOld { now >= policy.retry.expiry(ofRecordedAt: $0.recordedAt) }
      .map { Settlement($0, .deadLetter(.tooOld), attempts: $0.attempts, report: nil) }
  }

  private func wakeTime(at now: SteadyTime) -> SteadyTime? {
    var times: [SteadyTime] = []
    if let start = nextStart(at: now) { times.append(start) }
    // What falls due later is read when it does; what is due already waits for room, not for time.
    if let nextDue = window.nextDue { times.append(nextDue) }
    if givesUpUnattempted, let oldest = window.ready.lazy.map(\.recordedAt).min() {
      times.append(policy.retry.expiry(ofRecordedAt: oldest))
    }
    return times.filter { $0 > now }.min()
  }

  /// Checks what must always hold; for tests.
  public func checkInvariants() {
    let ready = Set(window.ready.map(\.id))
    precondition(ready.count == window.ready.count, "no delivery is ready twice")
    precondition(ready.isSubset(of: window.held), "a ready delivery is held")
    precondition(
      inFlight.keys.allSatisfy { window.held.contains($0) && !ready.contains($0) }, "in flight, so held only")
    precondition(window.held.count <= window.capacity, "the window is bounded")
    precondition(probe.map { inFlight[$0] != nil } ?? true, "the probe is in flight")
    precondition((circuit.state == .probing) == (probe != nil), "a probing circuit has its probe")
  }
}

extension Settlement {
  fileprivate init(_ delivery: Delivery, _ verdict: Verdict, attempts: Int, report: AttemptReport?) {
    self.init(
      delivery: delivery.id, destination: delivery.destination, lane: delivery.lane, verdict: verdict,
      attempts: attempts, report: report)
  }
}
