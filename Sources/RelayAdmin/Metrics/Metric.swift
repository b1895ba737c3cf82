import Relay
import RelayCore

/// One metric of `GET /metrics`: what it is called, what it means, and where its numbers come from.
///
/// Labels name an account, a destination or a member of a closed set, so that the number of series is bounded. Units are base units.
struct Metric: Sendable {
  enum Kind: String, Sendable {
    case counter, gauge, histogram
  }

  /// One series.
  struct Sample: Sendable {
    enum Value: Sendable {
      case number(Double)
      case histogram(Histogram)
    }

    /// One for each of ``Metric/labels``.
    var labels: [String]
    var value: Value
  }

  /// What numbers are taken from.
  struct Source: Sendable {
    var relay: RelayFigures
    /// `nil` where the system doesn't tell.
    var process: ProcessFigures?
    var version: String
  }

  let name: String
  let kind: Kind
  let labels: [String]
  /// A sentence or two, on one line.
  let help: String
  let samples: @Sendable (Source) -> [Sample]

  /// Every metric there is, in the order shown.
  static let all = relay + accounts + destinations + outbox + process
}

extension Metric {
  static func counter(
    _ name: String, labels: [String] = [], _ help: String, _ samples: @escaping @Sendable (Source) -> [Sample]
  ) -> Metric {
    Metric(name: name, kind: .counter, labels: labels, help: help, samples: samples)
  }

  static func gauge(
    _ name: String, labels: [String] = [], _ help: String, _ samples: @escaping @Sendable (Source) -> [Sample]
  ) -> Metric {
    Metric(name: name, kind: .gauge, labels: labels, help: help, samples: samples)
  }

  static func histogram(
    _ name: String, labels: [String] = [], _ help: String, _ samples: @escaping @Sendable (Source) -> [Sample]
  ) -> Metric {
    Metric(name: name, kind: .histogram, labels: labels, help: help, samples: samples)
  }
}

extension Metric.Sample {
  init(_ labels: String..., number: Double) { self.init(labels: labels, value: .number(number)) }
  init(_ labels: String..., number: Int) { self.init(labels: labels, value: .number(Double(number))) }
  init(_ labels: String..., histogram: Histogram) { self.init(labels: labels, value: .histogram(histogram)) }

  /// One series for each state there is, all 0 but the one that holds.
  static func states(_ first: String, _ all: [String], current: String) -> [Self] {
    all.map { Self(first, $0, number: $0 == current ? 1 : 0) }
  }
}
