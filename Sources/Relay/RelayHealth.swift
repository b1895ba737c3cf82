import GreenAPI
import RelayCore
import RelayStore

/// How the relay fares, from memory alone: nothing is asked of the outbox, so that it can be told at any time, and often.
public struct RelayHealth: Sendable, Hashable {
  public var accounts: Int
  public var destinations: Int
  /// In words, the worst first; empty when all is well.
  public var troubles: [String]

  /// One line for people: `3 accounts polled, 2 destinations served; trouble: destination crm fails, its deliveries wait`.
  public var summary: String {
    let base = "\(Self.count(accounts, "account")) polled, \(Self.count(destinations, "destination")) served"
    guard !troubles.isEmpty else { return base }
    let rest = troubles.count - Self.mostShown
    let shown = troubles.prefix(Self.mostShown).joined(separator: "; ")
    return "\(base). Trouble: \(shown)" + (rest > 0 ? "; and \(rest) more, see statusrelay status" : "")
  }

  private static let mostShown = 3

  private static func count(_ number: Int, _ what: String) -> String { "\(number) \(what)\(number == 1 ? "" : "s")" }
}

extension RelayHealth {
  init(accounts: [AccountStatus], destinations: [DestinationStatus], trouble: OutboxError?) {
    self.accounts = accounts.count
    self.destinations = destinations.count
    troubles = []
    if let trouble { troubles.append("outbox: \(trouble)") }
    let states = accounts.map { (account: $0.idInstance, state: $0.health.state) }
    for (account, state) in states {
      if case .needsAttention(let trouble) = state { troubles.append("account \(account): \(trouble.description)") }
    }
    troubles += destinations.compactMap(\.trouble)
    for (account, state) in states {
      if case .degraded(let trouble) = state { troubles.append("account \(account): \(trouble.description)") }
    }
  }
}

extension DestinationStatus {
  fileprivate var trouble: String? {
    switch pause {
    case .gone: return "destination \(name) is gone (HTTP 410) and paused"
    case .byOperator: return "destination \(name) is paused"
    case nil: break
    }
    if case .failure(let missing) = address { return "destination \(name): \(missing.description)" }
    return trip == nil ? nil : "destination \(name) fails, its deliveries wait"
  }
}
