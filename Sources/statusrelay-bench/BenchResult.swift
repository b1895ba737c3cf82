import Foundation

/// Pairs of figures, each measured next to its floor, and what they come to.
struct BenchResult: Encodable {
  var name: String
  /// Of both figures, such as `notifications/s`.
  var unit: String
  var floorName: String
  var floors: [Double] = []
  var figures: [Double] = []

  mutating func add(figure: Double, floor: Double) {
    figures.append(figure)
    floors.append(floor)
  }

  /// Of the pairs' ratios: a disturbance that hits one pair then counts once.
  var ratio: Double { Self.median(zip(figures, floors).map { $0 / $1 }) }

  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return .nan }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  var text: String {
    let ratios = zip(figures, floors).map { $0 / $1 }
    return """
      \(name): ratio \(Self.format(ratio)) (of \(figures.count) pairs, \(Self.format(ratios.min() ?? .nan)) to \
      \(Self.format(ratios.max() ?? .nan)))
        measured  \(Self.format(Self.median(figures))) \(unit)
        floor     \(Self.format(Self.median(floors))) \(unit)  (\(floorName))
      """
  }

  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(Summary(result: self)), as: UTF8.self)
    }
  }

  private struct Summary: Encodable {
    var result: BenchResult
    var ratio: Double

    init(result: BenchResult) {
      self.result = result
      ratio = result.ratio
    }
  }

  private static func format(_ value: Double) -> String {
    value >= 100 ? String(format: "%.0f", value) : String(format: "%.3f", value)
  }
}
