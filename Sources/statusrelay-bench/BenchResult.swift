import Foundation

/// Pairs of figures, each measured next to its floor, and what they come to: one line of the table.
struct BenchResult: Encodable {
  var name: String
  /// What sets this line apart from the case's others, such as `100,000 waiting`; empty for the case itself.
  var variant = ""
  /// Of both figures, such as `notifications/s`.
  var unit: String
  var floorName: String
  var comparison = Comparison.ratio
  var floors: [Double] = []
  var figures: [Double] = []

  enum Comparison: String, Encodable {
    /// Figure to floor.
    case ratio
    /// Floor to figure: how many times as fast, where both are times.
    case speed
    /// Figure less floor, in ``BenchResult/unit``.
    case difference
    /// There is no floor: the figure itself.
    case figure
  }

  mutating func add(figure: Double, floor: Double = .nan) {
    figures.append(figure)
    floors.append(floor)
  }

  /// One for each pair.
  var comparisons: [Double] {
    zip(figures, floors).map { figure, floor in
      switch comparison {
      case .ratio: figure / floor
      case .speed: floor / figure
      case .difference: figure - floor
      case .figure: figure
      }
    }
  }

  /// The median over the pairs: a disturbance that hits one pair then counts once.
  var compared: Double { Self.median(comparisons) }

  static func median(_ values: [Double]) -> Double { percentile(values, 50) }

  /// The value that so many of a hundred don't exceed, between two of them where it falls there.
  static func percentile(_ values: [Double], _ percent: Double) -> Double {
    let sorted = values.sorted()
    guard let last = sorted.last else { return .nan }
    let place = percent / 100 * Double(sorted.count - 1)
    let index = Int(place)
    guard index + 1 < sorted.count else { return last }
    return sorted[index] + (sorted[index + 1] - sorted[index]) * (place - Double(index))
  }

  static let heading = """
    | case | measured | floor | compared | of so many pairs, from – to |
    |---|---|---|---|---|
    """

  var row: String {
    let floor = comparison == .figure ? "" : "\(Self.format(Self.median(floors))) \(unit): \(floorName)"
    let compared =
      switch comparison {
      case .ratio: "**\(Self.format(compared))**"
      case .speed: "**\(Self.format(compared)) times as fast**"
      case .difference: "**\(Self.format(compared)) \(unit) more**"
      case .figure: "**\(Self.format(compared)) \(unit)**"
      }
    let spread = "\(Self.format(comparisons.min() ?? .nan)) – \(Self.format(comparisons.max() ?? .nan))"
    return """
      | \(variant.isEmpty ? "`\(name)`" : "`\(name)`, \(variant)") | \(Self.format(Self.median(figures))) \(unit) \
      | \(floor) | \(compared) | \(figures.count): \(spread) |
      """
  }

  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "none")
      return String(decoding: try encoder.encode(Line(result: self)), as: UTF8.self)
    }
  }

  private struct Line: Encodable {
    var result: BenchResult
    var compared: Double

    init(result: BenchResult) {
      self.result = result
      compared = result.compared
    }
  }

  private static func format(_ value: Double) -> String {
    switch abs(value) {
    case 1000...: Int(value.rounded()).formatted(.number.locale(Locale(identifier: "en")))
    case 100...: String(format: "%.0f", value)
    case 10...: String(format: "%.1f", value)
    default: String(format: "%.3f", value)
    }
  }
}
