import Foundation
import GreenAPI
import GreenAPISimulator
import RelayCore
import RelayStore
import Testing

@testable import statusrelay

@Suite("statusrelay demo")
struct DemoTests {
  @Test("On a pipe it tells every step, ends with 0 and leaves nothing")
  func onAPipe() async throws {
    try await withTemporaryDirectory { directory in
      // A proxy that isn't there: the demo must not ask for one to reach itself.
      let environment = ["TMPDIR": directory, "http_proxy": "http://127.0.0.1:9"]
      let result = try await StatusrelayProcess.run("demo", environment: environment)
      #expect(result.exit == .code(0))
      #expect(result.error.isEmpty)
      let text = result.output
      #expect(text.hasPrefix("A simulated GREEN-API, the relay and a webhook consumer run in this process."))
      #expect(!text.contains("\u{1B}"))
      for step in [
        #/ posted +1 text "Good morning"/#, #/ changed .+ failed, at GREEN-API/#, #/ polled .+ sent/#,
        #/ recorded .+ read/#, #/ attempted .+ HTTP 503, again in /#, #/ retried .+ HTTP 200/#,
        #/ received +3 video "Too long" +failed/#, #/ received +2 photo "Breakfast" +read/#,
        #/ consumer +goes down/#, #/ consumer +is up again/#,
      ] {
        #expect(text.contains(step))
      }
      #expect(!text.contains(#/ (recorded|received) +2 photo "Breakfast" +delivered/#))
      #expect(text.contains("the consumer received everything, in order."))
      #expect(text.contains("in order: yes"))
      #expect(text.contains("statusrelay init") && text.contains("statusrelay run"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
    }
  }

  @Test("Interrupted on a terminal it restores it, ends with 130 and leaves nothing", arguments: [SIGINT, SIGHUP])
  func interrupted(signal: Int32) async throws {
    try await withTemporaryDirectory { directory in
      let environment = ["TMPDIR": directory, "TERM": "xterm", "NO_COLOR": "1", "LANG": "C.UTF-8"]
      try await withStatusrelay("demo", environment: environment, input: .terminal) { process in
        try await process.text("○ polled")
        #expect(try !FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
        process.send(signal)
        let result = try await process.result()
        #expect(result.exit == .code(130))
        let hidden = try #require(result.output.range(of: "\u{1B}[?25l", options: .backwards))
        #expect(result.output[hidden.upperBound...].contains("\u{1B}[?25h"))
        #expect(result.output.contains("Ended after"))
        #expect(!result.output.contains("\u{1B}[32m"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
      }
    }
  }

  @Test("--forever goes on until it is interrupted, which then is its good end")
  func forever() async throws {
    try await withTemporaryDirectory { directory in
      try await withStatusrelay("demo", "--forever", environment: ["TMPDIR": directory]) { process in
        try await process.line(of: .output, containing: "received")
        process.send(SIGTERM)
        #expect(try await process.result().exit == .code(0))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
      }
    }
  }

  @Test("Without a directory to work in it says so, with exit code 73")
  func noDirectory() async throws {
    let result = try await StatusrelayProcess.run("demo", environment: ["TMPDIR": "/nonexistent"])
    #expect(result.exit == .code(73))
    #expect(result.error.contains("can't make a directory in /nonexistent"))
  }

  // MARK: The verdict

  private func verdict(
    _ states: [MessageStatus], polled: [MessageStatus], received: [MessageStatus]
  ) -> DemoVerdict {
    DemoVerdict("post", states: states, polled: polled, received: received)
  }

  @Test("All that was shown, in order, is well; a state that no poll has seen need not come")
  func goodVerdict() {
    let states: [MessageStatus] = [.pending, .sent, .delivered, .read]
    for polled in [states, [.pending, .sent, .read], [.read]] {
      let verdict = verdict(states, polled: polled, received: polled.filter { $0 != .pending })
      #expect(verdict.isThrough && verdict.isInOrder && verdict.missing.isEmpty && verdict.wrong.isEmpty)
    }
  }

  @Test("What is missing, invented, or out of order is said")
  func badVerdicts() {
    let states: [MessageStatus] = [.pending, .sent, .read]
    let missing = verdict(states, polled: states, received: [.sent])
    #expect(!missing.isThrough && missing.missing == ["post: read has not been received"] && missing.isInOrder)
    let unseen = verdict(states, polled: [.pending, .sent], received: [.sent])
    #expect(!unseen.isThrough && unseen.missing == ["post: no poll has seen it read"])
    let invented = verdict(states, polled: states, received: [.sent, .delivered, .read])
    #expect(invented.wrong == ["post: delivered was received, but no poll had seen it"])
    let shuffled = verdict(states, polled: states, received: [.read, .sent])
    #expect(!shuffled.isInOrder)
    #expect(shuffled.wrong == ["post: received as read, sent, and should have been sent, read"])
  }

