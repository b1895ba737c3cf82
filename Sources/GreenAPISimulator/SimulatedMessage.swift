import Foundation
import GreenAPI

/// One message of a journal with the states it went through.
///
/// Progress isn't driven by timers: whoever looks says what time it is, and the steps due by then are taken.
public struct SimulatedMessage: Hashable, Sendable {
  public struct State: Hashable, Sendable {
    public let status: MessageStatus
    /// UNIX seconds of the action.
    public let timestamp: Int64
  }

  public let idMessage: String
  public let post: Post
  public let postedAt: Date
  /// Oldest first, never empty, at most ``maximumHistory`` states.
  public private(set) var history: [State]
  private var stepsAhead: ArraySlice<Post.Step>
  private var nextStepDue: Date

  /// Of a message that is advanced more often than this, the oldest states are forgotten.
  public static let maximumHistory = 100

  init(_ post: Post, idMessage: String, at now: Date) {
    self.post = post
    self.idMessage = idMessage
    postedAt = now
    history = [State(status: post.status, timestamp: post.timestamp ?? now.unixSeconds)]
    stepsAhead = post.script[...]
    nextStepDue = now
    scheduleNextStep(after: now)
  }

  public var status: MessageStatus { history[history.count - 1].status }

  /// UNIX seconds of the latest action.
  public var timestamp: Int64 { history[history.count - 1].timestamp }

  /// Takes the steps of the script that are due.
  /// - Parameter moving: Whether statuses change at all on this account; a step due while they don't is lost.
  mutating func progress(to now: Date, moving: Bool = true) {
    while let step = stepsAhead.first, nextStepDue <= now {
      if moving { enter(step.status, timestamp: nextStepDue.unixSeconds) }
      stepsAhead.removeFirst()
      scheduleNextStep(after: nextStepDue)
    }
  }

  /// Enters a state by hand; the rest of the script is dropped.
  mutating func advance(to status: MessageStatus, timestamp: Int64) {
    stepsAhead = []
    enter(status, timestamp: timestamp)
  }

  private mutating func enter(_ status: MessageStatus, timestamp: Int64) {
    if history.count == Self.maximumHistory { history.removeFirst() }
    history.append(State(status: status, timestamp: timestamp))
  }

  private mutating func scheduleNextStep(after moment: Date) {
    guard let step = stepsAhead.first else { return }
    nextStepDue = moment.addingTimeInterval(max(step.after, .zero) / .seconds(1))
  }
}

extension Date {
  /// Whole UNIX seconds; 0 for a date that far out that they can't be counted.
  var unixSeconds: Int64 { Int64(exactly: timeIntervalSince1970.rounded(.down)) ?? 0 }
}
