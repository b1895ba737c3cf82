import ArgumentParser
import Relay

extension DurationText {
  /// For options: `200ms`, `5s`, as the configuration writes durations.
  @Sendable static func argument(_ text: String) throws -> Duration {
    guard let duration = parse(text) else {
      let meant = suggestion(for: text).map { " Did you mean \($0)?" } ?? ""
      throw ValidationError("'\(text)' is no duration: expected \(forms).\(meant)")
    }
    return duration
  }
}
