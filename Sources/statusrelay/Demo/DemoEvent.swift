import GreenAPI

/// Something that happened in the demo.
struct DemoEvent: Sendable, Hashable {
  enum Kind: Sendable, Hashable {
    case posted(idMessage: String, DemoScript.Act)
    /// At GREEN-API.
    case changed(to: MessageStatus)
    /// An answer showed the relay this state for the first time.
    case polled(MessageStatus)
    /// Behind an earlier one of the same post when that has not been received yet.
    case recorded(MessageStatus, isWaiting: Bool)
    case attempted(MessageStatus, Attempt)
    /// The consumer has accepted it.
    case received(MessageStatus, Arrival)
    /// The consumer found something wrong with a request, whether it had been told to fail or not.
    case unacceptable(String)
    case givenUp(MessageStatus)
    case consumer(isDown: Bool)
    /// What the relay logs about itself.
    case relay(String)
  }

  struct Attempt: Sendable, Hashable {
    /// From 1.
    var number: Int
    /// `nil` when no answer came.
    var httpStatus: Int?
    var succeeded: Bool
    /// How long it waits before the next one.
    var wait: Duration?
  }

  /// Since the demo began.
  var at: Duration
  /// Of the status post; `nil` when it is about none.
  var post: Int?
  var kind: Kind
}

extension DemoEvent.Kind {
  /// Causes come before what they cause, when both bear the same millisecond.
  var order: Int {
    switch self {
    case .posted, .consumer: 0
    case .changed: 1
    case .polled: 2
    case .recorded: 3
    case .attempted: 4
    case .received, .unacceptable: 5
    case .givenUp, .relay: 6
    }
  }
}

/// Puts events from several sources, some seen later than they happened, into the order of their happening.
struct DemoTimeline: Sendable {
  private var held: [DemoEvent] = []

  /// How late an event may be seen: the outbox is looked at several times within this.
  static let lag = Duration.milliseconds(300)

  mutating func add(_ events: [DemoEvent]) { held += events }

  /// What no earlier event is to be expected before.
  mutating func released(at elapsed: Duration) -> [DemoEvent] {
    let ripe = held.filter { $0.at <= elapsed - Self.lag }
    held.removeAll { $0.at <= elapsed - Self.lag }
    return ripe.sorted { ($0.at, $0.kind.order) < ($1.at, $1.kind.order) }
  }

  mutating func rest() -> [DemoEvent] { released(at: (held.map(\.at).max() ?? .zero) + Self.lag) }
}
