import GreenAPISimulator

/// When a life of the relay ends.
enum KillMoment: Hashable, Sendable {
  /// At any moment after it was started, its own start included.
  case anyTime(milliseconds: Int)
  /// Shortly after a poll of its own was answered: before, while or after that is recorded.
  case afterPoll(microseconds: Int)
  /// Once the consumer has got a request whole, before it answers.
  case inFlight
  /// Right after the consumer has accepted: before, while or after that is recorded.
  case afterAcceptance(microseconds: Int)
  /// After a third poll: it lives long enough for states to be polled, recorded and delivered.
  case afterSeveralPolls(milliseconds: Int)

  static func random(using random: inout SplitMix64) -> KillMoment {
    switch Int.random(in: 0..<100, using: &random) {
    case ..<25: .anyTime(milliseconds: .random(in: 0...2500, using: &random))
    case ..<55: .afterPoll(microseconds: .random(in: 0...15_000, using: &random))
    case ..<70: .inFlight
    case ..<88: .afterAcceptance(microseconds: .random(in: 0...5000, using: &random))
    default: .afterSeveralPolls(milliseconds: .random(in: 0...300, using: &random))
    }
  }

  var name: String {
    switch self {
    case .anyTime: "at any time"
    case .afterPoll: "after a poll"
    case .inFlight: "in flight"
    case .afterAcceptance: "after acceptance"
    case .afterSeveralPolls: "after several polls"
    }
  }
}
