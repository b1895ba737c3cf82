import Collections

/// When accounts are asked for the first time: at a start, and after a reload that adds or changes them.
///
/// Of each `apiUrl` one account is let go every ``slot``, those first that had something on its way; within both kinds first come, first
/// served. None is let go before its own earliest time: what asked for it before, in this process or in the one before it, may have done
/// so just now. An account that comes late, as its snapshot took long to load, still goes before all that wait with nothing on its way.
///
/// With 1,000 accounts of one `apiUrl` the last first poll comes ten seconds after the first one; another `apiUrl`'s don't wait for them.
public struct StartQueue: Sendable {
  /// No later than when ``due(at:)`` has something to say; `nil` when nobody waits.
  public private(set) var nextTime: SteadyTime?

  private var hosts: [String: Host] = [:]
  /// Those called off are not in it any more, though a host may still list them.
  private var waiting: Set<UInt64> = []

  /// From one first poll to the next of the same `apiUrl`: 100 a second are far below what any host of GREEN-API's answers, and ten
  /// thousand accounts are all asked within two minutes.
  public static let slot = Duration.milliseconds(10)
  /// After the process's start nobody is asked for as long: GREEN-API allows a request a second, and the process before this one may have
  /// made its last one just now.
  public static let opening = PollPolicy.minimumInterval
  /// So much time that passed unused is made up for at once, such as by a machine that was too busy to look: a hundred first polls.
  static let longestDelay = Duration.seconds(1)

  private struct Host {
    /// Whose own time has not come yet.
    var early: Heap<Early> = []
    var underWay: Deque<UInt64> = []
    var idle: Deque<UInt64> = []
    var nextSlot = SteadyTime(milliseconds: .min)

    mutating func enter(_ id: UInt64, isUnderWay: Bool, at time: SteadyTime) {
      // What passed while nobody waited is not made up for.
      if underWay.isEmpty, idle.isEmpty { nextSlot = max(nextSlot, time) }
      if isUnderWay { underWay.append(id) } else { idle.append(id) }
    }
  }

  private struct Early: Comparable {
    var notBefore: SteadyTime
    var id: UInt64
    var isUnderWay: Bool

    static func < (a: Self, b: Self) -> Bool { (a.notBefore, a.id) < (b.notBefore, b.id) }
  }

  public init() {}

  /// Takes in an account.
  /// - Parameters:
  ///   - id: one that nobody else waits under; a later one is higher.
  ///   - isUnderWay: whether it had something on its way.
  ///   - notBefore: its own earliest time.
  public mutating func enter(
    _ id: UInt64, apiURL: String, isUnderWay: Bool, notBefore: SteadyTime, at now: SteadyTime
  ) {
    waiting.insert(id)
    var host = hosts.removeValue(forKey: apiURL) ?? Host()
    if notBefore > now {
      host.early.insert(Early(notBefore: notBefore, id: id, isUnderWay: isUnderWay))
    } else {
      host.enter(id, isUnderWay: isUnderWay, at: now)
    }
    let time = nextTime(of: &host)
    hosts[apiURL] = host
    nextTime = [nextTime, time].compactMap(\.self).min()
  }

  /// One doesn't want to be let go any more.
  public mutating func callOff(_ id: UInt64) {
    waiting.remove(id)
    if waiting.isEmpty { nextTime = nil }
  }

  /// Lets go all that may be asked by now.
  public mutating func due(at now: SteadyTime) -> [UInt64] {
    guard let time = nextTime, time <= now else { return [] }
    var due: [UInt64] = []
    nextTime = nil
    for apiURL in hosts.keys {
      guard var host = hosts.removeValue(forKey: apiURL) else { continue }
      while let early = host.early.min, early.notBefore <= now {
        host.early.removeMin()
        host.enter(early.id, isUnderWay: early.isUnderWay, at: early.notBefore)
      }
      host.nextSlot = max(host.nextSlot, now - Self.longestDelay)
      while host.nextSlot <= now, let id = host.underWay.popFirst() ?? host.idle.popFirst() {
        guard waiting.remove(id) != nil else { continue }
        due.append(id)
        host.nextSlot = host.nextSlot + Self.slot
      }
      let time = nextTime(of: &host)
      nextTime = [nextTime, time].compactMap(\.self).min()
      // One without anybody is kept as long as its next slot matters.
      if time != nil || host.nextSlot > now { hosts[apiURL] = host }
    }
    return due
  }

  private func nextTime(of host: inout Host) -> SteadyTime? {
    while let id = host.underWay.first, !waiting.contains(id) { host.underWay.removeFirst() }
    while let id = host.idle.first, !waiting.contains(id) { host.idle.removeFirst() }
    while let early = host.early.min, !waiting.contains(early.id) { host.early.removeMin() }
    guard host.underWay.isEmpty, host.idle.isEmpty else { return host.nextSlot }
    return host.early.min.map { max($0.notBefore, host.nextSlot) }
  }
}
