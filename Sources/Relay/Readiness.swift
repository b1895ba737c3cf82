import GreenAPI
import RelayCore
import RelayStore

/// Whether a relay polls and delivers, and what keeps it from doing so in full: the answer to `GET /readyz`.
///
/// It is ready as soon as one account is polled and the outbox works. It is not for the sake of one account or one consumer among
/// many, as whoever asks may restart it or take it away, which would be of no help to them and harm the rest; what is wrong with
/// those is a reason all the same. Nor is it unready for a poll or two that fail in passing: the next may succeed.
public struct Readiness: Codable, Sendable, Hashable {
  public var ready: Bool
  /// What is not as it should be, the gravest first; also while ``ready``.
  public var reasons: [Reason]

  public struct Reason: Codable, Sendable, Hashable {
    public enum What: String, Codable, Sendable, CaseIterable {
      /// It can't be written or read. Never with `ready`.
      case outbox
      /// Of all configured accounts none is polled, or none as yet. Never with `ready`.
      case polling
      case account
      case destination
    }

    public var what: What
    /// The idInstance, of ``What/account``.
    public var account: Int64?
    /// The name, of ``What/destination``.
    public var destination: String?
    /// What is wrong.
    public var description: String
    /// What to do; `nil` where waiting is enough.
    public var advice: String?
  }

  /// In a row, of an account whose polls have succeeded before.
  static let mostPassingFailures = 2

  /// - Parameter accounts: those configured.
  public init(_ status: RelayStatus, accounts: Int) {
    let polled = status.accounts.filter { $0.state != "notPolled" }
    reasons = [status.trouble.map(Reason.init(outboxTrouble:)), Reason(polling: polled, of: accounts)]
      .compactMap(\.self)
    ready = reasons.isEmpty
    reasons += polled.compactMap(Reason.init) + status.destinations.compactMap(Reason.init)
  }

  /// Of a relay whose outbox can't even be read.
  public init(outboxTrouble error: OutboxError) {
    ready = false
    reasons = [Reason(outboxTrouble: error.description)]
  }
}

extension Readiness.Reason {
  fileprivate init(outboxTrouble description: String) {
    self.init(
      what: .outbox, description: description,
      advice: "Free the disk or mend the state directory; nothing is lost, and it goes on by itself.")
  }

  /// `nil` when at least one account is polled, or none is to be.
  fileprivate init?(polling accounts: [RelayStatus.Account], of configured: Int) {
    guard configured > 0, !accounts.contains(where: \.isPolled) else { return nil }
    let isStarting = accounts.count < configured || accounts.contains { $0.state == "starting" }
    self.init(
      what: .polling,
      description: isStarting ? "no poll has succeeded yet, or the relay is ending" : "no account can be polled",
      advice: isStarting ? nil : "See what is said of each account.")
  }

  /// `nil` when nothing is wrong with it.
  fileprivate init?(_ account: RelayStatus.Account) {
    guard let description = account.description else { return nil }
    self.init(what: .account, account: account.idInstance, description: description, advice: account.advice)
  }

  /// `nil` when nothing is wrong with it.
  fileprivate init?(_ destination: RelayStatus.Destination) {
    let resume = "statusrelay destinations resume \(destination.name)"
    switch destination.state {
    case "circuitOpen":
      let latest = destination.latestFailure.map { ": \($0.description)" } ?? ""
      self.init(
        destination, "it failed several times in a row and is only probed; its deliveries wait\(latest)",
        "Mend the consumer; it goes on by itself. To see what it answers: statusrelay destinations test \(destination.name)"
      )
    case "gone":
      self.init(
        destination, "it answered HTTP 410 (gone) and gets nothing; its deliveries wait", "When it is back: \(resume)")
    case "paused":
      self.init(destination, "it was paused by an operator; its deliveries wait", "To go on: \(resume)")
    case "noAddress":
      self.init(
        destination, "it has no address, and its deliveries wait" + (destination.description.map { ": \($0)" } ?? ""),
        destination.advice)
    default: return nil
    }
  }

  private init(_ destination: RelayStatus.Destination, _ description: String, _ advice: String?) {
    self.init(what: .destination, destination: destination.name, description: description, advice: advice)
  }
}

extension RelayStatus.Account {
  /// Whether its polls succeed, whatever there is to say about its settings or its records.
  fileprivate var isPolled: Bool {
    switch state {
    case "healthy": true
    case "degraded":
      !isFailure || (succeededPolls ?? 0) > 0 && (failedPollsInARow ?? 0) <= Readiness.mostPassingFailures
    case "needsAttention": !isFailure
    default: false
    }
  }

  private var isFailure: Bool { reason.map(PollFailure.reasons.contains) ?? false }
}
