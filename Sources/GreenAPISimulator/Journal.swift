import Foundation
import GreenAPI

/// What one instance has sent: the messages of the last 30 days, at most 100,000 of them.
public struct Journal: Sendable {
  /// GREEN-API keeps statuses this long.
  public static let retention: TimeInterval = 30 * 24 * 60 * 60
  public static let maximumCount = 100_000
  /// lastOutgoingMessages answers no more than this.
  public static let maximumMessagesAnswered = 10_000
  /// How far back an answer looks when the request doesn't say.
  public static let defaultMinutes: Int64 = 1_440

  private var messages: RecentTable<String, SimulatedMessage>
  private var made: UInt64 = 0

  /// - Parameter maximumCount: Smaller than ``maximumCount`` in tests.
  init(maximumCount: Int = Self.maximumCount) { messages = RecentTable(capacity: maximumCount) }

  public var count: Int { messages.count }

  /// In the order posted, as of the last look.
  public var all: [SimulatedMessage] { messages.values }

  public subscript(idMessage: String) -> SimulatedMessage? { messages[idMessage] }

  /// - Returns: Its `idMessage`; `nil` when that is taken.
  mutating func add(_ post: Post, at now: Date) -> String? {
    forgetOld(at: now)
    let idMessage = post.idMessage ?? makeID()
    guard messages[idMessage] == nil else { return nil }
    messages.add(SimulatedMessage(post, idMessage: idMessage, at: now), for: idMessage)
    return idMessage
  }

  /// - Returns: Whether there is such a message.
  mutating func advance(_ idMessage: String, to status: MessageStatus, timestamp: Int64) -> Bool {
    messages.update(idMessage) { $0.advance(to: status, timestamp: timestamp) } != nil
  }

  /// Brings every message up to date and forgets the old ones.
  mutating func progress(to now: Date, moving: Bool) {
    messages.updateEach { $0.progress(to: now, moving: moving) }
    forgetOld(at: now)
  }

  /// The messages whose latest action lies within the last `minutes`, in the order posted, as of the last ``progress(to:moving:)``.
  public func messages(in place: Post.Place, minutes: Int64, at now: Date) -> [SimulatedMessage] {
    let reach = min(Double(minutes) * 60, Self.retention)
    let earliest = now.addingTimeInterval(-reach).unixSeconds
    let found = messages.values.filter { $0.post.place == place && $0.timestamp >= earliest }
    return place == .messages ? found.suffix(Self.maximumMessagesAnswered) : found
  }

  private mutating func forgetOld(at now: Date) {
    messages.forget { now.timeIntervalSince($0.postedAt) > Self.retention }
  }

  /// Sixteen hexadecimal digits that begin as GREEN-API's do, unlike every one made before.
  private mutating func makeID() -> String {
    while true {
      made += 1
      let digits = String(made, radix: 16, uppercase: true)
      let id = "BAE5" + String(repeating: "0", count: max(0, 12 - digits.count)) + digits
      if messages[id] == nil { return id }
    }
  }
}
