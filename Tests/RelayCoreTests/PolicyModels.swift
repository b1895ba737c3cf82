import RelayCore

/// The circuit's rule as plainly as it can be said. Times are milliseconds.
struct CircuitModel {
  struct Opening: Equatable {
    var openedAt: Int64
    var until: Int64
    var interval: Int64
  }

  private(set) var opening: Opening?
  private var probe: Int?
  private var failedMessages: Set<Int> = []

  /// - Returns: whether this attempt may start.
  mutating func start(_ number: Int, at now: Int64) -> Bool {
    guard let opening else { return true }
    guard probe == nil, now >= opening.until else { return false }
    probe = number
    return true
  }

  mutating func success() { self = CircuitModel() }

  mutating func failure(_ number: Int, message: Int, at now: Int64) {
    if let opening {
      guard probe == number else { return }
      let interval = min(2 * opening.interval, 300_000)
      self.opening = Opening(openedAt: opening.openedAt, until: now + interval, interval: interval)
      probe = nil
    } else {
      failedMessages.insert(message)
      if failedMessages.count == 5 { opening = Opening(openedAt: now, until: now + 5000, interval: 5000) }
    }
  }

  /// It ended without saying how the consumer fares.
  mutating func noAnswer(_ number: Int, at now: Int64) {
    guard probe == number else { return }
    opening?.until = now
    probe = nil
  }

  mutating func restart() {
    probe = nil
    failedMessages = []
  }

  func agrees(with trip: CircuitBreaker.Trip?) -> Bool {
    opening
      == trip.map {
        Opening(
          openedAt: $0.openedAt.milliseconds, until: $0.until.milliseconds, interval: $0.interval.milliseconds)
      }
  }

  /// As the outbox keeps it.
  var trip: CircuitBreaker.Trip? {
    opening.map {
      CircuitBreaker.Trip(
        openedAt: SteadyTime(milliseconds: $0.openedAt), until: SteadyTime(milliseconds: $0.until),
        interval: .milliseconds($0.interval))
    }
  }
}

/// When attempts started, and which limits were in force.
struct RateModel {
  private(set) var starts: [Int64] = []
  private var limits: [(limit: RateLimit?, since: Int64)] = []

  init(_ limit: RateLimit?, at now: Int64) { limits = [(limit, now)] }

  mutating func adopt(_ limit: RateLimit?, at now: Int64) {
    if limits.last!.limit != limit { limits.append((limit, now)) }
  }

  /// - Returns: whether the stretch that ends with this attempt, one period long, holds no more than the limit allows; if limits
  ///   changed within it, the most generous of them.
  mutating func start(at now: Int64) -> Bool {
    starts.append(now)
    guard let period = limits.last!.limit?.period.milliseconds else { return true }
    var most = 0
    for (limit, since) in limits.reversed() {
      guard let limit else { return true }
      let windows = (period + limit.period.milliseconds - 1) / limit.period.milliseconds
      most = max(most, limit.count * Int(windows))
      if since <= now - period { break }
    }
    return starts.count <= most || starts[starts.count - 1 - most] <= now - period
  }
}
