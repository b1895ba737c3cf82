import Foundation
import Relay
import RelayAdmin
import Testing

@testable import statusrelay

@Suite("status for people")
struct StatusTextTests {
  private static let now = Date(timeIntervalSince1970: 1_795_248_000)

  private func ago(_ seconds: Double) -> String { (Self.now - seconds).formatted(.iso8601) }

  private func text(accounts: [String] = [], destinations: [String], isRunning: Bool = true) throws -> String {
    let json = """
      {"version": "9.9.9", "isRunning": \(isRunning), "startedAt": "\(ago(7200))",
       "accounts": [\(accounts.joined(separator: ","))], "destinations": [\(destinations.joined(separator: ","))]}
      """
    return StatusText(
      status: try JSONDecoder.admin.decode(RelayStatus.self, from: Data(json.utf8)), now: Self.now
    ).text
  }

  private func destination(_ name: String, _ state: String, _ more: String = "") -> String {
    #"{"name": "\#(name)", "state": "\#(state)", "waiting": 12345, "inFlight": 32, "delivered": 1234567, "deadLetters": 0, "#
      + #""oldestWaiting": "\#(ago(3 * 3600))"\#(more.isEmpty ? "" : ", " + more)}"#
  }

  private var account: String {
    """
    {"idInstance": 1101000001, "state": "healthy", "since": "\(ago(7200))", "latestPoll": "\(ago(3))",
     "nextPollInSeconds": 2.5, "lagSeconds": 4.24, "records": 250, "trackedMessages": 900, "events": 123456}
    """
  }

