import GreenAPI

/// An event as a line of text.
enum DemoText {
  /// Such as `   3.1s  recorded   1 text "Good morning"  sent`.
  static func line(_ event: DemoEvent, on board: DemoBoard) -> String {
    let (word, text) = self.words(event.kind)
    let title = event.post.map { number in
      padded(board[number].map { "\(number) \($0.act.title)" } ?? "\(number)", titleWidth) + "  "
    }
    return ReceiptText.oneLine("\(seconds(event.at))  \(padded(word, 9))  \(title ?? "")\(text)")
  }

  private static let titleWidth = 21

  /// What is done, and what else there is to say.
  private static func words(_ kind: DemoEvent.Kind) -> (String, String) {
    switch kind {
    case .posted: ("posted", "pending")
    case .changed(let status): ("changed", "\(status), at GREEN-API")
    case .polled(let status): ("polled", "\(status)")
    case .recorded(let status, isWaiting: false): ("recorded", "\(status)")
    case .recorded(let status, isWaiting: true): ("recorded", "\(status): waits for its turn")
    case .attempted(let status, let attempt): words(status, attempt)
    case .received(let status, .first): ("received", "\(status)")
    case .received(let status, let arrival): ("received", "\(status): \(arrival.text)")
    case .unacceptable(let what): ("consumer", "finds fault: \(what)")
    case .givenUp(let status): ("given up", "\(status)")
    case .consumer(isDown: true): ("consumer", "goes down for a while: it answers 503 to everything")
    case .consumer(isDown: false): ("consumer", "is up again")
    case .relay(let text): ("relay", text)
    }
  }

  private static func words(_ status: MessageStatus, _ attempt: DemoEvent.Attempt) -> (String, String) {
    let answer = attempt.httpStatus.map { "HTTP \($0)" } ?? "no answer"
    let wait = attempt.wait.map { ", again in \(seconds($0, width: 0))" } ?? ""
    return attempt.number == 1
      ? ("attempted", "\(status): \(answer)\(wait)") : ("retried", "\(status): \(answer)\(wait)")
  }

  /// With one decimal: `12.3s`.
  static func seconds(_ duration: Duration, width: Int = 6) -> String {
    let tenths = max(0, Int((duration / .milliseconds(100)).rounded()))
    let text = "\(tenths / 10).\(tenths % 10)s"
    return String(repeating: " ", count: max(0, width - text.count)) + text
  }

  static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// What the demo is, in a few words.
  static let introduction = [
    "A simulated GREEN-API, the relay and a webhook consumer run in this process.",
    "Status posts change; the relay polls, records each change and posts it onward.",
  ]

  static func counts(_ board: DemoBoard) -> [String] {
    let counts = board.counts
    return [
      "changes made \(counts.changes), polled \(counts.polled), recorded \(counts.recorded), "
        + "attempts \(counts.attempts) (\(counts.retries) retried),",
      "received \(counts.received), repeats \(counts.repeats), in order: \(board.isInOrder ? "yes" : "no")",
    ]
  }

  static let nextCommands = """
    Next, with your own account:
      statusrelay init    writes a configuration file to fill in
      statusrelay run     runs the relay
    """
}
