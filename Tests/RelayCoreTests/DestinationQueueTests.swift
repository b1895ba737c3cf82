import GreenAPI
import RelayCore
import Testing

@Suite struct DestinationQueueTests {
  private var now = SteadyTime(milliseconds: 1_000_000)

  private func delivery(_ id: Int64, attempts: Int = 0, recordedAt: SteadyTime? = nil) -> Delivery {
    Delivery(
      id: DeliveryID(rawValue: id), destination: DestinationID(rawValue: 1), lane: Lane(rawValue: id),
      attempts: attempts,
      recordedAt: recordedAt ?? now, notification: .example)
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
}
