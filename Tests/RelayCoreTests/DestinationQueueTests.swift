import GreenAPI
import RelayCore
import Testing

@Suite struct DestinationQueueTests {
  private var now = SteadyTime(milliseconds: 1_000_000)

  /// The first notification of a message of its own.
  private func delivery(
    _ id: Int64, attempts: Int = 0, recordedAt: SteadyTime? = nil, ordering: Ordering = .message
  ) -> Delivery {
    let notification = RelayCore.Notification.example(idMessage: "M\(id)")
    return Delivery(
      id: DeliveryID(rawValue: id), destination: DestinationID(rawValue: 1), lane: ordering.lane(of: notification),
      attempts: attempts, recordedAt: recordedAt ?? now, notification: notification)
  }

  /// A queue that has read all the outbox holds.
  private func queue(_ policy: DeliveryPolicy = .init(), holding deliveries: [Delivery] = []) -> DestinationQueue {
    var queue = DestinationQueue(policy: policy)
    _ = queue.step(at: now, budget: 0)
    queue.loaded(deliveries, nextDue: nil)
    return queue
  }

  private func finish(_ queue: inout DestinationQueue, _ id: Int64, _ outcome: AttemptOutcome) -> Settlement? {
    let report = AttemptReport(
      startedAt: UnixTime(milliseconds: 0), duration: .zero, httpStatus: outcome.httpStatus, failure: outcome.failure)
    return queue.finished(DeliveryID(rawValue: id), outcome: outcome, report: report, at: now, random: 0.5)
  }

  private func ids(_ step: DestinationQueue.Step) -> [Int64] { step.attempts.map(\.id.rawValue) }

  @Test("A new queue reads the outbox before it attempts anything")
  func loadsFirst() {
    var queue = DestinationQueue(policy: .init(), capacity: 10)
    #expect(queue.step(at: now, budget: 5).load == .init(limit: 10, excluding: []))
    #expect(queue.step(at: now, budget: 5).load == nil, "one page at a time")
    queue.loaded([delivery(1)], nextDue: nil)
    let step = queue.step(at: now, budget: 5)
    #expect(ids(step) == [1])
    #expect(step.load == nil)
  }

  @Test("No more attempts at once than maxConcurrency or the budget allow")
  func concurrency() {
    var queue = queue(.init(maxConcurrency: 3), holding: (1...9).map { delivery($0) })
    #expect(ids(queue.step(at: now, budget: 2)) == [1, 2])
    #expect(ids(queue.step(at: now, budget: 9)) == [3])
    #expect(ids(queue.step(at: now, budget: 9)) == [])
    _ = finish(&queue, 2, .answered(httpStatus: 200, retryAfter: nil))
    #expect(ids(queue.step(at: now, budget: 9)) == [4])
  }

  @Test("A delivery in the queue is not taken twice")
  func noDuplicates() {
    var queue = queue(.init(maxConcurrency: 1), holding: [delivery(1), delivery(2)])
    queue.take([delivery(1), delivery(2), delivery(3)])
    #expect(ids(queue.step(at: now, budget: 9)) == [1])
    queue.take([delivery(1)])
    _ = finish(&queue, 1, .answered(httpStatus: 204, retryAfter: nil))
    queue.take([delivery(1)])
    #expect(ids(queue.step(at: now, budget: 9)) == [2], "until it is recorded as settled")
  }

  @Test("What doesn't fit in the window is read from the outbox later")
  func overflow() {
    var queue = DestinationQueue(policy: .init(maxConcurrency: 1), capacity: 4)
    _ = queue.step(at: now, budget: 0)
    queue.loaded([], nextDue: nil)
    queue.take((1...9).map { delivery($0) })
    #expect(queue.heldCount == 4)
    #expect(queue.step(at: now, budget: 1).load == nil, "not before there is room")
    for id in Int64(1)...3 {
      let settlement = finish(&queue, id, .answered(httpStatus: 200, retryAfter: nil))
      queue.settled(settlement!)
      _ = queue.step(at: now, budget: 1)
    }
    queue.checkInvariants()
  }

