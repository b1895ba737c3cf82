/// How those records of an answer stand whose status is not final.
public struct Standing: Hashable, Sendable {
  /// Records whose status is not final.
  public private(set) var open = 0
  /// Of those the ones that are on their way: their latest action lies less than ``stillness`` from the answer.
  public private(set) var underWay = 0
  /// Of those the ones that are stuck: `pending` or `sent`, and nothing for ``stillness``. A post that was delivered and that nobody reads
  /// is quiet, and not stuck.
  public private(set) var stuck = 0
  /// Until then, in UNIX seconds by GREEN-API's clock, the same records stand the same; `nil`: for good.
  public private(set) var changesAt: Int64?

  /// What nothing has happened to for so long is not on its way any more. A record shows a change within two minutes, and a phone that is
  /// on fetches a post within some more. A post that is never published (https://github.com/green-api/issues/issues/1124), or whose
  /// account has `outgoingWebhook` off (494), stays as it is until it is gone.
  ///
  /// It is also how far ahead of the answer a latest action may lie and be believed.
  public static let stillness = Duration.seconds(2 * 3600)
  private static let stillnessInSeconds = stillness.components.seconds

  public init() {}

  /// What of a record's status matters here.
  package enum Course: UInt8, Sendable {
    case final
    /// `pending` or `sent`.
    case unpublished
    /// Any other that is not final.
    case open
  }

  /// Counts a record.
  /// - Parameters:
  ///   - latestAction: in UNIX seconds; 0 when nobody knows. Such a record is open and no more.
  ///   - answer: when the answer was given, in UNIX seconds by the same clock.
  @inline(__always)
  package mutating func count(_ course: Course, latestAction: UInt32, at answer: Int64) {
    guard course != .final else { return }
    open += 1
    guard latestAction > 0 else { return }
    let action = Int64(latestAction)
    if answer < action - Self.stillnessInSeconds {
      note(changeAt: action - Self.stillnessInSeconds)
    } else if answer < action + Self.stillnessInSeconds {
      underWay += 1
      note(changeAt: action + Self.stillnessInSeconds)
    } else if course == .unpublished {
      stuck += 1
    }
  }

  private mutating func note(changeAt time: Int64) { changesAt = min(changesAt ?? time, time) }
}
