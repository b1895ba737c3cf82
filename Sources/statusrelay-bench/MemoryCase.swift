import CBenchPeer
import Foundation
import GreenAPI
import RelayCore
import RelayStore

/// How much memory a relay takes: for a message that it tracks, when it has nothing to do, and when it starts with much to deliver; and
/// how soon it then begins. Beside the limits that were set for it, as libcurl has no say here.
enum MemoryCase: BenchCase {
  static let name = "memory"
  static let summary = "memory of a tracked message, of an idle relay, and of a start with 1,000,000 waiting deliveries"

  static func run(_ options: BenchOptions) async throws -> [BenchResult] {
    let count = options.scaled(1_000_000)
    var tracked = BenchResult(name: "\(name) \(count) tracked", unit: "bytes/message", floorName: "the limit")
    var idle = BenchResult(name: "\(name) idle", unit: "MB", floorName: "the limit")
    var waiting = BenchResult(name: "\(name) \(count) waiting", unit: "MB at most", floorName: "the limit")
    var start = BenchResult(name: "start with \(count) waiting", unit: "s to the first attempt", floorName: "the limit")
    try await PollWorkload.inDirectory { directory in
      complain("\(name): filling two outboxes with \(count) messages and deliveries")
      try await fill(directory + "/empty", with: 0, delivering: false)
      try await fill(directory + "/tracked", with: count, delivering: false)
      try await fill(directory + "/waiting", with: count, delivering: true)
      for run in 1...options.runs {
        let empty = try await pollingRelay(on: directory + "/empty")
        let full = try await pollingRelay(on: directory + "/tracked")
        // Of a copy: some seconds of delivering leave fewer for the next run.
        let copy = directory + "/waiting-\(run)"
        try FileManager.default.copyItem(atPath: directory + "/waiting", toPath: copy)
        let (peak, seconds) = try await deliveringRelay(on: copy)
        try FileManager.default.removeItem(atPath: copy)
        tracked.add(figure: Double(full - empty) / Double(count), floor: 110)
        idle.add(figure: Double(empty) / 1e6, floor: 25)
        waiting.add(figure: Double(peak) / 1e6, floor: 100)
        start.add(figure: seconds, floor: 1)
        complain(
          "\(name) \(run)/\(options.runs): \((full - empty) / count) bytes a message, \(empty / 1_000_000) MB idle, "
            + "\(peak / 1_000_000) MB and \(String(format: "%.3f", seconds)) s to the first attempt with \(count) waiting"
        )
      }
    }
    return [tracked, idle, waiting, start]
  }

  private static let destination = "sink"

  /// Records so many messages through the outbox itself; with a delivery for each, or without any.
  private static func fill(_ directory: String, with count: Int, delivering: Bool) async throws {
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

  /// Bytes in use after some polls with an empty answer.
  private static func pollingRelay(on stateDirectory: String) async throws -> Int {
    let source = try await Peer(in: stateDirectory + "-source")
    try source.answer(settings: Workload.settings, records: "[]")
    let relay = try RelayProcess(
      configuration: PollWorkload.configuration(
        stateDirectory: stateDirectory, source: source, destinations: [destination: source.url]),
      in: stateDirectory + "-relay")
    try await waitUntil("some polls are made", within: .seconds(120)) { source.polls >= 4 }
    return try relay.process.memory.resident
  }

  /// The most bytes in use in the first seconds of delivering, and how long after the start of the process the first request came.
  private static func deliveringRelay(on stateDirectory: String) async throws -> (peak: Int, seconds: Double) {
    let source = try await Peer(in: stateDirectory + "-source")
    try source.answer(settings: Workload.settings, records: "[]")
    let sink = try await Peer(in: stateDirectory + "-sink")
    let start = bench_now_ns()
    let relay = try RelayProcess(
      configuration: PollWorkload.configuration(
        stateDirectory: stateDirectory, source: source, destinations: [destination: sink.url]),
      in: stateDirectory + "-relay")
    try await waitUntil("the first attempt is made", within: .seconds(120)) { sink.posts > 0 }
    try await Task.sleep(for: .seconds(2))
    return (try relay.process.memory.peak, Double(sink.firstPost - start) / 1e9)
  }
}