  @Test("The board's problems end the demo with 70; those of posts under way only when it has played to its end")
  func endings() {
    let board = Self.board([
      .posted(idMessage: "M", Self.act), .polled(.pending), .polled(.sent), .recorded(.sent, isWaiting: false),
    ])
    func ending(_ cause: DemoEnding.Cause, isEndless: Bool = false, _ board: DemoBoard) -> DemoEnding {
      DemoEnding(cause, isEndless: isEndless, elapsed: .seconds(3), board: board)
    }
    #expect(ending(.done, board).exitCode == 70)
    #expect(ending(.done, board).summary.contains("- 1 post: sent has not been received"))
    #expect(ending(.interrupted, board).exitCode == 130)
    #expect(ending(.interrupted, isEndless: true, board).exitCode == 0)
    #expect(ending(.unread, board).exitCode == 141)
    var wrong = board
    wrong.note(DemoEvent(at: .zero, post: nil, kind: .unacceptable("signature bad")))
    #expect(ending(.interrupted, isEndless: true, wrong).exitCode == 70)
    #expect(ending(.interrupted, wrong).summary.contains("- signature bad"))
  }

  // MARK: Board and view

  private static let act = DemoScript.Act(
    title: "post", content: .text(""), at: .zero,
    steps: [Post.Step(after: .seconds(1), .sent), Post.Step(after: .seconds(1), .read)])

  private static func board(_ kinds: [DemoEvent.Kind]) -> DemoBoard {
    var board = DemoBoard()
    for kind in kinds { board.note(DemoEvent(at: .zero, post: 1, kind: kind)) }
    return board
  }

  private static func attempt(_ number: Int, _ succeeded: Bool) -> DemoEvent.Attempt {
    DemoEvent.Attempt(number: number, httpStatus: succeeded ? 200 : 503, succeeded: succeeded)
  }

  private static let wholeStory: [DemoEvent.Kind] = [
    .posted(idMessage: "M", act), .polled(.pending), .changed(to: .sent), .polled(.sent),
    .recorded(.sent, isWaiting: false), .attempted(.sent, attempt(1, false)), .attempted(.sent, attempt(2, true)),
    .received(.sent, .first), .received(.sent, .repeated), .changed(to: .read), .polled(.read),
    .recorded(.read, isWaiting: false), .attempted(.read, attempt(1, true)), .received(.read, .first),
  ]