  @Test("410 pauses the destination; the delivery waits and no attempt is counted")
  func gone() {
    var queue = queue(holding: [delivery(1, attempts: 2), delivery(2)])
    _ = queue.step(at: now, budget: 1)
    let settlement = finish(&queue, 1, .answered(httpStatus: 410, retryAfter: nil))
    #expect(settlement?.verdict == .held)
    #expect(settlement?.attempts == 2)
    #expect(queue.isPaused)
    #expect(ids(queue.step(at: now, budget: 9)) == [])
    queue.settled(settlement!)
    queue.resume()
    let step = queue.step(at: now, budget: 9)
    #expect(ids(step) == [2])
    #expect(step.load != nil, "the one held back is in the outbox")
  }

  @Test("A retry wakes the queue when it is due, and not before")
  func retryWakes() {
    var queue = queue(holding: [delivery(1)])
    _ = queue.step(at: now, budget: 1)
    let settlement = finish(&queue, 1, .failed(.timeout))!
    #expect(settlement.verdict == .retry(at: now + .seconds(5)))
    queue.settled(settlement)
    #expect(queue.step(at: now, budget: 1).wakeAt == now + .seconds(5))
    #expect(queue.step(at: now + .milliseconds(4999), budget: 1).load == nil)
    #expect(queue.step(at: now + .seconds(5), budget: 1).load != nil)
  }

  @Test("A retry that was recorded while the outbox was being read is not forgotten")
  func retryWhileLoading() {
    var queue = queue(holding: [delivery(1)])
    _ = queue.step(at: now, budget: 1)
    let settlement = finish(&queue, 1, .failed(.timeout))!
    queue.lookAgain()
    #expect(queue.step(at: now, budget: 1).load != nil)
    queue.settled(settlement)
    queue.loaded([], nextDue: nil)
    #expect(queue.step(at: now, budget: 1).wakeAt == now + .seconds(5))
  }

  @Test("A queue is at rest when what it attempted is recorded, not merely ended")
  func atRest() {
    var queue = queue(holding: [delivery(1), delivery(2)])
    #expect(queue.isAtRest)
    _ = queue.step(at: now, budget: 1)
    #expect(!queue.isAtRest)
    let settlement = finish(&queue, 1, .answered(httpStatus: 200, retryAfter: nil))!
    #expect(!queue.isAtRest)
    queue.settled(settlement)
    #expect(queue.isAtRest)
  }

  @Test("A page of the outbox that is older than a delivery's end doesn't bring it back")
  func stalePage() {
    var queue = queue()
    queue.lookAgain()
    let load = queue.step(at: now, budget: 1).load
    #expect(load != nil)
    queue.loaded([delivery(1)], nextDue: nil)
    _ = queue.step(at: now, budget: 1)
    queue.lookAgain()
    #expect(queue.step(at: now, budget: 1).load?.excluding == [DeliveryID(rawValue: 1)])
    queue.settled(finish(&queue, 1, .answered(httpStatus: 200, retryAfter: nil))!)
    queue.loaded([delivery(1)], nextDue: nil)
    #expect(ids(queue.step(at: now, budget: 1)) == [])
  }

  @Test("With the circuit open one probe goes, the others wait and spend no attempt")
  func circuit() {
    var queue = queue(.init(maxConcurrency: 5), holding: (1...9).map { delivery($0) })
    _ = queue.step(at: now, budget: 9)
    for id in Int64(1)...5 { _ = finish(&queue, id, .failed(.connect)) }
    let waiting = queue.step(at: now, budget: 9)
    #expect(ids(waiting) == [])
    #expect(waiting.wakeAt == now + .seconds(5))
    #expect(ids(queue.step(at: now + .seconds(5), budget: 9)) == [6])
    #expect(finish(&queue, 6, .answered(httpStatus: 200, retryAfter: nil))?.verdict == .delivered)
    #expect(ids(queue.step(at: now + .seconds(5), budget: 9)) == [7, 8, 9])
  }

