import GreenAPI

/// What the polls and settings of one account come to: its ``AccountState``, and since when.
public struct AccountHealth: Hashable, Sendable {
  public enum Event: Hashable, Sendable {
    /// An answer was used and recorded; `faults` are its records that were passed over.
    case pollSucceeded(records: Int, faults: [RecordFault: Int])
    case pollFailed(PollFailure)
    /// A poll came to nothing that says nothing of the account: a single 429, see ``PollPacer``.
    case pollPassedOver
    /// getSettings was answered: what is wrong in it, the gravest first; empty when nothing is.
    case settingsRead([SettingsWarning])
  }

  public private(set) var state = AccountState.starting
  /// When the state became what it is. A trouble that merely words itself otherwise (another request id in GREEN-API's text, say)
  /// stays the same trouble.
  public private(set) var since: Moment
  /// When the latest poll succeeded; `nil` before the first.
  public private(set) var latestSuccess: Moment?
  /// Failures since then.
  public private(set) var failuresInARow = 0

  private var failure: PollFailure?
  private var unusable: [RecordFault: Int] = [:]
  private var warnings: [SettingsWarning] = []

  public init(startingAt now: Moment) { since = now }

  /// - Returns: the new state when it is another one than before, to be logged.
  public mutating func handle(_ event: Event, at now: Moment) -> AccountState? {
    switch event {
    case .pollSucceeded(let records, let faults):
      latestSuccess = now
      failuresInARow = 0
      failure = nil
      unusable = records == 0 ? faults : [:]
    case .pollFailed(let failure):
      failuresInARow += 1
      self.failure = failure
    case .pollPassedOver: break
    case .settingsRead(let warnings):
      self.warnings = warnings
    }
    let before = state
    state = derived
    guard state.name != before.name || state.trouble?.reason != before.trouble?.reason else { return nil }
    since = now
    return state
  }

  /// The gravest of what is known: what keeps polls from succeeding, then what makes them useless, then what impairs them.
  private var derived: AccountState {
    if let failure {
      if case .needsAPerson = failure.nature { return .needsAttention(.init(failure)) }
      return .degraded(.init(failure))
    }
    if latestSuccess == nil { return .starting }
    if let warning = warnings.first { return .needsAttention(.init(warning)) }
    if !unusable.isEmpty { return .degraded(.init(allPassedOver: unusable)) }
    return .healthy
  }
}
