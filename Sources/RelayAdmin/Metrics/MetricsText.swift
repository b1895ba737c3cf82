import RelayCore

/// Metrics in Prometheus's text format.
///
/// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
struct MetricsText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private(set) var text = ""

  init(_ metrics: [Metric] = Metric.all, of source: Metric.Source) {
    for metric in metrics {
      text += "# HELP \(metric.name) \(Self.escaped(metric.help, quotes: false))\n"
      text += "# TYPE \(metric.name) \(metric.kind.rawValue)\n"
      for sample in metric.samples(source) {
        let labels = Self.written(Array(zip(metric.labels, sample.labels)))
        switch sample.value {
        case .number(let number): line(metric.name, labels, Self.written(number))
        case .histogram(let histogram): lines(metric.name, labels, histogram)
        }
      }
    }
  }

  /// Buckets count all that is not above their bound, so each holds the ones before it.
  private mutating func lines(_ name: String, _ labels: String, _ histogram: Histogram) {
    var count: UInt64 = 0
    for (bound, inBucket) in zip(histogram.bounds + [.infinity], histogram.counts) {
      count += inBucket
      let bound = "le=\"\(Self.written(bound))\""
      line("\(name)_bucket", labels.isEmpty ? bound : "\(labels),\(bound)", "\(count)")
    }
    line("\(name)_sum", labels, Self.written(histogram.sum))
    line("\(name)_count", labels, "\(count)")
  }

  private mutating func line(_ name: String, _ labels: String, _ value: String) {
    text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
  }

  private static func written(_ labels: [(name: String, value: String)]) -> String {
    labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",")
  }

  /// Whole numbers without a fraction, as far as a `Double` is exact.
  static func written(_ number: Double) -> String {
    guard number.isFinite else { return number.isNaN ? "NaN" : number > 0 ? "+Inf" : "-Inf" }
    return Int64(exactly: number).map { abs($0) < 1 << 53 ? "\($0)" : "\(number)" } ?? "\(number)"
  }

  /// Unicode scalars, because a line feed after a carriage return is no `Character` of its own.
  static func escaped(_ text: String, quotes: Bool) -> String {
    var escaped = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped.append(contentsOf: "\\\\".unicodeScalars)
      case "\n": escaped.append(contentsOf: "\\n".unicodeScalars)
      case "\"" where quotes: escaped.append(contentsOf: "\\\"".unicodeScalars)
      default: escaped.append(scalar)
      }
    }
    return String(escaped)
  }
}
