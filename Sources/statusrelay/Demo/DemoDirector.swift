import Foundation
import GreenAPI
import GreenAPISimulator
import RelayCore
import RelayStore

/// Plays the script at the simulator and the consumer, gathers what happens from all sides, and shows it.
struct DemoDirector {
  let simulator: Simulator
  let idInstance: IDInstance
  let consumer: ConsumerDesk
  let history: any OutboxHistory
  /// The relay's clock, by which the outbox says when the next attempt is due.
  let time: @Sendable () -> Moment
  let mailbox: DemoMailbox
  var display: any DemoDisplay
  var script: DemoScript

  private(set) var board = DemoBoard()
  private var timeline = DemoTimeline()
  private var watch = DemoOutboxWatch()
  /// Numbers of the posts whose progress is followed, by idMessage.
  private var numbers: [String: Int] = [:]
  private var polled: [String: Set<String>] = [:]
  private var changesAhead: [DemoEvent] = []
  private let beganAt = Date.now

  /// How often the screen and the sources are looked at.
  private static let interval = Duration.milliseconds(100)
  /// After everything has arrived: time for a repeat to be seen.
  private static let linger = Duration.milliseconds(1500)
  /// What has not arrived so long after the script's end is missing.
  private static let patience = Duration.seconds(30)
  /// Posts on the screen when there are ever new ones.
  private static let mostRows = 8
  /// Deliveries of some rounds.
  private static let mostDeliveries = 200

  init(
    simulator: Simulator, idInstance: IDInstance, consumer: ConsumerDesk, history: any OutboxHistory,
    time: @escaping @Sendable () -> Moment, mailbox: DemoMailbox, display: any DemoDisplay, script: DemoScript
  ) {
    self.simulator = simulator
    self.idInstance = idInstance
    self.consumer = consumer
    self.history = history
    self.time = time
    self.mailbox = mailbox
    self.display = display
    self.script = script
  }

  var elapsed: Duration { since(.now) }

  /// Returns when everything has arrived or nothing more is to be expected; with a task that is cancelled at once.
  mutating func run() async throws {
    var overAt: Duration?
    var throughAt: Duration?
    while !Task.isCancelled {
      try await act()
      try await look()
      try show(timeline.released(at: elapsed))
      let isQuiet = script.isOver && changesAhead.isEmpty
      if isQuiet, overAt == nil { overAt = elapsed }
      if isQuiet, board.isThrough, !watch.hasUnsettled {
        if throughAt == nil { throughAt = elapsed }
      } else {
        throughAt = nil
      }
      if let throughAt, elapsed >= throughAt + Self.linger { break }
      if let overAt, elapsed >= overAt + Self.patience { break }
      guard (try? await Task.sleep(for: Self.interval)) != nil else { break }
    }
    try show(timeline.rest())
  }

  private mutating func show(_ news: [DemoEvent]) throws {
    for event in news { board.note(event) }
    try display.show(board, news: news, elapsed: elapsed)
    if script.isEndless { forget() }
  }

  /// Leaves the display, with this text below it.
  mutating func end(with text: String) throws(StandardOutput.Closed) {
    try display.end(board, elapsed: elapsed, with: text)
  }

  private mutating func forget() {
    board.forget(above: Self.mostRows)
    let shown = Set(board.rows.map(\.idMessage))
    // A post that isn't on the board yet is in the timeline, and newer than those that are.
    guard let oldest = board.rows.first?.number else { return }
    for (idMessage, number) in numbers where number < oldest && !shown.contains(idMessage) {
      numbers[idMessage] = nil
      polled[idMessage] = nil
    }
  }

  // MARK: Acting

  private mutating func act() async throws {
    let now = elapsed
    for action in script.actions(by: now) {
      switch action {
      case .post(let number, let act): try await post(number, act)
      case .consumer(let isDown):
        await consumer.setDown(isDown)
        timeline.add([DemoEvent(at: now, post: nil, kind: .consumer(isDown: isDown))])
      }
    }
    // The simulator takes its steps by itself, at these times.
    timeline.add(changesAhead.filter { $0.at <= now })
    changesAhead.removeAll { $0.at <= now }
  }

