import GreenAPI

/// How a demo has ended, and what it says at the end.
struct DemoEnding: Sendable, Hashable {
  enum Cause: Sendable, Hashable {
    /// Everything had arrived, or there was no time left.
    case done
    /// By a signal; that is how an endless one ends.
    case interrupted
    /// Nobody reads what it prints any more.
    case unread
  }

  var cause: Cause
  var isEndless: Bool
  var elapsed: Duration
  var problems: [String]
  var counts: [String]
  /// What may look like a gap and is none.
  var remarks: [String]

  init(_ cause: Cause, isEndless: Bool, elapsed: Duration, board: DemoBoard) {
    self.cause = cause
    self.isEndless = isEndless
    self.elapsed = elapsed
    problems = board.problems(isFinal: cause == .done)
    counts = DemoText.counts(board)
    remarks = board.rows.compactMap(\.remark)
  }

  var exitCode: Int32 {
    switch cause {
    case .interrupted where !isEndless: 130
    // 128 and the number of SIGPIPE, as the shell would have it.
    case .unread: 141
    case .done, .interrupted: problems.isEmpty ? 0 : ExitStatus.internalError.rawValue
    }
  }

  var summary: String {
    let time = DemoText.seconds(elapsed, width: 0)
    let verdict =
      switch (cause, problems.isEmpty) {
      case (.done, true): "Done in \(time): the consumer received everything, in order."
      case (.interrupted, true): "Ended after \(time), with nothing wrong so far."
      case (_, false): "After \(time) this is missing or wrong:"
      case (.unread, true): "Ended after \(time)."
      }
    return
      ([verdict] + (problems.map { "- \($0)" } + remarks + counts).map { "  \($0)" } + ["", DemoText.nextCommands])
      .joined(separator: "\n")
  }
}

extension DemoBoard.Row {
  /// Says so of a post that skipped a state at GREEN-API.
  fileprivate var remark: String? {
    let highest = received.compactMap(\.rank).max() ?? 0
    let skipped = MessageStatus.ranked.dropFirst().prefix(highest).filter { !act.states.contains($0) }
    guard !skipped.isEmpty else { return nil }
    let names = skipped.map(\.rawValue).joined(separator: ", ")
    return "post \(number) was never seen to be \(names), so nobody was told it was"
  }
}
