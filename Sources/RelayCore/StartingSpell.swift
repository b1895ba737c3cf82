import GreenAPI

/// How long GREEN-API has said in a row that an instance is starting.
///
/// An instance starts within 5 minutes, at every SetSettings and every reboot. One that says so for longer hangs, waits for its phone to be
/// linked, or is deleted: nothing changes until a person acts.
public struct StartingSpell: Hashable, Sendable {
  /// GREEN-API's 5 minutes and one more.
  public static let longest = Duration.seconds(360)

  private var since: SteadyTime?

  public init() {}

  /// - Returns: the failure as it appears by now: ``PollFailure/stillStarting(_:)`` in place of one that would have passed by itself.
  public mutating func judged(_ failure: PollFailure, at now: SteadyTime) -> PollFailure {
    switch failure {
    case .api(let answer) where answer.nature == .passesSoon:
      let start = since ?? now
      since = start
      return now - start >= Self.longest ? .stillStarting(answer) : failure
    // These tell that the instance answers, or what it is instead.
    case .outbox, .identityUnknown: since = nil
    case .api(let answer) where answer.nature == .needsAPerson: since = nil
    // And these nothing of it.
    case .api, .stillStarting, .answer, .answerTooLarge, .network: break
    }
    return failure
  }

  /// A poll has succeeded.
  public mutating func end() { since = nil }
}
