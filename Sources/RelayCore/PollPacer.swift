import GreenAPI

/// When the next poll of one account is made, and how far back it looks.
///
/// | after | the next poll comes |
/// |---|---|
/// | a success | `interval` after the last began, `idleInterval` while no message is under way |
/// | errors that pass by themselves | after 2, 4, 8 … intervals, at most 5 minutes; each wait is shortened by up to a half at random |
/// | the instance is starting | after 30 s whatever `interval` is, shortened by up to a tenth at random; after 6 minutes in a row (12 to 14 such answers, see ``StartingSpell``) as after errors that need a person |
/// | a 429, the first in 10 minutes | as after a success: something else asked at the same time, and may not again |
/// | further 429s | after twice the wait before; each success shortens it by a quarter until it is the usual one again |
/// | errors that need a person | after 5 minutes, with a used-up quota 15, stretched by up to a tenth at random |
///
/// With the default interval of 5 s errors are followed by waits of up to 10, 20, 40, 80, 160, 300, 300 … seconds. A longer
/// `Retry-After` wins, up to an hour. Whatever happens, a request begins no sooner than a second after the one before it was answered:
/// GREEN-API allows 1 a second, and when exactly it counted one can't be seen from here.
public struct PollPacer: Sendable, Hashable {
  public private(set) var policy: PollPolicy
  /// The next poll is not to begin before then.
  public private(set) var nextPoll: SteadyTime
  /// Failures since the latest success.
  public private(set) var failuresInARow = 0
  /// How often the wait after an error that passes by itself has doubled. An instance that starts says nothing of that.
  private var doublings = 0

  /// When the latest poll began, and when any was last heard of.
  private var startedAt: SteadyTime?
  private var heardAt: SteadyTime?
  private var isIdle = false
  /// When messages were known to be under way last.
  private var underWayAt: SteadyTime?
  /// The wait that 429 has led to; `nil` while the usual one will do.
  private var slowed: Duration?
  /// When the latest 429 came.
  private var latestRateLimit: SteadyTime?
  private var reach: LookBack

  /// A 429 is passed over when none came for so long: GREEN-API's web chat, which asks for the same every 30 s while its tab is open, and
  /// an operator's single request meet one of our polls now and then; what asks all the time does so within minutes.
  public static let rateLimitMemory = Duration.seconds(600)
  public static let longestBackoff = Duration.seconds(300)
  /// An instance starts within 5 minutes, and is polled again within this time then.
  public static let waitForStart = Duration.seconds(30)
  public static let waitForAPerson = Duration.seconds(300)
  /// A quota is used up until the month ends or the tariff changes.
  public static let waitForQuota = Duration.seconds(900)
  /// Neither a `Retry-After` nor 429s in a row stretch a wait beyond this.
  public static let longestWait = Duration.seconds(3600)

  /// - Parameters:
  ///   - latestPoll: ``AccountProgress/latestPoll`` as the outbox remembers it.
  ///   - trustsClock: `false` when the clock is known to have gone backwards, so that nobody can say how long the relay was
  ///     away: the first poll then asks for the whole journal.
  ///   - hasMessagesUnderWay: whether some may be, as far as the outbox tells.
  ///   - now: when the first poll is to be made; `StartQueue` keeps those of many accounts apart.
  public init(
    policy: PollPolicy, latestPoll: SteadyTime?, trustsClock: Bool = true, hasMessagesUnderWay: Bool = false,
    startingAt now: SteadyTime
  ) {
    self.policy = policy
    reach = LookBack(latestPoll: latestPoll, trustsClock: trustsClock)
    nextPoll = now
    underWayAt = hasMessagesUnderWay ? now : nil
  }

  /// How many minutes a poll that begins now asks for.
  public func minutes(at now: SteadyTime) -> Int { reach.minutes(at: now, window: policy.window) }

  // MARK: What happens

  /// A request is sent. Also for one that ``nextPoll`` did not call for, such as an operator's.
  public mutating func started(at now: SteadyTime) {
    reach.started(at: now, window: policy.window)
    startedAt = now
    heardAt = now
    nextPoll = max(nextPoll, earliest)
  }

  /// The answer was good, and what it changes is recorded.
  /// - Parameter hasMessagesUnderWay: ``PollChanges/hasMessagesUnderWay``; `nil` leaves the pace as it is, until what was under way
  ///   would not be any more.
  public mutating func succeeded(hasMessagesUnderWay: Bool?, at now: SteadyTime) {
    heardAt = now
    failuresInARow = 0
    doublings = 0
    if hasMessagesUnderWay == true { underWayAt = now }
    isIdle = hasMessagesUnderWay.map { !$0 } ?? (isIdle || underWayAt.map { now - $0 >= Standing.stillness } ?? true)
    reach.succeeded(at: now)
    if let wait = slowed {
      let shortened = wait * 0.75
      slowed = shortened > usualWait ? shortened : nil
    }
    schedule(usualWait: slowed ?? usualWait)
  }

