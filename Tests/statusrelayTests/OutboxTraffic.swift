import Foundation
import GreenAPI
import RelayCore
import RelayStore

/// An open outbox as a relay fills it, with notifications of its own for one destination, `crm`.
final class OutboxTraffic {
  let outbox: SQLiteOutbox
  private let crm: DestinationID
  private var count = 0
  let now: Moment

  private init(_ outbox: SQLiteOutbox) async throws {
    self.outbox = outbox
    let wall = Int64(Date().timeIntervalSince1970 * 1000)
    now = Moment(steady: SteadyTime(milliseconds: wall), unix: UnixTime(milliseconds: wall))
    let entered = try await outbox.enter([DestinationEntry(name: "crm", ordering: .message)], at: now)
    guard let crm = entered["crm"]?.id else { throw PreparedOutbox.Missing() }
    self.crm = crm
  }

  static func with<T>(_ directory: String, _ body: (OutboxTraffic) async throws -> T) async throws -> T {
    let outbox = try await SQLiteOutbox.open(.init(directory: directory, synchronous: .normal))
    do {
      let result = try await body(try await OutboxTraffic(outbox))
      await outbox.close()
      return result
    } catch {
      await outbox.close()
      throw error
    }
  }

  /// Records notifications, each of a message of its own: `T1`, `T2`, ….
  @discardableResult
  func record(
    _ more: Int, _ status: MessageStatus = .sent, of account: IDInstance = 1_101_000_001, ago: Duration = .zero
  ) async throws -> [Delivery] {
    let notifications = (count + 1...count + more).map { number in
      PollRecording.Routed(
        notification: PreparedOutbox.notification("T\(number)", status, of: account),
        routes: [.init(destination: crm, lane: Lane(rawValue: Int64(number)))])
    }
    count += more
    return try await outbox.record(
      PollRecording(
        idInstance: account, progress: AccountProgress(firstPoll: now.unix, latestPoll: now.steady), tracked: [],
        forgotten: [], notifications: notifications,
        recordedAt: Moment(steady: now.steady - ago, unix: now.unix + (.zero - ago))))
  }

  /// - Parameter later: how long after ``now`` it is.
  func settle(_ deliveries: [Delivery], _ verdict: Settlement.Verdict, attempts: Int = 1, later: Duration = .zero)
    async throws
  {
    let isDelivered = verdict == .delivered
    let report = AttemptReport(
      startedAt: now.unix + later, duration: .milliseconds(5), httpStatus: isDelivered ? 200 : 503,
      failure: isDelivered ? nil : .serverError, detail: isDelivered ? "" : "the consumer answered HTTP 503")
    _ = try await outbox.settle(
      deliveries.map {
        Settlement(
          delivery: $0.id, destination: crm, lane: $0.lane, verdict: verdict, attempts: attempts, report: report)
      }, at: Moment(steady: now.steady + later, unix: now.unix + later))
  }
}
