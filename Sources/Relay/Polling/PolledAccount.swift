import Curl
import GreenAPI
import RelayCore

/// What lasts from one poll of an account to the next, and those parts of a poll that wait for nothing.
struct PolledAccount: Sendable {
  let account: RelayConfiguration.Account
  private(set) var snapshot: Snapshot
  private(set) var pacer: PollPacer
  private var startingSpell = StartingSpell()
  /// As the outbox remembers it, once it is known.
  var identity: AccountIdentity?

  /// `nil` until a poll has come to its end, or they were asked for.
  private var settingsDue: SteadyTime?
  /// The wait after the next failure.
  private var settingsWait = Self.firstSettingsRetryInterval
  /// Where the latest poll asked, and what that follows from: it is the same for most polls.
  private var address: (typeInstance: TypeInstance, minutes: Int, url: RequestURL)?
  /// The answer that ``snapshot`` took over last.
  private var taken: TakenAnswer?
  /// How the messages of the latest answer stand.
  private var standing = Standing()
  /// As the settings said when they were read last: no status changes then.
  private var isOutgoingWebhookOff = false
  /// Bytes of the latest answer.
  private var latestCount = 0

  /// Settings are read again this often, for what has been set wrong meanwhile.
  private static let settingsInterval = Duration.seconds(3600)
  /// While no status can change, so that it is soon known when they can; GREEN-API takes up to 5 minutes to apply a setting, too. And
  /// after a failure; doubled from the first to this until they have been read once, as deliveries may wait for what they say.
  private static let settingsRetryInterval = Duration.seconds(300)
  private static let firstSettingsRetryInterval = Duration.seconds(15)

  init(_ account: RelayConfiguration.Account, snapshot: Snapshot, pacer: PollPacer, identity: AccountIdentity?) {
    self.account = account
    self.snapshot = snapshot
    self.pacer = pacer
    self.identity = identity
  }

  // MARK: When

  /// When there is something to do. The first poll comes first. Later the settings don't wait for polls that fail and become rare.
  var nextEvent: SteadyTime {
    guard identity != nil, let settingsDue else { return pacer.nextPoll }
    return min(pacer.nextPoll, settingsDue)
  }

  func isPollDue(at now: SteadyTime) -> Bool { now >= pacer.nextPoll }

  /// Beside the point of polling: what comes of them is a warning at most. Without an identity they are what a poll begins with.
  func areSettingsDue(at now: SteadyTime) -> Bool {
    guard identity != nil, let settingsDue else { return false }
    return now >= settingsDue
  }

  // MARK: Settings

  mutating func beginSettings(at now: SteadyTime) {
    settingsDue = now + settingsWait
    settingsWait = min(settingsWait * 2, Self.settingsRetryInterval)
    // Without an identity this is what the poll consists of, and it is paced like one.
    if identity == nil { pacer.started(at: now) }
  }

  /// - Parameter start: when they were asked for.
  mutating func endSettings(_ settings: AccountSettings, begunAt start: SteadyTime) {
    isOutgoingWebhookOff = settings.outgoingWebhook == false
    settingsDue = start + (isOutgoingWebhookOff ? Self.settingsRetryInterval : Self.settingsInterval)
    settingsWait = Self.settingsRetryInterval
  }

  // MARK: One poll

  /// A poll that waits for its answer.
  struct PollUnderWay: Sendable {
    let start: SteadyTime
    let reply: GreenAPIClient.Reply
    fileprivate let identity: AccountIdentity
    /// Whether the answer is held against the one taken over last.
    fileprivate let isHeldAgainstLast: Bool
  }

  /// An answer that has been read, and is to be taken over.
  struct ReceivedAnswer: Sendable {
    let answer: ReadAnswer
    /// When it was given, by GREEN-API's clock.
    let date: UnixTime?
    /// As it was when the poll began.
    let identity: AccountIdentity
    fileprivate let isHeldAgainstLast: Bool
  }

  mutating func beginPoll(_ identity: AccountIdentity, at now: Moment) -> (request: HTTPRequest, poll: PollUnderWay) {
    let minutes = pacer.minutes(at: now.steady)
    pacer.started(at: now.steady)
    // Whether all records have to be looked at is decided beforehand: what is known is not kept as it arrives.
    let known = taken.flatMap { taken in
      snapshot.needsRecords(of: taken, by: now.steady + GreenAPIClient.longestPoll, policy: account.poll) ? nil : taken
    }
    let (request, reply) = GreenAPIClient.recordsRequest(
      url(identity, minutes: minutes), secrets: [account.apiTokenInstance], knowing: known?.known ?? KnownRecords(),
      latestCount: latestCount, now: now.unix)
    let poll = PollUnderWay(start: now.steady, reply: reply, identity: identity, isHeldAgainstLast: known != nil)
    return (request, poll)
  }

  mutating func read(
    _ answer: GreenAPIClient.Answer, to poll: PollUnderWay
  ) throws(GreenAPIClient.Problem) -> ReceivedAnswer {
    latestCount = answer.reader.byteCount
    return ReceivedAnswer(
      answer: try answer.records(), date: answer.date, identity: poll.identity,
      isHeldAgainstLast: poll.isHeldAgainstLast)
  }

  /// What an answer changes; it is to be recorded and then taken over.
  func changes(from received: ReceivedAnswer, at now: Moment) -> PollChanges {
    snapshot.changes(
      from: received.answer, after: received.isHeldAgainstLast ? taken : nil, receivedAt: received.date, at: now,
      policy: account.poll)
  }

  /// Only once the changes are recorded: what is known is never announced.
  mutating func takeOver(_ received: ReceivedAnswer, _ changes: PollChanges, at now: SteadyTime) {
    snapshot.apply(changes)
    taken = TakenAnswer(received.answer, changes)
    standing = changes.standing
    startingSpell.end()
    pacer.succeeded(hasMessagesUnderWay: changes.hasMessagesUnderWay.map { $0 && !isOutgoingWebhookOff }, at: now)
    settingsDue = settingsDue ?? now
  }

  /// Messages of the latest answer that don't move; `nil` when there are none.
  var stuck: StuckMessages? { StuckMessages(standing, isOutgoingWebhookOff: isOutgoingWebhookOff) }

  /// - Returns: the failure as what went before makes it appear, and whether it is passed over, see
  ///   ``PollPacer/failed(_:retryAfter:at:using:)``.
  mutating func fail(
    _ failure: PollFailure, retryAfter: Duration?, at now: SteadyTime
  ) -> (failure: PollFailure, isPassedOver: Bool) {
    settingsDue = settingsDue ?? now
    let failure = startingSpell.judged(failure, at: now)
    return (failure, pacer.failed(failure, retryAfter: retryAfter, at: now))
  }

  private mutating func url(_ identity: AccountIdentity, minutes: Int) -> RequestURL {
    if let address, address.minutes == minutes, address.typeInstance == identity.typeInstance { return address.url }
    let url = GreenAPIClient.recordsURL(of: account.endpoint(typeInstance: identity.typeInstance), minutes: minutes)
    address = (identity.typeInstance, minutes, url)
    return url
  }
}
