/// How many attempts the destinations may have in flight together, shared so that slow ones never take the room of others.
///
/// Half of the room is common: who needs it takes it. The other half is divided evenly, and what a destination has of it is there
/// for it whatever the others do; with more destinations than places each still has one, and only then can there be more
/// attempts than ``most``.
public struct AttemptBudget: Hashable, Sendable {
  /// Over all destinations.
  public let most: Int
  private var inFlight: [DestinationID: Int] = [:]
  /// What each destination has for itself.
  private var share: Int
  /// Of the common half.
  private var taken = 0

  public init(most: Int) {
    self.most = most
    share = max(1, most / 2)
  }

  /// In flight at all destinations.
  public private(set) var total = 0

  /// A destination takes part from now on.
  public mutating func enter(_ destination: DestinationID) {
    guard inFlight[destination] == nil else { return }
    inFlight[destination] = 0
    divide()
  }

  /// A destination is gone; what it had in flight no longer counts.
  public mutating func leave(_ destination: DestinationID) {
    guard let count = inFlight.removeValue(forKey: destination) else { return }
    total -= count
    divide()
  }

  public mutating func started(_ count: Int, at destination: DestinationID) { change(destination, by: count) }

  public mutating func ended(_ count: Int = 1, at destination: DestinationID) { change(destination, by: -count) }

  /// How many attempts this destination may start now; 0 for one that does not take part.
  public func room(for destination: DestinationID) -> Int {
    guard let count = inFlight[destination] else { return 0 }
    return max(0, share - count) + max(0, most - most / 2 - taken)
  }

  private mutating func change(_ destination: DestinationID, by difference: Int) {
    guard let before = inFlight[destination] else { return }
    let after = max(0, before + difference)
    inFlight[destination] = after
    total += after - before
    taken += max(0, after - share) - max(0, before - share)
  }

  private mutating func divide() {
    share = max(1, most / 2 / max(1, inFlight.count))
    taken = inFlight.values.reduce(0) { $0 + max(0, $1 - share) }
  }
}
