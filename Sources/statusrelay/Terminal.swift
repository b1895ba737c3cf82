import Foundation

/// Questions to a person at a terminal: asked on stderr, answered on stdin.
enum Terminal {
  /// Whether there is someone to ask.
  static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 }

  /// Asks until an answer passes; an empty one takes the default.
  /// - Parameter fault: what is wrong with an answer, or `nil`.
  /// - Returns: `nil` when the input ends.
  static func ask(_ question: String, default initial: String, fault: (String) -> String?) -> String? {
    while true {
      say("\(question) [\(initial)]: ")
      guard let line = readLine() else { return nil }
      let answer = line.trimmingCharacters(in: .whitespaces)
      if answer.isEmpty { return initial }
      guard let fault = fault(answer) else { return answer }
      say("  \(fault)\n")
    }
  }

  /// Asks for what must not be seen on the screen; empty when nothing is given.
  /// - Returns: `nil` when the input ends.
  static func askSecret(_ question: String) -> String? {
    var settings = termios()
    let isTerminal = tcgetattr(STDIN_FILENO, &settings) == 0
    var silent = settings
    silent.c_lflag &= ~tcflag_t(ECHO)
    // Before the question: whoever answers it at once must not be seen either.
    if isTerminal { tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) }
    say("\(question): ")
    defer {
      if isTerminal { tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) }
      say("\n")
    }
    return readLine()?.trimmingCharacters(in: .whitespaces)
  }

  /// Asks for a yes; anything else is a no.
  static func confirm(_ question: String) -> Bool {
    say("\(question) [y/N]: ")
    return ["y", "yes"].contains(readLine()?.trimmingCharacters(in: .whitespaces).lowercased() ?? "")
  }

  private static func say(_ text: String) {
    StandardError.write(text)
  }
}
