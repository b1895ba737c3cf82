/// How often values fell into fixed ranges, and their sum: what a Prometheus histogram is made of.
///
/// Noting a value searches the few bounds and allocates nothing.
public struct Histogram: Hashable, Sendable {
  /// The upper bounds of the buckets, each inclusive, ascending. Above the last one there is another bucket without a bound.
  public let bounds: [Double]
  /// Values in each bucket alone, the one without a bound last: one more than ``bounds``.
  public private(set) var counts: [UInt64]
  public private(set) var sum = 0.0

  public init(bounds: [Double]) {
    assert(zip(bounds, bounds.dropFirst()).allSatisfy(<), "ascending")
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.count + 1)
  }

  public mutating func note(_ value: Double) {
    counts[bounds.firstIndex { value <= $0 } ?? bounds.count] &+= 1
    sum += value
  }

  /// In seconds.
  public mutating func note(_ duration: Duration) { note(duration.inSeconds) }

  public var count: UInt64 { counts.reduce(0, &+) }
}

extension Duration {
  /// Rounded to what a `Double` can tell apart.
  public var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) / 1e18
  }
}
