import Foundation
import GreenAPI
import RelayCore
import RelayStore

/// A state directory as a relay leaves it, made in this process.
///
/// | delivery | of | recorded | state |
/// |---|---|---|---|
/// | 1, 2 | M1 sent, account 1101000001 | 3 h ago | to `crm` delivered, to `audit` a dead letter after two attempts |
/// | 3 | M2 read, account 1101000002 | 1 h ago | to `crm`, to be tried again in an hour |
/// | 4 | M3 failed, account 1101000001 | now | to `crm`, waiting |
struct PreparedOutbox {
  static let identity = AccountIdentity(wid: "79991234567@c.us", typeInstance: .whatsapp)

  let directory: String
  let now: Moment

  init(in directory: String) async throws {
    self.directory = directory
    let wall = Int64(Date().timeIntervalSince1970 * 1000)
    now = Moment(steady: SteadyTime(milliseconds: wall), unix: UnixTime(milliseconds: wall))
    let outbox = try await SQLiteOutbox.open(.init(directory: directory, synchronous: .normal))
    do {
      try await fill(outbox)
      await outbox.close()
    } catch {
      await outbox.close()
      throw error
    }
  }

  private func fill(_ outbox: SQLiteOutbox) async throws {
    let destinations = try await outbox.enter(
      ["crm", "audit"].map { .init(name: $0, ordering: .message) }, at: now)
    guard let crm = destinations["crm"]?.id, let audit = destinations["audit"]?.id else { throw Missing() }
    let first = try await outbox.record(
      poll("M1", .sent, of: 1_101_000_001, ago: .seconds(3 * 3600), to: [crm, audit]))
    let second = try await outbox.record(poll("M2", .read, of: 1_101_000_002, ago: .seconds(3600), to: [crm]))
    _ = try await outbox.record(poll("M3", .failed, of: 1_101_000_001, ago: .zero, to: [crm]))
    guard first.count == 2, second.count == 1 else { throw Missing() }
    let unavailable = report(
      503, .serverError, "the consumer answered HTTP 503", excerpt: "out of \u{1B}[31morder\nsorry")
    let refused = report(nil, .connect, "Failed to connect to 127.0.0.1 port 9")
    _ = try await outbox.settle(
      [
        settlement(first[0], .delivered, attempts: 1, report(200, nil, "")),
        settlement(first[1], .retry(at: now.steady), attempts: 1, unavailable),
        settlement(second[0], .retry(at: now.steady + .seconds(3600)), attempts: 1, unavailable),
      ], at: now)
    _ = try await outbox.settle([settlement(first[1], .deadLetter(.scheduleUsedUp), attempts: 2, refused)], at: now)
  }

  private func poll(
    _ idMessage: String, _ status: MessageStatus, of account: IDInstance, ago: Duration,
    to destinations: [DestinationID]
  ) -> PollRecording {
    let routes = destinations.map {
      PollRecording.Route(destination: $0, lane: Lane(rawValue: Int64(idMessage.dropFirst()) ?? 0))
    }
    return PollRecording(
      idInstance: account, progress: AccountProgress(firstPoll: now.unix, latestPoll: now.steady), tracked: [],
      forgotten: [],
      notifications: [.init(notification: Self.notification(idMessage, status, of: account), routes: routes)],
      recordedAt: Moment(steady: now.steady - ago, unix: now.unix + (.zero - ago)))
  }

  static func notification(
    _ idMessage: String, _ status: MessageStatus, of account: IDInstance = 1_101_000_001
  ) -> RelayCore.Notification {
    RelayCore.Notification(
      Announcement(
        idMessage: idMessage, status: status, timestamp: 1_710_134_811, chatId: "79991234567@c.us", sendByApi: true,
        typeMessage: "extendedTextMessage"), of: account, identity: identity)
  }

  private func report(
    _ status: Int?, _ failure: AttemptFailure?, _ detail: String, excerpt: String = ""
  ) -> AttemptReport {
    AttemptReport(
      startedAt: now.unix, duration: .milliseconds(150), httpStatus: status, failure: failure, detail: detail,
      excerpt: Array(excerpt.utf8))
  }

  private func settlement(
    _ delivery: Delivery, _ verdict: Settlement.Verdict, attempts: Int, _ report: AttemptReport
  ) -> Settlement {
    Settlement(
      delivery: delivery.id, destination: delivery.destination, lane: delivery.lane, verdict: verdict,
      attempts: attempts, report: report)
  }

  struct Missing: Error {}
}

/// A directory with a prepared outbox in it, gone when the test ends.
func withPreparedOutbox<T>(_ body: (PreparedOutbox) async throws -> T) async throws -> T {
  try await withTemporaryDirectory { directory in
    try await body(try await PreparedOutbox(in: directory))
  }
}
