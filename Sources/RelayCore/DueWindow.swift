import Collections

/// What of a destination's deliveries is in memory: some that are due and first in their lane, and those under way. Everything else
/// waits in the outbox, so memory follows the window's capacity, however many deliveries or lanes wait.
///
/// A delivery is *held* from the moment it is taken over (``take(_:ordering:)``, ``loaded(_:nextDue:)``) until the outbox has recorded
/// what became of it (``settled(_:)``), so that it can't be taken twice.
struct DueWindow: Sendable {
  /// To be attempted next, the longest waiting first.
  private(set) var ready: Deque<Delivery> = []
  /// Ready, in flight, or settled but not recorded yet; never more than ``capacity``.
  private(set) var held: Set<DeliveryID> = []
  private(set) var capacity: Int
  /// What ``capacity`` grows to when much of it is used up while more is being read, or while results are being recorded: only for a
  /// destination that fast it is worth the memory, and it spares it many small pages, and having to wait for them.
  private let mostCapacity: Int

  /// Whether the outbox may hold deliveries that are due and not held.
  private var mayHaveMore = true
  /// When the next delivery in the outbox falls due, as far as known.
  private(set) var nextDue: SteadyTime?
  /// What was settled lately, in two generations: news from the outbox that come late may still call it first in its lane.
  private var settledLately: (new: Set<DeliveryID>, old: Set<DeliveryID>) = ([], [])
  /// Set while the outbox is being read: what came up meanwhile, which its answer may or may not show.
  private var loading: Loading?

  private struct Loading: Sendable {
    var readyAtFirst: Int
    var missedMore = false
    /// Recorded as settled, though the answer may still show them as due.
    var settled: Set<DeliveryID> = []
    var earliestRetry: SteadyTime?
    /// The answer is of no use any more, and is waited for only so that it isn't taken for a later one's.
    var isStale = false
  }

  private static let rememberedSettlements = 1024

  init(capacity: Int, growingTo most: Int? = nil) {
    self.capacity = capacity
    mostCapacity = max(capacity, most ?? capacity)
  }

  mutating func widen(to capacity: Int) { self.capacity = max(self.capacity, capacity) }

  // MARK: In

  /// Deliveries that the outbox said are first in their lane, a while ago. Where that may have changed, or there is no room, the
  /// outbox will be asked again.
  mutating func take(_ deliveries: some Sequence<Delivery>, ordering: Ordering) {
    for delivery in deliveries where !held.contains(delivery.id) {
      guard held.count < capacity else { return lookAgain() }
      if mayHaveMore || isOutdated(delivery, ordering: ordering) {
        lookAgain()
      } else {
        hold(delivery)
      }
    }
  }

  /// It was attempted meanwhile, or comes from before the outbox divided its deliveries into other lanes.
  private func isOutdated(_ delivery: Delivery, ordering: Ordering) -> Bool {
    settledLately.new.contains(delivery.id) || settledLately.old.contains(delivery.id)
      || delivery.lane != ordering.lane(of: delivery.notification)
  }

  mutating func lookAgain() {
    mayHaveMore = true
    loading?.missedMore = true
  }

  /// How much to read from the outbox now, if anything.
  mutating func load(at now: SteadyTime) -> DestinationQueue.Step.Load? {
    guard loading == nil else { return nil }
    let isDue = nextDue.map { $0 <= now } == true
    // At most a quarter is in flight; the others are to be recorded.
    if held.count - ready.count > capacity / 2 { grow() }
    guard ready.count <= capacity / 2, held.count < capacity else {
      // From here on new deliveries line up behind those that fell due before them.
      if isDue { mayHaveMore = true }
      return nil
    }
    guard mayHaveMore || isDue else { return nil }
    loading = Loading(readyAtFirst: ready.count)
    return DestinationQueue.Step.Load(limit: capacity - held.count, excluding: held)
  }

  mutating func loaded(_ deliveries: some Sequence<Delivery>, nextDue: SteadyTime?) {
    guard let loading, !loading.isStale else {
      loadFailed()
      return
    }
    self.loading = nil
    if loading.readyAtFirst - ready.count >= capacity / 8 { grow() }
    mayHaveMore = loading.missedMore
    for delivery in deliveries where !held.contains(delivery.id) && !loading.settled.contains(delivery.id) {
      // What was taken meanwhile may have filled the window.
      guard held.count < capacity else {
        mayHaveMore = true
        break
      }
      hold(delivery)
    }
    self.nextDue = [nextDue, loading.earliestRetry].compactMap(\.self).min()
  }

  private mutating func grow() { capacity = max(capacity, mostCapacity) }

  mutating func loadFailed() {
    loading = nil
    mayHaveMore = true
  }

  private mutating func hold(_ delivery: Delivery) {
    held.insert(delivery.id)
    ready.append(delivery)
  }

  // MARK: Out

  /// The next one to attempt; it stays held.
  mutating func takeFirst() -> Delivery? { ready.popFirst() }

  /// Those that are ready and due to be given up; they stay held.
  mutating func takeOld(_ isTooOld: (Delivery) -> Bool) -> [Delivery] {
    guard ready.contains(where: isTooOld) else { return [] }
    let old = ready.filter(isTooOld)
    ready.removeAll(where: isTooOld)
    return Array(old)
  }

  /// Lets go of one that is in the outbox as it was.
  mutating func putBack(_ id: DeliveryID) {
    held.remove(id)
    lookAgain()
  }

  mutating func settled(_ settlement: Settlement) {
    held.remove(settlement.delivery)
    remember(settlement.delivery)
    switch settlement.verdict {
    case .retry(let time):
      nextDue = min(nextDue ?? time, time)
      if let loading { self.loading?.earliestRetry = min(loading.earliestRetry ?? time, time) }
    case .held: lookAgain()
    case .delivered, .deadLetter: break
    }
  }

  /// The outbox has divided its deliveries into other lanes: which of them come first is to be read anew.
  mutating func forgetReady() {
    for delivery in ready { held.remove(delivery.id) }
    ready = []
    loading?.isStale = true
    lookAgain()
  }

  private mutating func remember(_ id: DeliveryID) {
    if settledLately.new.count >= Self.rememberedSettlements { settledLately = ([], settledLately.new) }
    settledLately.new.insert(id)
    // Not bound to a name: a second reference would have the set copied.
    guard loading?.isStale == false else { return }
    loading?.settled.insert(id)
    if loading?.settled.count ?? 0 > capacity {
      loading?.settled = []
      loading?.isStale = true
    }
  }
}