  @Test("The board counts changes, attempts, retries, receipts and repeats")
  func counts() {
    let board = Self.board(Self.wholeStory)
    #expect(
      board.counts
        == DemoBoard.Counts(
          posts: 1, changes: 2, polled: 2, recorded: 2, attempts: 3, retries: 1, received: 2, repeats: 1))
    #expect(board.isThrough && board.isInOrder && board.problems(isFinal: true).isEmpty)
  }

  @Test("A status shows how far it has come, from polled to received, and as skipped when it was passed over")
  func cells() {
    func cell(after count: Int, _ columns: Range<Int>) -> String {
      let board = Self.board(Array(Self.wholeStory.prefix(count)))
      let view = DemoView(board: board, elapsed: .zero, hint: "", marks: .ascii)
      let row = view.lines(columns: 80, rows: 23)[4].rendered(width: 79, isColored: false)
      return String(row.dropFirst(columns.lowerBound).prefix(columns.count)).trimmingCharacters(in: .whitespaces)
    }
    let (sent, delivered, read) = (32..<44, 44..<56, 56..<68)
    #expect(cell(after: 3, sent) == "")
    #expect(cell(after: 4, sent) == "o polled")
    #expect(cell(after: 5, sent) == "+ recorded")
    #expect(cell(after: 6, sent) == "~ try 1")
    #expect(cell(after: 9, sent) == "* 2 tries")
    #expect(cell(after: 10, delivered) == "")
    #expect(cell(after: 11, delivered) == "- skipped")
    #expect(cell(after: 14, read) == "* received")
  }

  @Test(
    "The view fits the terminal, however small, and always has as many lines",
    arguments: [(80, 23), (200, 60), (40, 12), (20, 5), (1, 1)])
  func fits(columns: Int, rows: Int) {
    var heights: Set<Int> = []
    for count in 0...Self.wholeStory.count {
      let board = Self.board(Array(Self.wholeStory.prefix(count)))
      let view = DemoView(board: board, elapsed: .seconds(100), hint: "ends by itself", marks: .unicode)
      let lines = view.lines(columns: columns, rows: rows)
      heights.insert(lines.count)
      #expect(lines.count <= rows)
      for line in lines { #expect(line.rendered(width: columns - 1, isColored: false).count <= columns - 1) }
    }
    #expect(heights.count == 1)
  }

  @Test("Colours are there when wanted only, and are not counted as width")
  func colours() {
    var line = StyledLine("ab", .green)
    line.add("cd")
    #expect(line.rendered(width: 3, isColored: true) == "\u{1B}[32mab\u{1B}[0mc")
    #expect(line.rendered(width: 3, isColored: false) == "abc")
  }

  // MARK: Script, timeline, outbox

  @Test("A round posts every act and takes the consumer down once; only an endless script goes on")
  func script() {
    var once = DemoScript()
    #expect(once.actions(by: .zero).isEmpty && !once.isOver)
    let actions = once.actions(by: .seconds(60))
    #expect(actions.count == DemoScript.acts.count + 2 && once.isOver)
    #expect(actions.firstIndex(of: .consumer(isDown: true))! < actions.firstIndex(of: .consumer(isDown: false))!)
    var endless = DemoScript(isEndless: true)
    #expect(endless.actions(by: DemoScript.round * 2.99).count == actions.count * 3)
    #expect(!endless.isOver)
    // One goes straight from sent to read, and one fails: that is what the demo promises to show.
    #expect(DemoScript.acts.contains { $0.states == [.pending, .sent, .read] })
    #expect(DemoScript.acts.contains { $0.states.last == .failed })
  }

  @Test("Events seen late are put in the order they happened, causes first")
  func timeline() {
    var timeline = DemoTimeline()
    func event(_ milliseconds: Int, _ kind: DemoEvent.Kind) -> DemoEvent {
      DemoEvent(at: .milliseconds(milliseconds), post: 1, kind: kind)
    }
    let received = event(100, .received(.sent, .first))
    let polled = event(100, .polled(.sent))
    let earlier = event(50, .polled(.pending))
    timeline.add([received])
    #expect(timeline.released(at: .milliseconds(200)).isEmpty)
    timeline.add([polled, event(300, .changed(to: .read)), earlier])
    #expect(timeline.released(at: .milliseconds(450)) == [earlier, polled, received])
    #expect(timeline.rest() == [event(300, .changed(to: .read))])
    #expect(timeline.rest().isEmpty)
  }

  @Test("The outbox's rows are told once each: when new, at every further attempt, and at the end")
  func outboxWatch() {
    var watch = DemoOutboxWatch()
    func row(_ id: Int64, _ state: DeliveryState, attempts: Int) -> DeliveryRow {
      DeliveryRow(
        id: DeliveryID(rawValue: id), destination: "d", state: state, attempts: attempts,
        recordedAt: UnixTime(seconds: 1), dueAt: nil, settledAt: nil, deadLetterReason: nil, lastHTTPStatus: nil,
        lastFailure: nil, lastDetail: "", idInstance: 1, idMessage: "M", status: .sent, webhookID: "w")
    }
    func changes(_ rows: DeliveryRow...) -> [[Int64]] {
      watch.changes(in: rows.reversed()).map {
        [$0.row.id.rawValue, $0.isNew ? 1 : 0, Int64($0.attemptsBefore), $0.isGivenUp ? 1 : 0]
      }
    }
    #expect(changes(row(1, .waiting, attempts: 0), row(2, .delivered, attempts: 1)) == [[1, 1, 0, 0], [2, 1, 0, 0]])
    #expect(watch.hasUnsettled)
    #expect(changes(row(1, .waiting, attempts: 0), row(2, .delivered, attempts: 1)).isEmpty)
    #expect(changes(row(1, .retrying, attempts: 2), row(2, .delivered, attempts: 1)) == [[1, 0, 0, 0]])
    #expect(changes(row(1, .deadLetter, attempts: 3)) == [[1, 0, 2, 1]])
    #expect(!watch.hasUnsettled)
    #expect(changes(row(1, .deadLetter, attempts: 3)).isEmpty)
  }
}
