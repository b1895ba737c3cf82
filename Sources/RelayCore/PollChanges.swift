import GreenAPI

/// What one successful answer changes: made by ``Snapshot/changes(from:receivedAt:at:policy:)``, recorded in the outbox, and only
/// then taken over by ``Snapshot/apply(_:)``.
public struct PollChanges: Sendable, Hashable {
  public internal(set) var progress: AccountProgress
  /// Rows to write, each message once: new ones, changed ones, and those whose written ``TrackedMessage/lastSeen`` has grown old.
  public internal(set) var tracked: [TrackedMessage] = []
  /// Ids of the messages that were last seen longer ago than the retention.
  public internal(set) var forgotten: [String] = []
  /// In the order they are to arrive.
  public internal(set) var announcements: [Announcement] = []
  public internal(set) var counts = DiffCounts()
  /// Whether a message of the answer is on its way: its status is not final, and its latest action lies less than
  /// ``Standing/stillness`` from the answer. Of a record that doesn't tell when that was, it is when the answer shows its status for the
  /// first time. `nil` for an answer without usable records, which is no news.
  public internal(set) var hasMessagesUnderWay: Bool?
  /// How the messages of the answer stand.
  public internal(set) var standing = Standing()
  /// Whether anything is to be written. When not, ``Snapshot/apply(_:)`` may follow at once.
  public internal(set) var needsRecording = false

  /// Watched time beyond the whole seconds in ``progress``.
  var watchedRemainder: Duration = .zero
  /// Whether the snapshot was searched for messages to forget.
  var isScanned = false
  /// No later than the ``TrackedMessage/lastSeen`` that is written for each message of the answer, once this is; `nil` without any.
  var oldestSeen: Int64?

  init(progress: AccountProgress) { self.progress = progress }
}

/// How the records of an answer fared: each is counted once as new, changed, unchanged or a regression.
public struct DiffCounts: Sendable, Hashable {
  /// Of a message that was not tracked.
  public var new = 0
  /// Of a tracked message, with a status not recorded for it before.
  public var changed = 0
  /// With a status recorded before.
  public var unchanged = 0
  /// With a rank not above the highest recorded, seen for the first time: never announced.
  public var regressions = 0

  /// Records whose id an earlier record of the same answer had, both among those that were looked at.
  public var duplicates = 0
  /// Statuses recorded without an announcement because they are old news.
  public var suppressed = 0
  /// Skipped ranks that were announced too.
  public var filledGaps = 0

  public init() {}

  public static func += (sum: inout Self, other: Self) {
    sum.new += other.new
    sum.changed += other.changed
    sum.unchanged += other.unchanged
    sum.regressions += other.regressions
    sum.duplicates += other.duplicates
    sum.suppressed += other.suppressed
    sum.filledGaps += other.filledGaps
  }
}
