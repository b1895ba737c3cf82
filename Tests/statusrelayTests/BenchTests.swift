import Foundation
import Testing

/// That the benchmark works; what it measures is for a release build and an idle machine.
@Suite struct BenchTests {
  @Test("The benchmark delivers beside a dead and a slow destination, and prints the ratio of the two rates")
  func isolation() async throws {
    let bench = try StatusrelayProcess(
      ["isolation", "--runs", "1", "--scale", "0.02", "--json"], program: "statusrelay-bench")
    let result = try await bench.result(within: .seconds(300))
    #expect(result.exit == .code(0), "\(result.error)")
    let line = try JSONDecoder().decode(Line.self, from: Data(result.output.utf8))
    #expect(line.result.name == "isolation")
    #expect(line.result.figures.count == 1 && line.result.floors.count == 1)
    #expect(line.ratio == line.result.figures[0] / line.result.floors[0])
  }

  @Test(
    "The benchmark measures polls, accounts and memory beside their floors",
    arguments: ["poll-unchanged", "poll-changed", "accounts", "memory"])
  func polling(name: String) async throws {
    let bench = try StatusrelayProcess(
      [name, "--runs", "1", "--scale", "0.005", "--json"], program: "statusrelay-bench")
    let result = try await bench.result(within: .seconds(300))
    #expect(result.exit == .code(0), "\(result.error)")
    let lines = try result.outputLines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    #expect(lines.count == (name == "memory" ? 4 : 1))
    for line in lines {
      #expect(line.result.figures.count == 1 && line.result.floors.count == 1)
      #expect(line.ratio == line.result.figures[0] / line.result.floors[0])
      #expect(line.result.floors[0] > 0)
    }
  }

  @Test("A case that there is not is wrong usage, and the answer names those there are")
  func unknownCase() async throws {
    let bench = try StatusrelayProcess(["isolatoin"], program: "statusrelay-bench")
    let result = try await bench.result()
    #expect(result.exit == .code(64))
    #expect(result.error.contains("there are: ") && result.error.contains("isolation."))
  }

  private struct Line: Decodable {
    struct Result: Decodable {
      var name: String
      var figures: [Double]
      var floors: [Double]
    }
    var ratio: Double
    var result: Result
  }
}