  @Test("While the circuit is open, what grows older than giveUpAfter becomes a dead letter without an attempt")
  func tooOldBehindOpenCircuit() {
    let old = now - .seconds(8 * 86_400)
    var queue = queue(
      .init(maxConcurrency: 5), holding: (1...5).map { delivery($0) } + [delivery(6, recordedAt: old), delivery(7)])
    _ = queue.step(at: now, budget: 5)
    for id in Int64(1)...5 { _ = finish(&queue, id, .failed(.connect)) }
    let settlements = queue.step(at: now, budget: 9).settlements
    #expect(settlements.map(\.delivery.rawValue) == [6])
    #expect(settlements.first?.verdict == .deadLetter(.tooOld))
    #expect(settlements.first?.report == nil)
    #expect(queue.step(at: now, budget: 9).settlements.isEmpty, "given up once")
  }

  @Test("With the circuit closed, an old delivery is attempted before it is given up")
  func oldIsTriedOnce() {
    var queue = queue(holding: [delivery(1, recordedAt: now - .seconds(30 * 86_400))])
    #expect(ids(queue.step(at: now, budget: 9)) == [1])
    #expect(finish(&queue, 1, .failed(.reset))?.verdict == .deadLetter(.tooOld))
  }

  @Test("An abandoned attempt leaves the delivery in the outbox, to be read again")
  func abandoned() {
    var queue = queue(holding: [delivery(1)])
    _ = queue.step(at: now, budget: 9)
    queue.abandoned(DeliveryID(rawValue: 1), at: now)
    #expect(queue.heldCount == 0)
    #expect(queue.step(at: now, budget: 9).load != nil)
  }

  @Test("What the budget held back is said, and nothing else")
  func shortOfBudget() {
    var queue = queue(.init(maxConcurrency: 3), holding: (1...4).map { delivery($0) })
    #expect(queue.step(at: now, budget: 2).isShortOfBudget)
    #expect(!queue.step(at: now, budget: 1).isShortOfBudget, "its own limit holds back the rest")
    #expect(!queue.step(at: now, budget: 0).isShortOfBudget)
  }

  // MARK: Pausing

  @Test("While paused nothing is attempted, given up, read or woken for")
  func paused() {
    let old = delivery(1, recordedAt: now - .seconds(30 * 86_400))
    var queue = queue(holding: [old, delivery(2)])
    queue.setUnaddressed(true)
    queue.pause()
    queue.lookAgain()
    queue.take([delivery(3)])
    let step = queue.step(at: now + .seconds(86_400), budget: 9)
    #expect(step.attempts.isEmpty && step.settlements.isEmpty && step.load == nil && step.wakeAt == nil)
  }

  @Test("A resume drains what waited, the longest waiting first, and what the window had no room for from the outbox")
  func resume() {
    var queue = DestinationQueue(policy: .init(maxConcurrency: 2), capacity: 8)
    _ = queue.step(at: now, budget: 0)
    queue.loaded((1...4).map { delivery($0) }, nextDue: nil)
    queue.pause()
    queue.take((5...20).map { delivery($0) })
    queue.resume()
    var drained: [Int64] = []
    while drained.count < 20 {
      let step = queue.step(at: now, budget: 9)
      for id in ids(step) {
        drained.append(id)
        queue.settled(finish(&queue, id, .answered(httpStatus: 200, retryAfter: nil))!)
      }
      if let load = step.load {
        let waiting = (1...20).filter { id in
          !drained.contains(id) && !load.excluding.contains(DeliveryID(rawValue: id))
        }
        queue.loaded(
          waiting.prefix(load.limit).map { delivery($0) }, nextDue: waiting.count > load.limit ? now : nil)
      } else if step.attempts.isEmpty {
        Issue.record("nothing happens after \(drained)")
        return
      }
    }
    #expect(drained == Array(1...20))
  }

  // MARK: Without an address

