import Foundation
import Relay
import Testing

@testable import statusrelay

/// What the README says that the program says too.
///
/// After a change of a key or a command `STATUSRELAY_WRITE_README=1 swift test --filter READMETests` writes it into the README.
@Suite("The README", .serialized)
struct READMETests {
  private static let file = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "README.md")

  @Test("Its configuration reference is the one that the table of keys gives")
  func configuration() throws {
    try check("configuration", against: ConfigurationReference.markdown)
  }

  @Test("Its table of commands says of each what its own help says")
  func commands() throws {
    let rows = Statusrelay.configuration.subcommands.map { command in
      "| `statusrelay \(command.configuration.commandName ?? "")` | \(command.configuration.abstract) |\n"
    }
    try check("commands", against: "| command | |\n|---|---|\n" + rows.joined())
  }

  private func check(_ section: String, against content: String, sourceLocation: SourceLocation = #_sourceLocation)
    throws
  {
    var text = try String(contentsOf: Self.file, encoding: .utf8)
    let begin = try #require(text.range(of: "<!-- \(section) -->\n"), sourceLocation: sourceLocation)
    let end = try #require(text.range(of: "<!-- /\(section) -->\n"), sourceLocation: sourceLocation)
    let expected = "\n\(content)\n"
    if ProcessInfo.processInfo.environment["STATUSRELAY_WRITE_README"] != nil {
      text.replaceSubrange(begin.upperBound..<end.lowerBound, with: expected)
      try text.write(to: Self.file, atomically: true, encoding: .utf8)
    } else {
      #expect(
        text[begin.upperBound..<end.lowerBound] == expected,
        "run: STATUSRELAY_WRITE_README=1 swift test --filter READMETests", sourceLocation: sourceLocation)
    }
  }
}
