import GreenAPI

/// Whether a destination is worth attempting at all.
///
/// Closed until ``threshold`` different messages have failed in a row with no success between them (one message failing again and
/// again says something of that message only). Then open: one attempt at a time is let through as a probe, the first after 5 s, each
/// failed one doubling the wait up to 5 min. Any success closes it.
public struct CircuitBreaker: Hashable, Sendable {
  public enum State: Hashable, Sendable {
    case closed
    /// No attempt before then.
    case open(until: SteadyTime)
    /// One attempt is on its way; the rest wait for what it brings.
    case probing
  }

  /// What an open circuit has to remember over a restart.
  public struct Trip: Hashable, Sendable {
    /// When it opened; failing probes don't change that.
    public var openedAt: SteadyTime
    /// When the next probe may start; while one is on its way, when that one could.
    public var until: SteadyTime
    /// The wait that led to `until`; the next one is twice as long.
    public var interval: Duration

    public init(openedAt: SteadyTime, until: SteadyTime, interval: Duration) {
      self.openedAt = openedAt
      self.until = until
      self.interval = interval
    }
  }

  /// `nil` while closed.
  public private(set) var trip: Trip?
  private var isProbing = false
  /// The messages that have failed since the last success; never more than ``threshold``.
  private var failedMessages: [Message] = []

  private struct Message: Hashable, Sendable {
    var idInstance: IDInstance
    var idMessage: String
  }

  public static let threshold = 5
  public static let firstInterval = Duration.seconds(5)
  public static let longestInterval = Duration.seconds(300)

  public init() {}

  /// As it was before a restart; a probe that was on its way then is as good as called off.
  public init(restoring trip: Trip?) {
    self.trip = trip
    self.trip?.interval = min(max(trip?.interval ?? .zero, Self.firstInterval), Self.longestInterval)
  }

  public var isClosed: Bool { trip == nil }

  public var state: State {
    guard let trip else { return .closed }
    return isProbing ? .probing : .open(until: trip.until)
  }

  /// Whether an attempt may start now. When the circuit isn't closed this is the probe, and the caller must start it.
  public mutating func admit(at now: SteadyTime) -> Bool {
    guard let trip else { return true }
    guard !isProbing, now >= trip.until else { return false }
    isProbing = true
    return true
  }

  /// When ``admit(at:)`` is worth asking next; `nil` when only an attempt's end changes its answer.
  public var nextAdmission: SteadyTime? { isProbing ? nil : trip?.until }

  public mutating func succeeded() { self = CircuitBreaker() }

  /// - Parameter wasProbe: whether this attempt was the probe; attempts that were under way when the circuit opened say nothing new.
  public mutating func failed(_ notification: Notification, wasProbe: Bool, at now: SteadyTime) {
    if let trip {
      guard isProbing, wasProbe else { return }
      let interval = min(trip.interval * 2, Self.longestInterval)
      self.trip = Trip(openedAt: trip.openedAt, until: now + interval, interval: interval)
      isProbing = false
    } else {
      let message = Message(idInstance: notification.idInstance, idMessage: notification.idMessage)
      if !failedMessages.contains(message) { failedMessages.append(message) }
      guard failedMessages.count >= Self.threshold else { return }
      failedMessages = []
      trip = Trip(openedAt: now, until: now + Self.firstInterval, interval: Self.firstInterval)
    }
  }

  /// The probe was called off without an answer.
  public mutating func abandonedProbe(at now: SteadyTime) {
    guard isProbing else { return }
    isProbing = false
    trip?.until = now
  }
}