  @Test("Without an address nothing is attempted; with one again, all is")
  func unaddressed() {
    var queue = queue(holding: [delivery(1), delivery(2)])
    queue.setUnaddressed(true)
    let step = queue.step(at: now, budget: 9)
    #expect(step.attempts.isEmpty && !step.isShortOfBudget)
    queue.setUnaddressed(false)
    #expect(ids(queue.step(at: now, budget: 9)) == [1, 2])
  }

  @Test("Without an address, what grows older than giveUpAfter becomes a dead letter, and the queue wakes for it")
  func tooOldWithoutAddress() {
    var queue = DestinationQueue(policy: .init())
    queue.setUnaddressed(true)
    #expect(queue.step(at: now, budget: 9).load != nil, "what is not in memory could not be given up")
    queue.loaded([delivery(1, recordedAt: now - .seconds(86_400)), delivery(2)], nextDue: nil)
    let wake = queue.step(at: now, budget: 9).wakeAt
    #expect(wake == now + .seconds(6 * 86_400))
    #expect(queue.step(at: wake! - .milliseconds(1), budget: 9).settlements.isEmpty)
    let step = queue.step(at: wake!, budget: 9)
    #expect(step.settlements.map(\.delivery.rawValue) == [1])
    #expect(step.settlements.first?.verdict == .deadLetter(.tooOld))
    #expect(step.settlements.first?.report == nil)
    #expect(step.wakeAt == now + .seconds(7 * 86_400))
  }

  // MARK: The circuit

  @Test("A consumer that lets every attempt run into its timeout opens the circuit as well")
  func slowConsumer() {
    var queue = queue(.init(maxConcurrency: 5), holding: (1...6).map { delivery($0) })
    _ = queue.step(at: now, budget: 9)
    for id in Int64(1)...5 { _ = finish(&queue, id, .failed(.timeout)) }
    #expect(queue.circuit.trip?.openedAt == now)
    #expect(ids(queue.step(at: now, budget: 9)) == [])
  }

  @Test("In an hour of an open circuit only probes spend attempts, growing apart to five minutes")
  func probesOnly() {
    var queue = queue(.init(maxConcurrency: 5), holding: (1...40).map { delivery($0) })
    var time = now
    let end = now + .seconds(3600)
    var starts: [SteadyTime] = []
    var attempts: [Int64: Int] = [:]
    while time < end {
      let step = queue.step(at: time, budget: 9)
      for delivery in step.attempts {
        starts.append(time)
        let report = AttemptReport(
          startedAt: UnixTime(milliseconds: 0), duration: .zero, httpStatus: nil, failure: .connect)
        let settlement = queue.finished(
          delivery.id, outcome: .failed(.connect), report: report, at: time, random: 0.5)!
        attempts[delivery.id.rawValue, default: 0] += 1
        #expect(settlement.attempts == attempts[delivery.id.rawValue])
        queue.settled(settlement)
      }
      if step.load != nil { queue.loaded([], nextDue: nil) }
      guard step.attempts.isEmpty else { continue }
      time = step.wakeAt ?? end
    }
    let gaps = zip(starts.dropFirst(4), starts.dropFirst(5)).map { ($1 - $0).milliseconds / 1000 }
    #expect(gaps.prefix(8) == [5, 10, 20, 40, 80, 160, 300, 300])
    #expect(starts.count == 5 + 16)
    #expect(queue.readyCount == 40 - attempts.count)
  }

  @Test("A circuit that was open before a restart is open after it")
  func restoredCircuit() {
    let trip = CircuitBreaker.Trip(openedAt: now - .seconds(60), until: now + .seconds(40), interval: .seconds(40))
    var queue = DestinationQueue(policy: .init(), circuit: trip)
    _ = queue.step(at: now, budget: 9)
    queue.loaded([delivery(1), delivery(2)], nextDue: nil)
    let step = queue.step(at: now, budget: 9)
    #expect(step.attempts.isEmpty)
    #expect(step.wakeAt == now + .seconds(40))
    #expect(ids(queue.step(at: now + .seconds(40), budget: 9)) == [1], "the probe")
    #expect(queue.circuit.trip == trip)
  }

