import GreenAPI
import RelayCore

/// Polls one snapshot like a relay whose outbox is these arrays.
struct Watch {
  var snapshot = Snapshot()
  var policy: PollPolicy
  var seconds: Int64 = 0
  /// What the outbox holds.
  var stored: [String: TrackedMessage] = [:]
  var storedProgress = AccountProgress()

  /// When polls begin, by both clocks.
  static let epoch: Int64 = 1_700_000_000

  init(_ policy: PollPolicy = PollPolicy()) { self.policy = policy }

  var now: Moment {
    Moment(steady: SteadyTime(milliseconds: seconds * 1000), unix: UnixTime(seconds: Self.epoch + seconds))
  }

  func ask(_ records: [Record], serverTime: UnixTime? = nil) -> PollChanges {
    snapshot.changes(from: RecordsAnswer(records: records), receivedAt: serverTime, at: now, policy: policy)
  }

  @discardableResult
  mutating func poll(_ records: Record..., after wait: Int64 = 5, serverTime: UnixTime? = nil) -> PollChanges {
    seconds += wait
    let changes = ask(records, serverTime: serverTime)
    write(changes)
    snapshot.apply(changes)
    return changes
  }

  mutating func write(_ changes: PollChanges) {
    guard changes.needsRecording else { return }
    storedProgress = changes.progress
    for row in changes.tracked { stored[row.idMessage] = row }
    for id in changes.forgotten { stored[id] = nil }
  }

  mutating func restart() { snapshot = Snapshot(progress: storedProgress, messages: Array(stored.values)) }

  /// Past the first poll, which was empty.
  static func begun(_ policy: PollPolicy = PollPolicy()) -> Watch {
    var watch = Watch(policy)
    watch.poll()
    return watch
  }
}

func record(_ id: String, _ status: MessageStatus, at seconds: Int64? = 1000, description: String? = nil) -> Record {
  Record(
    idMessage: id, status: status, timestamp: seconds.map { Watch.epoch + $0 }, chatId: "70000000001@c.us",
    sendByApi: true, typeMessage: "imageMessage", description: description)
}

extension PollChanges {
  var announced: [String] { announcements.map { "\($0.idMessage) \($0.status)" } }
}