  /// The poll came to nothing; it may not even have begun.
  /// - Parameter retryAfter: the answer's `Retry-After`, when it had one.
  /// - Returns: whether it is passed over, as a single 429: then it is no failure of the account's, and changes no pace.
  @discardableResult
  public mutating func failed(
    _ failure: PollFailure, retryAfter: Duration? = nil, at now: SteadyTime,
    using generator: inout some RandomNumberGenerator
  ) -> Bool {
    heardAt = now
    if case .slowDown = failure.nature {
      defer { latestRateLimit = now }
      if slowed == nil, latestRateLimit.map({ now - $0 > Self.rateLimitMemory }) ?? true {
        schedule(usualWait: usualWait)
        nextPoll = max(nextPoll, now + min(retryAfter ?? .zero, Self.longestWait))
        return true
      }
    }
    failuresInARow += 1
    doublings = min(doublings + 1, 16)
    if case .answerTooLarge = failure { reach.answerWasTooLarge() }
    let wait: Duration
    switch failure.nature {
    case .passesByItself:
      wait = min(usual * (1 << doublings), Self.longestBackoff) * Double.random(in: 0.5...1, using: &generator)
    case .passesSoon:
      doublings = 0
      wait = Self.waitForStart * Double.random(in: 0.9...1, using: &generator)
    case .slowDown:
      wait = (slowed ?? usualWait) * Double.random(in: 2...2.2, using: &generator)
    case .needsAPerson:
      let isQuota = failure.reason == APIFailure.Kind.quotaExceeded.rawValue
      wait = (isQuota ? Self.waitForQuota : Self.waitForAPerson) * Double.random(in: 1...1.1, using: &generator)
    }
    var bounded = min(max(wait, retryAfter ?? .zero), Self.longestWait)
    if failure.nature != .passesSoon { bounded = max(usual, bounded) }
    if case .slowDown = failure.nature { slowed = bounded }
    nextPoll = max(now + bounded, earliest)
    return false
  }

  @discardableResult
  public mutating func failed(_ failure: PollFailure, retryAfter: Duration? = nil, at now: SteadyTime) -> Bool {
    var generator = SystemRandomNumberGenerator()
    return failed(failure, retryAfter: retryAfter, at: now, using: &generator)
  }

  /// A reloaded configuration takes over. A wait because of failures stays as it is.
  public mutating func adopt(_ policy: PollPolicy) {
    self.policy = policy
    if failuresInARow == 0, startedAt != nil { schedule(usualWait: slowed ?? usualWait) }
  }

  // MARK: How

  private static func usual(_ interval: Duration) -> Duration { max(interval, PollPolicy.minimumInterval) }
  private var usual: Duration { Self.usual(policy.interval) }
  private var usualWait: Duration { isIdle ? max(policy.idleInterval, usual) : usual }

  /// No request of this account begins before then.
  private var earliest: SteadyTime { heardAt.map { $0 + PollPolicy.minimumInterval } ?? nextPoll }

  private mutating func schedule(usualWait wait: Duration) {
    nextPoll = startedAt.map { max($0 + wait, earliest) } ?? earliest
  }
}

/// How far back a poll looks: to the latest success and a window beyond it, so that late records and changes made in between
/// are seen; at most as far as GREEN-API's journal goes.
private struct LookBack: Sendable, Hashable {
  /// Changes up to here have been seen; `nil`: none have.
  private var coveredUntil: SteadyTime?
  /// Whether `coveredUntil` can be compared with the present.
  private var trustsClock: Bool
  /// What an answer that was too large leaves of the minutes; `nil`: all of them.
  private var limit: Int?
  /// Successes until `limit` is doubled, and how many there are to be after the next answer too large. That number doubles too, so
  /// that an account whose full answer will never fit doesn't fail at every other poll.
  private var patience = 1
  private var nextPatience = 1
  /// What the poll under way asked for, and whether that was all it should have.
  private var asked: Int?
  private var askedForAll = true

  static let journal = Int(PollPolicy.journal.components.seconds / 60)
  static let leastLimit = 60
  static let longestPatience = 64

  init(latestPoll: SteadyTime?, trustsClock: Bool) {
    coveredUntil = latestPoll
    self.trustsClock = trustsClock
  }

  func minutes(at now: SteadyTime, window: Duration) -> Int {
    min(wanted(at: now, window: window), limit ?? .max)
  }

  private func wanted(at now: SteadyTime, window: Duration) -> Int {
    guard trustsClock else { return Self.journal }
    let minute: Int64 = 60_000
    let window = min(window, PollPolicy.journal).milliseconds
    let whole = Int(clamping: (window + minute - 1) / minute)
    let away = coveredUntil.map { max(0, now.milliseconds.saturatingSubtracting($0.milliseconds)) } ?? 0
    let back = Int(clamping: away.saturatingAdding(window) / minute)
    return max(1, min(max(whole, back), Self.journal))
  }

  mutating func started(at now: SteadyTime, window: Duration) {
    let wanted = wanted(at: now, window: window)
    let asked = min(wanted, limit ?? .max)
    self.asked = asked
    askedForAll = asked == wanted
  }

  mutating func succeeded(at now: SteadyTime) {
    // While less is asked for than is wanted, what lies before it stays wanted.
    if askedForAll {
      coveredUntil = now
      trustsClock = true
      limit = nil
      nextPatience = 1
    } else if let current = limit {
      patience -= 1
      if patience <= 0 {
        limit = min(current * 2, Self.journal)
        patience = nextPatience
      }
    }
  }

  mutating func answerWasTooLarge() {
    guard let asked else { return }
    limit = max(min(asked, Self.leastLimit), asked / 2)
    patience = nextPatience
    nextPatience = min(nextPatience * 2, Self.longestPatience)
  }
}