  @Test("A new address starts with a closed circuit")
  func newAddress() {
    let trip = CircuitBreaker.Trip(openedAt: now, until: now + .seconds(300), interval: .seconds(300))
    var queue = DestinationQueue(policy: .init(), circuit: trip)
    _ = queue.step(at: now, budget: 9)
    queue.loaded([delivery(1), delivery(2)], nextDue: nil)
    queue.addressChanged()
    #expect(ids(queue.step(at: now, budget: 9)) == [1, 2])
  }

  @Test("The queue wakes for an attempt when both circuit and rate limit let it start")
  func wakesForBoth() {
    let trip = CircuitBreaker.Trip(openedAt: now, until: now + .seconds(5), interval: .seconds(5))
    var queue = DestinationQueue(
      policy: .init(rateLimit: RateLimit(count: 1, period: .seconds(60))), circuit: trip, latestAttempt: now)
    _ = queue.step(at: now, budget: 9)
    queue.loaded([delivery(1)], nextDue: nil)
    #expect(queue.step(at: now, budget: 9).wakeAt == now + .milliseconds(60_021))
  }

  // MARK: A reloaded policy

  @Test("A reload's maxConcurrency holds from the next attempt on")
  func adoptedConcurrency() {
    var queue = queue(.init(maxConcurrency: 1), holding: (1...9).map { delivery($0) })
    _ = queue.step(at: now, budget: 9)
    queue.adopt(.init(maxConcurrency: 3))
    #expect(ids(queue.step(at: now, budget: 9)) == [2, 3])
    queue.adopt(.init(maxConcurrency: 2))
    _ = finish(&queue, 1, .answered(httpStatus: 200, retryAfter: nil))
    #expect(ids(queue.step(at: now, budget: 9)) == [], "two are still in flight")
    _ = finish(&queue, 2, .answered(httpStatus: 200, retryAfter: nil))
    #expect(ids(queue.step(at: now, budget: 9)) == [4])
  }

  @Test("A reload's maxConcurrency may be larger than the window was")
  func adoptedWindow() {
    var queue = DestinationQueue(policy: .init(maxConcurrency: 1), capacity: 4)
    queue.adopt(.init(maxConcurrency: 100))
    #expect(queue.step(at: now, budget: 0).load?.limit == 400)
  }

  @Test("A reload's rate limit counts the attempts made without one")
  func adoptedRateLimit() {
    var queue = queue(holding: (1...9).map { delivery($0) })
    _ = queue.step(at: now, budget: 3)
    queue.adopt(.init(rateLimit: RateLimit(count: 10, period: .seconds(1))))
    let step = queue.step(at: now, budget: 9)
    #expect(ids(step) == [])
    #expect(step.wakeAt == now + .milliseconds(103))
    #expect(ids(queue.step(at: now + .milliseconds(103), budget: 9)) == [4])
  }

  @Test("After a restart the first attempt keeps its distance from the latest before it")
  func latestAttempt() {
    var queue = DestinationQueue(
      policy: .init(rateLimit: RateLimit(count: 1, period: .seconds(1))), latestAttempt: now - .milliseconds(500))
    _ = queue.step(at: now, budget: 0)
    queue.loaded([delivery(1)], nextDue: nil)
    #expect(queue.step(at: now, budget: 9).wakeAt == now + .milliseconds(521))
  }

  @Test("With another ordering what waits is read anew; what is under way ends as it began")
  func adoptedOrdering() {
    var queue = queue(.init(maxConcurrency: 1), holding: (1...3).map { delivery($0) })
    _ = queue.step(at: now, budget: 9)
    queue.adopt(.init(maxConcurrency: 2, ordering: .chat))
    let step = queue.step(at: now, budget: 9)
    #expect(step.attempts.isEmpty)
    #expect(step.load?.excluding == [DeliveryID(rawValue: 1)])
    queue.loaded([delivery(2, ordering: .chat)], nextDue: nil)
    #expect(ids(queue.step(at: now, budget: 9)) == [2])
    #expect(finish(&queue, 1, .answered(httpStatus: 200, retryAfter: nil))?.verdict == .delivered)
  }

