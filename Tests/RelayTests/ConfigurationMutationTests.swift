import GreenAPI
import RelayCore
import Testing

@testable import Relay

@Suite("A configuration that is hostile")
struct ConfigurationMutationTests {
  typealias Sample = ConfigurationSample

  /// SplitMix64 (https://prng.di.unimi.it/splitmix64.c): a failure is told by its seed.
  struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  @Test("Whatever is done to a good file, it loads, or fails with errors that stand in the file")
  func mutations() async throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(state: seed)
    let good = Array(ConfigurationTemplate.text().replacing("\n#", with: "\n").utf8)
    let pieces =
      [
        "*", "&a", "*a", "!", "!!binary ", "? ", ": ", "- ", "[", "]", "{", "}", ",", "#", "'", "\"", "|", ">", "%",
        "@", "\t", "\n",
        "\r", "---\n", "...\n", "<<: *a", "\\", "\u{0}", "\u{7}", "\u{85}", "\u{2028}", "\u{FEFF}", "\u{E000}", "é",
        "null", "~",
        "accounts:", "  ", "999999999999999999999", "-1", "\"\\uD800\"", "\"\\x00\"", "0x1F", "1e9", "[[[[", "{{{{",
      ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0xED, 0xA0, 0x80]]
    for round in 0..<400 {
      var bytes = good
      // Tests that wait for a moment are to get their turn in between.
      await Task.yield()
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let start = Int.random(in: 0..<bytes.count, using: &random)
        let end = min(bytes.count, start + Int.random(in: 0...20, using: &random))
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes.removeSubrange(start..<end)
        case 1: bytes.insert(contentsOf: bytes[start..<end], at: Int.random(in: 0..<bytes.count, using: &random))
        case 2: bytes[start] = UInt8.random(in: 0...255, using: &random)
        case 3: bytes.insert(contentsOf: pieces.randomElement(using: &random) ?? [], at: start)
        default: bytes = Array(bytes[..<max(1, end)])
        }
        if bytes.isEmpty { bytes = [0x0A] }
      }
      let lines = bytes.count { $0 == 0x0A || $0 == 0x0D || $0 == 0x85 || $0 == 0xA8 } + 2
      do throws(ConfigurationErrors) {
        let configuration = try ConfigurationReferenceTests.sample.load(.bytes(bytes))
        #expect(!configuration.accounts.isEmpty && !configuration.destinations.isEmpty, "seed \(seed), round \(round)")
      } catch {
        #expect(!error.problems.isEmpty, "seed \(seed), round \(round)")
        for problem in error.problems {
          let place = problem.place
          let isTold = place.source == "c.yaml" && (place.line.map { (1...lines).contains($0) } ?? true)
          #expect(isTold && !problem.text.isEmpty, "seed \(seed), round \(round): \(problem)")
        }
      }
    }
  }

  @Test(
    "Aliases of aliases end in an error, not in hours of work",
    arguments: ["log: *i", "? *i\n: 1", "{*i}: 1", "log: {a: *i, b: *i}"])
  func aliasBomb(use: String) {
    var yaml = "x:\n  - &a [" + Array(repeating: "lol", count: 9).joined(separator: ",") + "]\n"
    for (name, before) in zip("bcdefghi", "abcdefgh") {
      yaml += "  - &\(name) [" + Array(repeating: "*\(before)", count: 9).joined(separator: ",") + "]\n"
    }
    let clock = ContinuousClock()
    let start = clock.now
    let lines = Sample().errors(yaml + use + "\n" + Sample.good)
    #expect(lines.contains { $0.contains("aliases repeat more than 1000000 values") }, "\(lines)")
    #expect(clock.now - start < .seconds(30))
  }

  @Test("A file full of mistakes is told of completely, and soon")
  func manyMistakes() {
    let keys = (0..<2000).map { "intervall\($0): 1\n" }.joined()
    #expect(Sample().errors(Sample.with(top: keys)).count == 2000)
  }

  @Test("More duplicate keys than are told in one go still end in an error")
  func manyDuplicates() {
    let keys = (0..<30).map { "log\($0): 1\nlog\($0): 1\n" }.joined()
    let lines = Sample().errors(Sample.with(top: keys))
    #expect(lines.contains { $0.hasSuffix("is given twice, expected it once") })
  }

  @Test("Signing secrets are equal by their key, however it is written")
  func signingSecrets() throws {
    let seed = try SigningSecret(Secret("whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="))
    let pair = try SigningSecret(
      Secret("whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg=="))
    let symmetric = try SigningSecret(Secret("whsec_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="))
    #expect(seed == pair && seed.hashValue == pair.hashValue)
    #expect(seed != symmetric)
    #expect(try symmetric != SigningSecret(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")))
  }
}
