import Testing

@testable import Relay

@Suite("A configuration that is wrong")
struct ConfigurationErrorsTests {
  typealias Sample = ConfigurationSample

  typealias Bad = BadConfiguration

  static var sample: ConfigurationSample {
    var sample = Sample()
    sample.variables["EMPTY"] = ""
    sample.files = [
      "/closed": .fault(.notPermitted), "/dir": .fault(.isDirectory), "/binary": .bytes([0xFF, 0xFE]),
      "/huge": .bytes([UInt8](repeating: 0x61, count: 65_537)), "/lines": .text("s3cret\nmore\n", mode: 0o600),
    ]
    return sample
  }

  @Test("Each fault is told where it stands, with what was expected", arguments: Bad.all)
  func message(bad: Bad) {
    #expect(Self.sample.errors(bad.yaml) == bad.lines)
  }

  @Test("No message holds what could be a secret")
  func noSecret() {
    for line in Bad.all.flatMap({ Self.sample.errors($0.yaml) }) {
      #expect(!line.contains("s3cret") && !line.contains("d75b3a"), "\(line)")
    }
    for key in ["d75b3a66374942c5b3c019c698abc2067e151558acbd412345", "whsec_abc"] {
      for yaml in [
        Sample.with(top: "\(key): 1"), Sample.with(destination: "webhookUrlToken: {env: \(key)}"),
        Sample.with(destination: "webhookUrlToken: {credential: \(key)}"), Sample.with(destination: "ordering: \(key)"),
        Sample.with(destination: "webhookUrlToken: {file: \(key)}"), Sample.with(destination: "headers: {\(key) : ''}"),
        Sample.with(account: "poll: {interval: \(key)}"), Sample.with(destination: "webhookUrlToken: {\(key)}"),
      ] {
        let lines = Sample().errors(yaml)
        #expect(!lines.isEmpty && !lines.contains { $0.contains(key) }, "\(lines)")
      }
    }
  }

  @Test("Problems are told in the order of the file, each once, whoever found them first")
  func order() {
    func problem(_ line: Int?, _ column: Int?, _ text: String) -> ConfigurationProblem {
      ConfigurationProblem(place: ConfigurationPlace(source: "f", line: line, column: column), text: text)
    }
    let errors = ConfigurationErrors(
      problems: [
        problem(10, 1, "a"), problem(9, 20, "b"), problem(9, 3, "c"), problem(nil, nil, "d"), problem(9, 3, "c"),
      ])
    #expect(errors.description == "f: d\nf:9:3: c\nf:9:20: b\nf:10:1: a")
  }

  @Test(
    "The likeliest key is suggested, or none",
    arguments: [
      ("intervl", "interval"), ("INTERVAL", "interval"), ("idle_interval", "idleInterval"), ("retnetion", "retention"),
      ("pollWindow", "window"), ("x", nil), ("", nil), ("completely", nil),
    ])
  func spelling(word: String, expected: String?) {
    #expect(Spelling.nearest(to: word, among: ["interval", "idleInterval", "window", "retention"]) == expected)
  }
}