  @Test("A page that was being read when the ordering changed is of no use, and doesn't pass for the one after it")
  func pageOfOldLanes() {
    var queue = DestinationQueue(policy: .init())
    #expect(queue.step(at: now, budget: 9).load != nil)
    queue.adopt(.init(ordering: .chat))
    #expect(queue.step(at: now, budget: 9).load == nil, "not before the first is answered")
    queue.loaded([delivery(1), delivery(2)], nextDue: nil)
    let step = queue.step(at: now, budget: 9)
    #expect(step.attempts.isEmpty)
    #expect(step.load?.excluding.isEmpty == true)
    queue.loaded([delivery(1, ordering: .chat)], nextDue: nil)
    #expect(ids(queue.step(at: now, budget: 9)) == [1])
  }

  @Test("A delivery that was first in a lane of the old ordering is looked up again")
  func newsOfOldLanes() {
    var queue = queue(.init(ordering: .chat))
    queue.take([delivery(2, ordering: .message)])
    let step = queue.step(at: now, budget: 9)
    #expect(step.attempts.isEmpty)
    #expect(step.load != nil)
    queue.loaded([delivery(2, ordering: .message)], nextDue: nil)
    #expect(ids(queue.step(at: now, budget: 9)) == [2], "what the outbox holds is taken as it is")
  }

  // MARK: News that come late

  @Test("News of a recording that come after the delivery has ended don't repeat it")
  func lateNews() {
    var queue = queue(holding: [delivery(1)])
    _ = queue.step(at: now, budget: 9)
    queue.settled(finish(&queue, 1, .answered(httpStatus: 200, retryAfter: nil))!)
    queue.take([delivery(1)])
    let step = queue.step(at: now, budget: 9)
    #expect(step.attempts.isEmpty)
    #expect(step.load != nil, "should it wait again, such as after an operator's retry, the outbox knows")
  }

  @Test("A page that takes so long that too much is settled meanwhile is read again")
  mutating func slowPage() {
    var queue = DestinationQueue(policy: .init(maxConcurrency: 1), capacity: 4)
    _ = queue.step(at: now, budget: 0)
    queue.loaded([], nextDue: now + .seconds(1))
    now = now + .seconds(1)
    #expect(queue.step(at: now, budget: 0).load != nil)
    for id in Int64(1)...9 {
      queue.take([delivery(id)])
      _ = queue.step(at: now, budget: 1)
      queue.settled(finish(&queue, id, .answered(httpStatus: 200, retryAfter: nil))!)
    }
    queue.loaded([delivery(1), delivery(9)], nextDue: nil)
    let step = queue.step(at: now, budget: 9)
    #expect(step.attempts.isEmpty)
    #expect(step.load != nil)
  }

  // MARK: The window

  @Test(
    "The window grows for a destination that uses up much of it while more is read, and for no other",
    arguments: [true, false])
  func growth(fast: Bool) {
    var queue = DestinationQueue(policy: .init(maxConcurrency: 1000))
    let capacity = 4 * 1000
    #expect(queue.step(at: now, budget: 0).load?.limit == capacity)
    queue.loaded((1...Int64(capacity)).map { delivery($0) }, nextDue: now)
    func deliver(_ count: Int) -> DestinationQueue.Step.Load? {
      var load: DestinationQueue.Step.Load?
      for _ in 0..<count {
        let step = queue.step(at: now, budget: 1)
        load = step.load ?? load
        queue.settled(finish(&queue, step.attempts[0].id.rawValue, .answered(httpStatus: 200, retryAfter: nil))!)
      }
      return load
    }
    #expect(deliver(capacity / 2) != nil, "half of it is used up")
    #expect(deliver(fast ? capacity / 8 : capacity / 8 - 1) == nil, "one page at a time")
    queue.loaded([], nextDue: now)
    let room = queue.step(at: now, budget: 0).load?.limit
    #expect(room == (fast ? DestinationQueue.largestGrowth : capacity) - queue.heldCount)
  }

