import GreenAPI

/// How long GREEN-API has said in a row that an instance is starting.
///
/// An instance starts within 5 minutes, at every SetSettings and every reboot. One that says so for longer hangs, waits for its phone to be
/// linked, or is deleted: nothing changes until a person acts. Other trouble in between, a time-out say, leaves it open how the instance is;
/// after more than 6 minutes of that the time begins anew.
public struct StartingSpell: Hashable, Sendable {
  /// GREEN-API's 5 minutes and one more.
  public static let longest = Duration.seconds(360)

  private var since: SteadyTime?
  /// Since when polls have come to nothing that tells of the instance; `nil` while none has since the latest answer that does.
  private var unheardSince: SteadyTime?

  public init() {}

  /// - Returns: the failure as it appears by now: ``PollFailure/stillStarting(_:)`` in place of one that would have passed by itself.
  public mutating func judged(_ failure: PollFailure, at now: SteadyTime) -> PollFailure {
    switch failure {
    case .api(let answer) where answer.nature == .passesSoon:
      // In trouble of GREEN-API's instances may restart: what was before a long one is another matter.
      if let unheardSince, now - unheardSince > Self.longest { since = nil }
      unheardSince = nil
      let start = since ?? now
      since = start
      return now - start >= Self.longest ? .stillStarting(answer) : failure
    // These tell that the instance answers, or what it is instead.
    case .outbox, .identityUnknown: end()
    case .api(let answer) where answer.nature == .needsAPerson: end()
    // And these nothing of it.
    case .api, .stillStarting, .answer, .answerTooLarge, .network: unheardSince = unheardSince ?? now
    }
    return failure
  }

  /// A poll has succeeded.
  public mutating func end() {
    since = nil
    unheardSince = nil
  }
}
