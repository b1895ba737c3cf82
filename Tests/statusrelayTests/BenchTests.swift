import Foundation
import Testing

/// That the benchmark works; what it measures is for a release build and an idle machine.
@Suite struct BenchTests {
  @Test(
    "Each case measures itself beside its floor, and prints what the two come to",
    arguments: [
      ("deliver", 2), ("deliver-many", 1), ("latency", 2), ("poll-unchanged", 1), ("poll-changed", 1), ("accounts", 1),
      ("memory", 4), ("isolation", 1),
    ])
  func measures(_ name: String, _ lineCount: Int) async throws {
    let bench = try StatusrelayProcess(
      [name, "--runs", "1", "--scale", "0.005", "--json"], program: "statusrelay-bench")
    let result = try await bench.result(within: .seconds(300))
    #expect(result.exit == .code(0), "\(result.error)")
    let lines = try result.outputLines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    #expect(lines.count == lineCount)
    for line in lines {
      #expect(line.result.figures.count == 1 && line.result.floors.count == 1)
      #expect(line.result.floors[0] > 0)
      let (figure, floor) = (line.result.figures[0], line.result.floors[0])
      #expect(line.compared == (line.result.comparison == "difference" ? figure - floor : figure / floor))
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
      var comparison: String
      var figures: [Double]
      var floors: [Double]
    }
    var compared: Double
    var result: Result
  }
}