  @Test("A destination that fills its window with results that are yet to be recorded gets a larger one, and goes on")
  func unrecordedResults() throws {
    var queue = DestinationQueue(policy: .init())
    _ = queue.step(at: now, budget: 0)
    let count = Int64(DestinationQueue.smallestCapacity)
    queue.loaded((1...count).map { delivery($0) }, nextDue: now)
    var load: DestinationQueue.Step.Load?
    for _ in 0..<count {
      let step = queue.step(at: now, budget: 1)
      load = load ?? step.load
      _ = finish(&queue, try #require(ids(step).first), .answered(httpStatus: 200, retryAfter: nil))
    }
    #expect(load != nil && queue.readyCount == 0 && queue.heldCount == count)
    queue.loaded([delivery(count + 1)], nextDue: nil)
    #expect(ids(queue.step(at: now, budget: 1)) == [count + 1])
  }

  @Test("A million waiting lanes take no more memory than the window")
  func millionLanes() {
    var queue = queue()
    queue.pause()
    // In batches, as polls bring them.
    let batch = (1...1000).map { delivery($0) }
    for number in Int64(0)..<1000 {
      queue.take(
        batch.lazy.map { delivery in
          var delivery = delivery
          delivery.id = DeliveryID(rawValue: number * 1000 + delivery.id.rawValue)
          return delivery
        })
    }
    #expect(queue.heldCount == DestinationQueue.smallestCapacity)
    queue.resume()
    var most = 0
    for _ in 0..<40 {
      let step = queue.step(at: now, budget: 100)
      if let load = step.load {
        most = max(most, load.excluding.count + load.limit)
        queue.loaded((0..<Int64(load.limit)).map { delivery(2_000_000 + $0) }, nextDue: now)
      }
      for id in ids(step) { queue.settled(finish(&queue, id, .answered(httpStatus: 200, retryAfter: nil))!) }
      queue.checkInvariants()
    }
    #expect(most <= DestinationQueue.smallestCapacity)
    #expect(most > 0)
  }

  @Test("What is to be left out of a page is what is held, and never more than the window")
  func boundedExclusion() {
    var queue = DestinationQueue(policy: .init(maxConcurrency: 6), capacity: 8)
    _ = queue.step(at: now, budget: 0)
    queue.loaded((1...20).map { delivery($0) }, nextDue: nil)
    #expect(queue.heldCount == 8)
    let step = queue.step(at: now, budget: 9)
    #expect(step.load == nil, "there is no room though little is ready")
    queue.settled(finish(&queue, 1, .answered(httpStatus: 200, retryAfter: nil))!)
    #expect(
      queue.step(at: now, budget: 0).load == .init(limit: 1, excluding: Set((2...8).map { DeliveryID(rawValue: $0) })))
  }

  @Test("A retry that falls due gets its turn, however many new deliveries keep coming")
  mutating func retryAmongNews() {
    var queue = DestinationQueue(policy: .init(maxConcurrency: 1), capacity: 8)
    _ = queue.step(at: now, budget: 0)
    queue.loaded((1...4).map { delivery($0) }, nextDue: now + .seconds(1))
    now = now + .seconds(1)
    var outbox: [Int64] = [100]
    var next = Int64(5)
    for _ in 0..<50 {
      let step = queue.step(at: now, budget: 1)
      if let load = step.load {
        let page = outbox.filter { !load.excluding.contains(DeliveryID(rawValue: $0)) }.prefix(load.limit)
        queue.loaded(page.map { delivery($0) }, nextDue: nil)
      }
      for id in ids(step) {
        if id == 100 { return }
        outbox.removeAll { $0 == id }
        queue.settled(finish(&queue, id, .answered(httpStatus: 200, retryAfter: nil))!)
        outbox.append(next)
        queue.take([delivery(next)])
        next += 1
      }
    }
    Issue.record("it waits for ever")
  }
}
