import Collections
import Curl
import GreenAPI
import Logging
import RelayCore
import RelayStore

/// Carries out what the destinations' queues decide: starts attempts at libcurl, records how they ended, reads what is due.
///
/// Everything that happens comes in as an ``Event``, one after another; results that are ready together are recorded in one transaction,
/// and while that is being written the next ones gather. All work beside the events runs as child tasks of ``run()``.
actor Dispatcher {
  private let outbox: any Outbox
  private let client: CurlClient
  private let time: any Timekeeper
  private let log: Logger
  private let inbox: Inbox<Event>
  private let sink: CompletionSink

  private var outlets: [DestinationID: Outlet] = [:]
  /// Of the accounts that have been asked: where `url: fromAccount` leads.
  private var addresses: [IDInstance: Result<WebhookAddress, MissingAddress>] = [:]
  /// Attempts under way. The delivery's id is the transfer's tag.
  private var running: [DeliveryID: Running] = [:]
  /// Destinations whose queue is to be asked for its next step, in turn.
  private var unasked: OrderedSet<DestinationID> = []
  /// Those that could start more attempts if others had fewer, in turn.
  private var crowdedOut: OrderedSet<DestinationID> = []
  private var budget = AttemptBudget(most: mostAttempts)
  /// When the queues will be asked again though nothing happens; a later time than the first is asked for anew when that comes.
  private var rings: Set<SteadyTime> = []
  private var recorder = SettlementRecorder()
  private var states = LastingStateRecorder()
  /// Destinations whose pause or circuit may not be what the outbox knows.
  private var unrecorded: OrderedSet<DestinationID> = []
  /// Whether something was noted in a destination's digest since the last period was begun, and whether its end is waited for.
  private var hasNews = false
  private var isPeriodUnderWay = false
  private var isStopping = false
  /// What is still under way at the end is not waited for any more.
  private var hasGivenUp = false

  private struct Running {
    var outlet: Outlet
    var startedAt: Moment
    /// For the log.
    var notification: RelayCore.Notification
    /// Of the secrets that the request holds.
    var redactor: Redactor
  }

  enum Event: Sendable {
    case recorded([Delivery])
    case completed([Completion])
    case settled([Settlement], unblocked: [Delivery])
    case settlingFailed(OutboxError)
    case settleAgain
    case gathered
    case loaded(DestinationID, DuePage)
    case loadingFailed(DestinationID, OutboxError)
    case lookAgain(DestinationID)
    case rang(SteadyTime)
    case adopted
    case addressRead(IDInstance, Result<WebhookAddress, MissingAddress>)
    case enter(DestinationID)
    case entered(StoredDestination)
    case enteringFailed(DestinationID, OutboxError)
    case pause(DestinationID, DestinationPause?)
    case stateRecorded(DestinationID)
    case stateFailed(DestinationID, OutboxError)
    case recordStateAgain(DestinationID)
    case periodEnded
    case stop
    case callOff
    case giveUp
  }

  /// What to do beside the events.
  private enum Effect {
    case settle([Settlement])
    case gather
    case load(DestinationID, DestinationQueue.Step.Load)
    case wait(until: SteadyTime, then: Event)
    case recordState(DestinationID, LastingStateRecorder.Change)
    case enter(DestinationID, DestinationEntry)
  }

  /// Attempts at once, over all destinations: each holds a descriptor and a connection. With more destinations than this there may
  /// be one for each.
  static let mostAttempts = 1024
  /// How long attempts may go on after ``stop()``.
  static let graceTime = Duration.seconds(15)
  /// How much longer their results may take to be recorded.
  static let recordingTime = Duration.seconds(5)

  /// The client's thread, where what it decides about is done.
  nonisolated var unownedExecutor: UnownedSerialExecutor { client.executor.asUnownedSerialExecutor() }

  init(outbox: any Outbox, client: CurlClient, time: any Timekeeper, log: Logger) {
    self.outbox = outbox
    self.client = client
    self.time = time
    self.log = log
    let inbox = Inbox<Event>()
    self.inbox = inbox
    sink = CompletionSink { inbox.add(.completed($0)) }
  }

  // MARK: From outside

  /// Deliveries that have just been recorded and may start.
  nonisolated func take(_ deliveries: [Delivery]) {
    if !deliveries.isEmpty { inbox.add(.recorded(deliveries)) }
  }

  /// Takes over the configured destinations; what a destination no longer configured still has waiting stays in the outbox.
  /// - Parameters:
  ///   - destinations: as they are served, see ``RelayConfiguration/servedDestinations``.
  ///   - accounts: those that are polled.
  func adopt(
    _ destinations: [RelayConfiguration.Destination], stored: [String: StoredDestination], accounts: Set<IDInstance>
  ) {
    // At once, though nothing may be running yet: whoever asks how the destinations fare finds them from here on.
    takeOver(destinations, stored, accounts: accounts)
    inbox.add(.adopted)
  }

  /// What an account's settings say of its webhooks.
  nonisolated func note(_ settings: AccountSettings, of account: IDInstance) {
    inbox.add(.addressRead(account, Result { () throws(MissingAddress) in try WebhookAddress(settings) }))
  }

  /// The outbox may hold due deliveries for this destination that it did not hold before.
  nonisolated func lookAgain(_ destination: DestinationID) { inbox.add(.lookAgain(destination)) }

  /// Pauses a destination, or resumes it with `nil`; already recorded in the outbox by the caller.
  nonisolated func setPause(_ pause: DestinationPause?, of destination: DestinationID) {
    inbox.add(.pause(destination, pause))
  }

  /// No new attempts; running ones get ``graceTime`` to end, their results are recorded, then ``run()`` returns.
  nonisolated func stop() { inbox.add(.stop) }

  /// How the destinations fare. Summing up the latest attempts of a thousand takes tens of milliseconds, so it is not done on the client's
  /// thread.
  nonisolated var statuses: [DestinationStatus] {
    get async {
      let records = await records
      let now = time.now().steady
      return records.map { $0.status(at: now) }.sorted { $0.name < $1.name }
    }
  }

  private var records: [OutletRecord] { outlets.values.filter { !$0.isRetired }.map(\.record) }

  /// The destinations that a name means: the one of this name, or those made of it for each account.
  func served(by name: String) -> [ServedOutlet] {
    outlets.values.filter { !$0.isRetired && ($0.name == name || $0.name.hasPrefix("\(name)@")) }.map(\.served)
      .sorted { $0.name < $1.name }
  }

  /// What keeps results from being recorded; `nil` when nothing does.
  var trouble: OutboxError? { recorder.trouble }

  // MARK: The loop

  func run() async {
    // A task that waits goes on at its preferred executor before it enters its actor: at the client's, no other thread is woken for that.
    // The same goes for what is done beside the events, whose outcome is wanted here.
    await withTaskExecutorPreference(client.taskExecutor) {
      await withDiscardingTaskGroup { group in
        while !hasEnded {
          for event in await inbox.next() where !hasEnded {
            let now = time.now()
            let effects = handle(event, at: now) + pump(at: now)
            for effect in effects { carryOut(effect, in: &group) }
          }
        }
        group.cancelAll()
      }
    }
    tellOfPeriod()
    if !recorder.isIdle {
      log.error("the results of some attempts could not be recorded; their deliveries will be sent again")
    }
  }

  private var hasEnded: Bool {
    isStopping && (hasGivenUp || (running.isEmpty && recorder.isIdle && states.isIdle))
  }

  private func carryOut(_ effect: Effect, in group: inout DiscardingTaskGroup) {
    switch effect {
    case .settle(let settlements):
      let now = time.now()
      // At once: until the outbox is waited for, no other thread is woken.
      group.addImmediateTask { [outbox, inbox] in
        do throws(OutboxError) {
          let unblocked = try await outbox.settle(settlements, at: now)
          inbox.add(.settled(settlements, unblocked: unblocked))
        } catch {
          inbox.add(.settlingFailed(error))
        }
      }
    case .gather:
      group.addTask { [client, inbox] in
        guard (try? await client.sleep(for: SettlementRecorder.gatherTime)) != nil else { return }
        inbox.add(.gathered)
      }
    case .load(let id, let load):
      let now = time.now().steady
      group.addImmediateTask { [outbox, inbox] in
        do throws(OutboxError) {
          let page = try await outbox.due(at: id, by: now, limit: load.limit, excluding: load.excluding)
          inbox.add(.loaded(id, page))
        } catch {
          inbox.add(.loadingFailed(id, error))
        }
      }
    case .wait(let until, let event):
      group.addTask { [time, inbox] in
        guard (try? await time.sleep(until: until)) != nil else { return }
        inbox.add(event)
      }
    case .recordState(let id, let change):
      group.addTask { [outbox, inbox] in
        do throws(OutboxError) {
          if let pause = change.pause { try await outbox.setPause(pause, of: id) }
          if let trip = change.trip { try await outbox.setCircuit(trip, of: id) }
          inbox.add(.stateRecorded(id))
        } catch {
          inbox.add(.stateFailed(id, error))
        }
      }
    case .enter(let id, let entry):
      let now = time.now()
      group.addTask { [outbox, inbox] in
        do throws(OutboxError) {
          if let stored = try await outbox.enter([entry], at: now)[entry.name] { inbox.add(.entered(stored)) }
        } catch {
          inbox.add(.enteringFailed(id, error))
        }
      }
    }
  }

  // MARK: What each event means

  private func handle(_ event: Event, at now: Moment) -> [Effect] {
    switch event {
    case .recorded(let deliveries): distribute(deliveries)
    case .completed(let completions): completed(completions, at: now)
    case .settled(let settlements, let unblocked):
      if recorder.trouble != nil { log.log(level: .notice, .outboxRecovered, "the outbox can be written again") }
      recorder.recorded(unblocked: !unblocked.isEmpty)
      each(of: settlements, \.destination) { outlet, settlements in
        for settlement in settlements { outlet.queue.settled(settlement) }
      }
      distribute(unblocked)
      dropRetired()
    case .settlingFailed(let error):
      if recorder.trouble == nil {
        log.log(level: .error, .outboxFailed, "results can't be recorded, so no attempts are made: \(error)")
      }
      return [.wait(until: now.steady + recorder.failed(error), then: .settleAgain)]
    case .settleAgain: recorder.tryAgain()
    case .gathered: recorder.gathered()
    case .loaded(let id, let page):
      ask(id) { $0.queue.loaded(page.deliveries, nextDue: page.nextDue) }
    case .loadingFailed(let id, let error):
      hasNews = true
      if let outlet = outlets[id], outlet.digest.noteFailedReading() {
        log.error("what is due can't be read: \(error)", metadata: ["destination": "\(outlet.name)"])
      }
      outlets[id]?.queue.loadFailed()
      return [.wait(until: now.steady + SettlementRecorder.firstWait, then: .lookAgain(id))]
    case .lookAgain(let id): ask(id) { $0.queue.lookAgain() }
    case .rang(let time):
      rings.remove(time)
      unasked.formUnion(outlets.keys)
    case .adopted: break
    case .addressRead(let account, let address): return adopt(address, of: account)
    case .enter(let id):
      if let outlet = outlets[id], !outlet.isRetired { return [.enter(id, outlet.entry)] }
    case .entered(let stored):
      if stored.resumedByNewAddress { ask(stored.id) { $0.movedToNewAddress() } }
    case .enteringFailed(let id, let error):
      log.error("an address can't be recorded: \(error)", metadata: ["destination": "\(outlets[id]?.name ?? "")"])
      return isStopping ? [] : [.wait(until: now.steady + SettlementRecorder.longestWait, then: .enter(id))]
    case .pause(let id, let pause):
      states.pauseWritten(pause, of: id)
      ask(id) { outlet in
        outlet.status.pause = pause
        pause == nil ? outlet.queue.resume() : outlet.queue.pause()
      }
    case .stateRecorded(let id):
      states.recorded(id)
      unrecorded.append(id)
    case .stateFailed(let id, let error): return stateFailed(id, error, at: now.steady)
    case .recordStateAgain(let id):
      states.tryAgain(id)
      unrecorded.append(id)
    case .periodEnded:
      isPeriodUnderWay = false
      tellOfPeriod()
    case .stop:
      guard !isStopping else { break }
      isStopping = true
      return [.wait(until: now.steady + Self.graceTime, then: .callOff)]
    case .callOff:
      client.cancel(running.keys.map { UInt64($0.rawValue) }, sink: sink)
      return [.wait(until: now.steady + Self.recordingTime, then: .giveUp)]
    case .giveUp: hasGivenUp = isStopping
    }
    return []
  }

  /// Lets an event reach a destination and has its queue asked for the next step.
  private func ask(_ id: DestinationID, _ change: (Outlet) -> Void) {
    guard let outlet = outlets[id] else { return }
    change(outlet)
    touch(id)
  }

  /// Results come in batches, mostly of one destination.
  private func touch(_ id: DestinationID) {
    if unasked.last != id { unasked.append(id) }
    if unrecorded.last != id { unrecorded.append(id) }
  }

  /// Lets what concerns destinations reach them; mostly it is of one, and much.
  private func each<Item>(
    of items: [Item], _ destination: (Item) -> DestinationID, _ take: (Outlet, ArraySlice<Item>) -> Void
  ) {
    var rest = items[...]
    while let id = rest.first.map(destination) {
      let ones = rest.prefix { destination($0) == id }
      ask(id) { take($0, ones) }
      rest = rest[ones.endIndex...]
    }
  }

  private func distribute(_ deliveries: [Delivery]) { each(of: deliveries, \.destination) { $0.queue.take($1) } }

  private func completed(_ completions: [Completion], at now: Moment) {
    for completion in completions {
      let delivery = DeliveryID(rawValue: Int64(completion.tag))
      guard let attempt = running.removeValue(forKey: delivery) else { continue }
      let outlet = attempt.outlet
      budget.ended(at: outlet.id)
      touch(outlet.id)
      guard let outcome = AttemptOutcome(completion.result, now: now.unix) else {
        outlet.queue.abandoned(delivery, at: now.steady)
        continue
      }
      let report = AttemptReport(
        completion.result, outcome: outcome, startedAt: attempt.startedAt, endedAt: now, redactor: attempt.redactor)
      let wasClosed = outlet.queue.circuit.isClosed
      guard
        let settlement = outlet.queue.finished(
          delivery, outcome: outcome, report: report, at: now.steady,
          random: outcome.failure == nil ? 0 : Double.random(in: 0..<1))
      else { continue }
      if outlet.queue.circuit.isClosed != wasClosed { DeliveryLog(log, of: outlet).circuitChanged(after: report) }
      if case .held = settlement.verdict, outlet.status.pause == nil { outlet.status.pause = .gone }
      settle(settlement, of: attempt, at: outlet, now)
    }
    // There is room again, in turn.
    let waiting = crowdedOut.filter { budget.room(for: $0) > 0 }
    crowdedOut.subtract(waiting)
    unasked.formUnion(waiting)
  }

  /// - Parameter attempt: `nil` when it was given up without another one.
  private func settle(_ settlement: Settlement, of attempt: Running?, at outlet: Outlet, _ now: Moment) {
    outlet.note(settlement, at: now)
    recorder.add(settlement)
    hasNews = true
    let isWorthALine = outlet.digest.note(settlement)
    // Most succeed, and most logs don't want to hear of it.
    guard isWorthALine || log.logLevel <= .debug else { return }
    DeliveryLog(log, of: outlet)
      .note(settlement, notification: attempt?.notification, isWorthALine: isWorthALine, at: now.steady)
  }

  /// Writes what each destination's minute came to.
  private func tellOfPeriod() {
    hasNews = false
    for outlet in outlets.values.filter({ !$0.digest.isEmpty }).sorted(by: { $0.name < $1.name }) {
      if let summary = outlet.digest.endPeriod() { DeliveryLog(log, of: outlet).periodEnded(summary) }
    }
  }

  // MARK: What to do next

  /// Asks the queues for their next steps, as long as there is room for attempts, and the recorder for its next batch.
  private func pump(at now: Moment) -> [Effect] {
    var effects: [Effect] = []
    // While results can't be recorded, attempts would only be repeated later.
    if !isStopping, recorder.trouble == nil {
      for _ in 0..<unasked.count {
        let id = unasked.removeFirst()
        let room = budget.room(for: id)
        guard let outlet = outlets[id] else { continue }
        let step = outlet.queue.step(at: now.steady, budget: room)
        start(step.attempts, at: outlet, now)
        if step.attempts.count == room, outlet.queue.readyCount > 0 { crowdedOut.append(id) }
        for settlement in step.settlements { settle(settlement, of: nil, at: outlet, now) }
        if let load = step.load { effects.append(.load(id, load)) }
        if let wake = step.wakeAt, rings.allSatisfy({ wake < $0 }) {
          rings.insert(wake)
          effects.append(.wait(until: wake, then: .rang(wake)))
        }
      }
    }
    switch recorder.step(attemptsGoOn: !running.isEmpty) {
    case .record(let settlements): effects.append(.settle(settlements))
    case .gather: effects.append(.gather)
    case nil: break
    }
    if hasNews, !isPeriodUnderWay, !isStopping {
      isPeriodUnderWay = true
      effects.append(.wait(until: now.steady + DestinationDigest.period, then: .periodEnded))
    }
    return effects + stateEffects()
  }

  private func stateEffects() -> [Effect] {
    defer { unrecorded = [] }
    return unrecorded.compactMap { id in
      guard let outlet = outlets[id], let change = states.change(of: id, to: outlet.lastingState) else { return nil }
      return .recordState(id, change)
    }
  }

  private func stateFailed(_ id: DestinationID, _ error: OutboxError, at now: SteadyTime) -> [Effect] {
    let (wait, isNews) = states.failed(id)
    if isNews {
      log.error(
        "the destination's state can't be recorded: \(error)",
        metadata: ["destination": "\(outlets[id]?.name ?? "")"])
    }
    return isStopping ? [] : [.wait(until: now + wait, then: .recordStateAgain(id))]
  }

  private func start(_ attempts: [Delivery], at outlet: Outlet, _ now: Moment) {
    guard !attempts.isEmpty, let template = outlet.template else { return }
    var transfers: [Transfer] = []
    transfers.reserveCapacity(attempts.count)
    for delivery in attempts {
      running[delivery.id] = Running(
        outlet: outlet, startedAt: now, notification: delivery.notification, redactor: template.redactor)
      transfers.append(
        Transfer(
          tag: UInt64(delivery.id.rawValue), request: template.request(for: delivery.notification, at: now.unix)))
    }
    budget.started(transfers.count, at: outlet.id)
    client.start(transfers, sink: sink)
  }

  // MARK: Configuration and addresses

  private func takeOver(
    _ destinations: [RelayConfiguration.Destination], _ stored: [String: StoredDestination],
    accounts: Set<IDInstance>
  ) {
    // One that comes back is asked anew.
    addresses = addresses.filter { accounts.contains($0.key) }
    let configured = Set(stored.values.map(\.id))
    for id in outlets.keys where !configured.contains(id) { outlets[id]?.retire() }
    for destination in destinations {
      guard let stored = stored[destination.name] else { continue }
      let address = address(of: destination)
      if outlets[stored.id] == nil {
        outlets[stored.id] = Outlet(destination, stored: stored, address: address)
        budget.enter(stored.id)
        states.enter(stored.id, recorded: LastingState(pause: stored.pause, trip: stored.circuit))
        if stored.circuit != nil, let outlet = outlets[stored.id] {
          DeliveryLog(log, of: outlet).circuitRestored()
        }
        tellOfAddress(stored.id, before: nil)
      } else {
        let before = outlets[stored.id]?.address
        ask(stored.id) { outlet in
          outlet.adopt(destination, address: address)
          if stored.resumedByNewAddress { outlet.movedToNewAddress() }
        }
        tellOfAddress(stored.id, before: before)
      }
      unasked.append(stored.id)
    }
    dropRetired()
  }

  private func address(of destination: RelayConfiguration.Destination) -> Result<WebhookAddress, MissingAddress> {
    if let address = WebhookAddress(destination) { return .success(address) }
    return destination.accounts?.first.flatMap { addresses[$0] } ?? .failure(.notKnown)
  }

  private func adopt(_ address: Result<WebhookAddress, MissingAddress>, of account: IDInstance) -> [Effect] {
    addresses[account] = address
    var effects: [Effect] = []
    for (id, outlet) in outlets where outlet.account == account && !outlet.isRetired {
      let before = outlet.address
      ask(id) { $0.adopt(address) }
      tellOfAddress(id, before: before)
      // The address of an earlier run is in the outbox only.
      if case .success = address, let entry = outlets[id]?.entry { effects.append(.enter(id, entry)) }
    }
    return effects
  }

  /// Once for each change.
  private func tellOfAddress(_ id: DestinationID, before: Result<WebhookAddress, MissingAddress>?) {
    guard let outlet = outlets[id], outlet.address != before else { return }
    switch outlet.address {
    case .success(let address):
      if outlet.account != nil || before != nil {
        log.notice("deliveries go to \(address.shown)", metadata: ["destination": "\(outlet.name)"])
      }
    case .failure(.notKnown): break
    case .failure(let missing):
      log.warning("\(missing), so deliveries wait. \(missing.advice)", metadata: ["destination": "\(outlet.name)"])
    }
  }

  /// What is still under way at a destination no longer configured is recorded before it is let go, so that it is not sent again
  /// should the destination come back at that moment; the rest waits in the outbox.
  private func dropRetired() {
    for (id, outlet) in outlets where outlet.isRetired && outlet.queue.isAtRest {
      outlets[id] = nil
      unasked.remove(id)
      crowdedOut.remove(id)
      budget.leave(id)
      states.leave(id)
    }
  }
}
