import Foundation
import GreenAPI
import RelayCore
import RelayStore

/// An outbox as a relay leaves it that has run for a while.
enum FilledOutbox {
  /// The only one.
  static let destination = "sink"

  /// Records so many messages through the outbox itself; with a delivery for each, or without any.
  static func make(in directory: String, messages count: Int, delivering: Bool) async throws {
    let outbox = try await SQLiteOutbox.open(.init(directory: directory))
    let now = UnixTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    let moment = Moment(steady: SteadyTime(milliseconds: now.milliseconds), unix: now)
    let stored = try await outbox.enter([DestinationEntry(name: destination, ordering: .message)], at: moment)
    guard let id = stored[destination]?.id else { throw BenchFailure("no destination was entered") }
    guard let account = IDInstance(rawValue: Int64(Workload.idInstance)) else { throw BenchFailure("no account") }
    let identity = AccountIdentity(wid: "79991234567@c.us", typeInstance: .whatsapp)
    try await outbox.remember(identity, of: account)
    var recorded = 0
    repeat {
      let numbers = recorded..<min(recorded + 10_000, count)
      let messages = numbers.map { number in
        var statuses = RecordedStatuses()
        statuses.insert(.sent)
        return TrackedMessage(idMessage: "BAE5" + String(format: "%016X", number), recorded: statuses, lastSeen: 0)
      }
      let notifications = (delivering ? messages : []).map { message in
        let notification = RelayCore.Notification(
          Announcement(
            idMessage: message.idMessage, status: .sent, timestamp: now.seconds, chatId: "79991234567@c.us",
            sendByApi: true, typeMessage: "imageMessage"),
          of: account, identity: identity)
        let route = PollRecording.Route(destination: id, lane: Ordering.message.lane(of: notification))
        return PollRecording.Routed(notification: notification, routes: [route])
      }
      _ = try await outbox.record(
        PollRecording(
          idInstance: account, progress: AccountProgress(firstPoll: now, latestPoll: moment.steady),
          // Without a snapshot beside the deliveries, so that each figure says one thing.
          tracked: delivering ? [] : messages, forgotten: [], notifications: notifications, recordedAt: moment))
      recorded = numbers.upperBound
    } while recorded < count
    await outbox.close()
  }
}
