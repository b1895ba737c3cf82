/// Whether a destination is worth attempting at all.
///
/// Closed until ``threshold`` different lanes have failed in a row with no success between them (one message failing again and again
/// says something of that message only). Then open: one attempt at a time is let through as a probe, the first after 5 s, each
/// failed one doubling the wait up to 5 min. Any success closes it.
public struct CircuitBreaker: Hashable, Sendable {
  public enum State: Hashable, Sendable {
    case closed
    /// No attempt before then.
    case open(until: SteadyTime)
    /// One attempt is on its way; the rest wait for what it brings.
    case probing
  }

  public private(set) var state: State = .closed
  /// The lanes that have failed since the last success; never more than ``threshold``.
  private var failedLanes: [Lane] = []
  private var interval = firstInterval

  public static let threshold = 5
  public static let firstInterval = Duration.seconds(5)
  public static let longestInterval = Duration.seconds(300)

  public init() {}

  public var isClosed: Bool { state == .closed }

  /// Whether an attempt may start now. When the circuit isn't closed this is the probe, and the caller must start it.
  public mutating func admit(at now: SteadyTime) -> Bool {
    switch state {
    case .closed: return true
    case .probing: return false
    case .open(let until):
      guard now >= until else { return false }
      state = .probing
      return true
    }
  }

  /// When ``admit(at:)`` is worth asking next; `nil` when only an attempt's end changes its answer.
  public var nextAdmission: SteadyTime? {
    if case .open(let until) = state { until } else { nil }
  }

  public mutating func succeeded() { self = CircuitBreaker() }

  /// - Parameter wasProbe: whether this attempt was the probe; attempts that were under way when the circuit opened say nothing new.
  public mutating func failed(_ lane: Lane, wasProbe: Bool, at now: SteadyTime) {
    switch state {
    case .closed:
      if !failedLanes.contains(lane) { failedLanes.append(lane) }
      if failedLanes.count >= Self.threshold { state = .open(until: now + interval) }
    case .probing where wasProbe:
      interval = min(interval * 2, Self.longestInterval)
      state = .open(until: now + interval)
    case .probing, .open:
      break
    }
  }

  /// The probe was called off without an answer.
  public mutating func abandonedProbe(at now: SteadyTime) {
    if state == .probing { state = .open(until: now) }
  }
}
