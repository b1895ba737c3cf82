import Foundation
import GreenAPI
import NIOConcurrencyHelpers
import RelayCore
import RelayStore

@testable import Curl

/// An SQLite outbox that refuses some calls on demand, as one on a full disk does; a refused call changes nothing.
final class FailingOutbox: Outbox {
  enum Call: Hashable, Sendable {
    case account, remember, record, destinations, setPause, setCircuit, due, settle, replay
  }

  private let outbox: SQLiteOutbox
  private let failing = NIOLockedValueBox<Set<Call>>([])
  private let refusals = NIOLockedValueBox<[Call: Int]>([:])
  private let callers = NIOLockedValueBox<[String]>([])

  static let error = OutboxError(.full, "the disk is full")

  init(_ outbox: SQLiteOutbox) { self.outbox = outbox }

  /// From now on these calls fail, and no others.
  func fail(_ calls: Set<Call>) { failing.withLockedValue { $0 = calls } }

  /// How often a call was refused.
  func refused(_ call: Call) -> Int { refusals.withLockedValue { $0[call] ?? 0 } }

  /// The names of the threads that asked to record a poll, in the calls' order.
  var recordingThreads: [String] { callers.withLockedValue { $0 } }

  // MARK: Standing still

  private struct Stall {
    var calls: Set<Call> = []
    var waiting: [CheckedContinuation<Void, Never>] = []
    var isAbandoned = false
  }

  private let stalled = NIOLockedValueBox(Stall())

  /// From now on these calls wait, as on a disk that does not answer; the empty set lets all go on.
  func stall(_ calls: Set<Call>) {
    let waiting = stalled.withLockedValue { stall in
      stall.calls = calls
      defer { stall.waiting = [] }
      return stall.waiting
    }
    for call in waiting { call.resume() }
  }

  /// How many calls wait.
  var stalledCalls: Int { stalled.withLockedValue { $0.waiting.count } }
  var isAbandoned: Bool { stalled.withLockedValue { $0.isAbandoned } }

  func abandon() {
    stalled.withLockedValue { $0.isAbandoned = true }
    stall([])
  }

  var unansweredTime: Duration? { stalledCalls > 0 ? .seconds(3600) : nil }

  private func check(_ call: Call) async throws(OutboxError) {
    await withCheckedContinuation { continuation in
      let goesOn = stalled.withLockedValue { stall in
        guard stall.calls.contains(call) else { return true }
        stall.waiting.append(continuation)
        return false
      }
      if goesOn { continuation.resume() }
    }
    if isAbandoned { throw OutboxError(.closed, "abandoned") }
    guard failing.withLockedValue({ $0.contains(call) }) else { return }
    refusals.withLockedValue { $0[call, default: 0] += 1 }
    throw Self.error
  }

  func account(_ idInstance: IDInstance) async throws(OutboxError) -> StoredAccount {
    try await check(.account)
    return try await outbox.account(idInstance)
  }

  func remember(_ identity: AccountIdentity, of idInstance: IDInstance) async throws(OutboxError) {
    try await check(.remember)
    try await outbox.remember(identity, of: idInstance)
  }

  func record(_ poll: PollRecording) async throws(OutboxError) -> [Delivery] {
    let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8).filter { $0 != "\n" }
    callers.withLockedValue { $0.append(name ?? "") }
    try await check(.record)
    return try await outbox.record(poll)
  }

  func enter(
    _ destinations: [DestinationEntry], at now: Moment
  ) async throws(OutboxError) -> [String: StoredDestination] {
    try await check(.destinations)
    return try await outbox.enter(destinations, at: now)
  }

  func setCircuit(_ trip: CircuitBreaker.Trip?, of destination: DestinationID) async throws(OutboxError) {
    try await check(.setCircuit)
    try await outbox.setCircuit(trip, of: destination)
  }

  func setPause(_ pause: DestinationPause?, of destination: DestinationID) async throws(OutboxError) {
    try await check(.setPause)
    try await outbox.setPause(pause, of: destination)
  }

  func due(
    at destination: DestinationID, by time: SteadyTime, limit: Int, excluding: Set<DeliveryID>
  ) async throws(OutboxError) -> DuePage {
    try await check(.due)
    return try await outbox.due(at: destination, by: time, limit: limit, excluding: excluding)
  }

  func settle(_ settlements: [Settlement], at now: Moment) async throws(OutboxError) -> [Delivery] {
    try await check(.settle)
    return try await outbox.settle(settlements, at: now)
  }

  func retry(_ selection: DeadLetterSelection, at now: Moment) async throws(OutboxError) -> [DeliveryID] {
    try await outbox.retry(selection, at: now)
  }

  func replay(
    _ filter: HistoryFilter, at destination: DestinationID,
    lane: @escaping @Sendable (RelayCore.Notification) -> Lane?, now: Moment
  ) async throws(OutboxError) -> ReplayPage {
    try await check(.replay)
    return try await outbox.replay(filter, at: destination, lane: lane, now: now)
  }

  func prune(olderThan limit: UnixTime, keepingAtMost count: Int) async throws(OutboxError) -> Int {
    try await outbox.prune(olderThan: limit, keepingAtMost: count)
  }

  func latestSteadyTime() async throws(OutboxError) -> SteadyTime? { try await outbox.latestSteadyTime() }
  var commits: CommitStatistics { outbox.commits }
  func close() async { await outbox.close() }

  func events(_ filter: HistoryFilter) async throws(OutboxError) -> [EventRow] { try await outbox.events(filter) }

  func deliveries(_ filter: HistoryFilter) async throws(OutboxError) -> [DeliveryRow] {
    try await outbox.deliveries(filter)
  }

  func countEvents(_ filter: HistoryFilter) async throws(OutboxError) -> Int { try await outbox.countEvents(filter) }

  func countDeliveries(_ filter: HistoryFilter) async throws(OutboxError) -> Int {
    try await outbox.countDeliveries(filter)
  }

  func attempts(of delivery: DeliveryID) async throws(OutboxError) -> [AttemptRow] {
    try await outbox.attempts(of: delivery)
  }

  func accountSummaries() async throws(OutboxError) -> [AccountSummary] { try await outbox.accountSummaries() }
  func destinationSummaries(excluding excluded: Set<String>) async throws(OutboxError) -> [DestinationSummary] {
    try await outbox.destinationSummaries(excluding: excluded)
  }
}