  @Test("The tables say how accounts and destinations fare, and fit into 100 columns")
  func tables() throws {
    let text = try text(
      accounts: [account],
      destinations: [
        destination(
          "crm", "delivering",
          #""circuit": "closed", "attemptsLately": 1000, "successRate": 0.9999, "p50Seconds": 0.0421, "p99Seconds": 2.449, "#
            + #""latestSuccess": "\#(ago(1))", "latestFailure": {"at": "\#(ago(600))", "failure": "timeout", "description": "late"}"#
        ),
        destination("own@1101000001", "delivering", #""circuit": "closed", "attemptsLately": 0"#),
      ])
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.allSatisfy { $0.count <= 100 }, "\(text)")
    func words(_ start: String) -> [[Substring]] {
      lines.filter { $0.split(separator: " ").first == start[...] }.map { $0.split(separator: " ") }
    }
    #expect(
      words("1101000001").first?.joined(separator: " ")
        == "1101000001 healthy 2 h ago 3 s ago in 2 s 4.2 s 250 900 123456")
    #expect(
      words("crm").map { $0.joined(separator: " ") } == [
        "crm delivering 12345 3 h ago 32 1234567 0", "crm closed 1000 99.9% 42 ms 2.4 s 1 s ago 10 min ago",
      ])
    #expect(words("own@1101000001").last?.joined(separator: " ") == "own@1101000001 closed 0 - - - - -")
  }

  @Test("Posts that are stuck are told, with the reason, of a healthy account too")
  func stuck() throws {
    func notes(_ count: Int) throws -> [String] {
      let stuck = account.replacing(
        "\"events\"", with: "\"stuck\": \(count), \"stuckReason\": \"no change for 2 hours\", \"events\"")
      return try text(accounts: [stuck], destinations: []).split(separator: "\n").map(String.init)
        .filter { $0.hasPrefix("! ") }
    }
    #expect(try notes(1) == ["! account 1101000001: 1 post is stuck (no change for 2 hours)"])
    #expect(try notes(3) == ["! account 1101000001: 3 posts are stuck (no change for 2 hours)"])
    #expect(try notes(0) == [])
  }

  @Test("What keeps a destination from getting its deliveries is told, with what to do")
  func notes() throws {
    let text = try text(destinations: [
      destination("a", "gone", #""circuit": "closed""#), destination("b", "paused", #""circuit": "closed""#),
      destination(
        "c", "circuitOpen",
        #""circuit": "open", "circuitOpenedAt": "\#(ago(300))", "nextProbe": "\#(ago(-30))", "#
          + #""latestFailure": {"at": "\#(ago(5))", "failure": "timeout", "description": "the consumer did not answer in time"}"#
      ),
      destination("d", "circuitOpen", #""circuit": "probing", "circuitOpenedAt": "\#(ago(60))""#),
      destination(
        "e@1101000001", "noAddress",
        #""circuit": "closed", "description": "the account has no webhookUrl", "advice": "Set webhookUrl.""#),
      destination("f", "notServed"),
    ])
    for line in [
      "! destination a answered HTTP 410 (gone)", "statusrelay destinations resume a",
      "! destination b was paused by an operator", "statusrelay destinations resume b",
      "! destination c failed several times in a row, and for 5 min has only been probed (next probe in 30 s)",
      "the consumer did not answer in time", "statusrelay destinations test c",
      "! destination d failed several times in a row, and for 1 min has only been probed (just now)",
      "! destination e@1101000001 has no address, and its deliveries wait: the account has no webhookUrl",
      "    Set webhookUrl.", "! destination f is not in the relay's configuration (any more)",
    ] { #expect(text.contains(line), "\(line)\n\(text)") }
  }

  @Test("Of a stopped relay only what lasts is shown: a pause, but no circuit")
  func stopped() throws {
    let text = try text(destinations: [destination("a", "paused"), destination("b", "notServed")], isRunning: false)
    #expect(text.contains("The relay is not running."))
    #expect(text.contains("! destination a was paused"))
    #expect(!text.contains("CIRCUIT") && !text.contains("! destination b"))
  }

  @Test(
    "Only all of the attempts are 100%", arguments: [(1.0, "100%"), (0.99999, "99.9%"), (0.5, "50.0%"), (0, "0.0%")])
  func shares(_ share: Double, _ text: String) {
    #expect(StatusText.share(share) == text)
  }
}

@Suite("Progress, exchanges and arrays of JSON as text")
struct WorkTextTests {
  @Test(
    "The bar fills with the share that is done, and leaves out itself before it leaves out a number",
    arguments: [
      (0, 100, 0.1, 60, "[                                        ]   0%  0 of 100"),
      (50, 100, 0.1, 60, "[####################                    ]  50%  50 of 100"),
      (100, 100, 0.1, 60, "[########################################] 100%  100 of 100"),
      (2000, 4000, 2.0, 40, "[#####     ]  50%  2000 of 4000  1000/s"),
      (2000, 4000, 2.0, 28, " 50%  2000 of 4000  1000/s"),
      (120, 100, 0.1, 30, "[#####] 100%  120 of 120"), (0, 0, 0.1, 30, "[##########] 100%  0 of 0"),
    ])
  func bar(_ done: Int, _ total: Int, _ seconds: Double, _ columns: Int, _ text: String) {
    let line = ProgressBar.line(done: done, total: total, elapsed: .seconds(seconds), columns: columns)
    #expect(line.count <= columns)
    #expect(line.filter { $0 != "#" && $0 != " " } == text.filter { $0 != "#" && $0 != " " })
    let (filled, width) = (line.count { $0 == "#" }, line.prefix { $0 != "]" }.count - 1)
    if line.hasPrefix("["), total > 0 { #expect(filled == min(width, done * width / total)) }
  }

  @Test("An array is taken apart into its elements, byte for byte, whatever they hold")
  func arrays() throws {
    for (text, elements) in [
      ("[]", []), (" [\n ] \n", []), ("[1,2]", ["1", "2"]),
      (#"[ {"a":[1,{"b":"]},{"}]} , "x,\"]" ]"#, [#"{"a":[1,{"b":"]},{"}]}"#, #""x,\"]""#]),
      (#"["\\","ü"]"#, [#""\\""#, #""ü""#]), ("[[],[[]]]", ["[]", "[[]]"]),
    ] as [(String, [String])] {
      #expect(try JSONElements.of(arrayIn: Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) } == elements)
    }
    for text in ["", "{}", "[", "[1", "[1] 2", "no", #"["]"#] {
      #expect(throws: JSONElements.NoArray.self) { try JSONElements.of(arrayIn: Array(text.utf8)) }
    }
  }

  @Test("A JSON body is laid out in lines, its members in their order; what is none stays as it is")
  func prettyJSON() {
    #expect(
      ExchangeText.prettyJSON(#"{"b":1,"a":{"x":"{,:\"","l":[1,[]],"e":{}}}"#)
        == """
        {
          "b": 1,
          "a": {
            "x": "{,:\\"",
            "l": [
              1,
              []
            ],
            "e": {}
          }
        }
        """)
    for text in ["", "ok", "{", "<html>", "[1]x"] { #expect(ExchangeText.prettyJSON(text) == nil) }
  }
}
