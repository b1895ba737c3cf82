import Foundation
import Relay
import Testing

@testable import RelayAdmin

/// The series of a text in Prometheus's format, by name and labels as written.
struct MetricsReading {
  let text: String
  private let values: [String: Double]

  init(_ text: String) {
    self.text = text
    let pairs = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
      line.lastIndex(of: " ").flatMap { end in
        Double(line[line.index(after: end)...]).map { (String(line[..<end]), $0) }
      }
    }
    values = Dictionary(uniqueKeysWithValues: pairs)
  }

  /// `nil` when there is no such series.
  subscript(_ series: String) -> Double? { values["statusrelay_\(series)"] }

  /// How many series have this in them.
  func series(with text: String) -> Int { values.keys.count { $0.contains(text) } }
}

extension RelayHarness {
  /// What `GET /metrics` would answer now.
  func metrics() async -> MetricsReading {
    MetricsReading(MetricsText(of: .init(relay: await relay.figures(), process: nil, version: "1.2.3")).text)
  }

  /// Waits until a series has this value.
  func metric(_ series: String, becomes value: Double?) async throws {
    try await eventually("\(series) as \(value.map { "\($0)" } ?? "nothing")") { await metrics()[series] == value }
  }
}