  private mutating func post(_ number: Int, _ act: DemoScript.Act) async throws {
    var at = elapsed
    let idMessage = try await simulator.post(
      Post(act.content, script: act.steps, description: act.description), on: idInstance)
    numbers[idMessage] = number
    timeline.add([DemoEvent(at: at, post: number, kind: .posted(idMessage: idMessage, act))])
    for step in act.steps {
      at += step.after
      changesAhead.append(DemoEvent(at: at, post: number, kind: .changed(to: step.status)))
    }
  }

  // MARK: Looking

  private mutating func look() async throws {
    for letter in mailbox.takeAll() { timeline.add(events(letter)) }
    for (idMessage, number) in numbers {
      for state in try await simulator.shown(idMessage, on: idInstance) {
        guard let status = MessageStatus(rawValue: state.status),
          polled[idMessage, default: []].insert(state.status).inserted
        else { continue }
        timeline.add([DemoEvent(at: since(state.firstShownAt), post: number, kind: .polled(status))])
      }
    }
    board.polls = await simulator.requests.first { $0.method == APIMethod.getOutgoingStatuses.rawValue }?.count ?? 0
    for change in watch.changes(in: try await history.deliveries(HistoryFilter(limit: Self.mostDeliveries))) {
      timeline.add(try await events(change))
    }
  }

  private func events(_ letter: DemoMailbox.Letter) -> [DemoEvent] {
    switch letter {
    case .log(let text, let date): return [DemoEvent(at: since(date), post: nil, kind: .relay(text))]
    case .receipt(let receipt):
      let at = since(receipt.receivedAt)
      var events: [DemoEvent] = []
      var faults = receipt.content.problems
      if receipt.token != .ok { faults.append("token \(receipt.token.rawValue)") }
      if receipt.signature != .ok { faults.append("signature \(receipt.signature.name)") }
      if !faults.isEmpty {
        events.append(DemoEvent(at: at, post: nil, kind: .unacceptable(faults.joined(separator: ", "))))
      }
      if case .messageStatus(let notification) = receipt.content, let arrival = receipt.arrival {
        events.append(
          DemoEvent(at: at, post: numbers[notification.idMessage], kind: .received(notification.status, arrival)))
      }
      return events
    }
  }

  private func events(_ change: DemoOutboxWatch.Change) async throws -> [DemoEvent] {
    let row = change.row
    let number = numbers[row.idMessage]
    var events: [DemoEvent] = []
    if change.isNew {
      let isWaiting = row.state == .waiting && row.dueAt == nil
      events.append(
        DemoEvent(
          at: since(Date(row.recordedAt)), post: number, kind: .recorded(row.status, isWaiting: isWaiting)))
    }
    if row.attempts > change.attemptsBefore {
      for attempt in try await history.attempts(of: row.id) where attempt.number > change.attemptsBefore {
        // More may have been made since the row was read; they are told of the next time.
        if attempt.number > row.attempts { break }
        let report = attempt.report
        var told = DemoEvent.Attempt(
          number: attempt.number, httpStatus: report.httpStatus, succeeded: report.failure == nil)
        if row.state == .retrying, attempt.number == row.attempts, let due = row.dueAt {
          let now = time()
          told.wait = max(.zero, (due - now.steady) + (now.unix - (report.startedAt + report.duration)))
        }
        events.append(
          DemoEvent(at: since(Date(report.startedAt)), post: number, kind: .attempted(row.status, told)))
      }
    }
    if change.isGivenUp {
      events.append(
        DemoEvent(at: row.settledAt.map { since(Date($0)) } ?? elapsed, post: number, kind: .givenUp(row.status)))
    }
    return events
  }

  /// In whole milliseconds, as the outbox counts them.
  private func since(_ date: Date) -> Duration {
    let began = (beganAt.timeIntervalSince1970 * 1000).rounded(.down)
    return .milliseconds(Int64((date.timeIntervalSince1970 * 1000).rounded(.down) - began))
  }
}
