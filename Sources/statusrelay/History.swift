import Foundation
import Relay
import RelayAdmin
import RelayCore
import RelayStore

/// What a relay has recorded, as the commands list it: asked of the relay, or read from the outbox of one that is stopped.
protocol History: Sendable {
  func events(_ filter: HistoryFilter) async throws -> [HistoryEvent]
  func deliveries(_ filter: HistoryFilter) async throws -> [HistoryDelivery]
  /// With its attempts; `nil` when there is none of this id.
  func delivery(_ id: Int64) async throws -> HistoryDelivery?
  func countEvents(_ filter: HistoryFilter) async throws -> HistoryCount
  func countDeliveries(_ filter: HistoryFilter) async throws -> HistoryCount
  /// Where the accounts and destinations stand that it knows of.
  func status() async throws -> RelayStatus
  /// Whether it is a running relay's.
  var isLive: Bool { get }
  func close() async
}

extension RelayAddress {
  /// The running relay's, else that of the outbox.
  func history() async throws -> any History {
    if isRemote {
      let relay = RelayHistory(client: try client())
      try await relay.client.reach()
      return relay
    }
    let directory = try state.path()
    return try await Self.history(ofRelayOn: directory)
  }

  static func history(ofRelayOn directory: String) async throws -> any History {
    if let relay = try await RelayHistory(stateDirectory: directory) { return relay }
    return try await StoredHistory(directory: directory)
  }

  /// Runs `body` with it, and lets go of it.
  func withHistory<T>(_ body: (any History) async throws -> T) async throws -> T {
    let history = try await history()
    do {
      let result = try await body(history)
      await history.close()
      return result
    } catch {
      await history.close()
      throw error
    }
  }
}

/// A running relay's history.
struct RelayHistory: History {
  let client: ControlClient

  init(client: ControlClient) { self.client = client }

  /// `nil` when no relay runs on this directory, or none that can be reached.
  init?(stateDirectory: String) async throws {
    client = try ControlClient(stateDirectory: stateDirectory)
    do {
      try await client.reach()
    } catch ControlClient.Failure.notRunning, ControlClient.Failure.unusablePath {
      await client.close()
      return nil
    }
  }

  var isLive: Bool { true }

  func events(_ filter: HistoryFilter) async throws -> [HistoryEvent] { try await client.rows("events", filter) }

  func deliveries(_ filter: HistoryFilter) async throws -> [HistoryDelivery] {
    try await client.rows("deliveries", filter)
  }

  func delivery(_ id: Int64) async throws -> HistoryDelivery? { try await client.delivery(id) }

  func countEvents(_ filter: HistoryFilter) async throws -> HistoryCount { try await client.count("events", filter) }

  func countDeliveries(_ filter: HistoryFilter) async throws -> HistoryCount {
    try await client.count("deliveries", filter)
  }

  func status() async throws -> RelayStatus { try await client.status() }

  func close() async { await client.close() }
}

/// The outbox's own history, of a relay that doesn't run.
struct StoredHistory: History {
  private let reader: SQLiteOutboxReader
  private let time: SystemTime

  init(directory: String) async throws {
    reader = try await SQLiteOutbox.openReadOnly(directory: directory)
    time = SystemTime(notBefore: try await reader.latestSteadyTime())
  }

  var isLive: Bool { false }

  func events(_ filter: HistoryFilter) async throws -> [HistoryEvent] { try await reader.historyEvents(filter) }

  func deliveries(_ filter: HistoryFilter) async throws -> [HistoryDelivery] {
    try await reader.historyDeliveries(filter, now: time.now())
  }

  func delivery(_ id: Int64) async throws -> HistoryDelivery? {
    try await reader.historyDelivery(id, now: time.now())
  }

  func countEvents(_ filter: HistoryFilter) async throws -> HistoryCount { try await reader.eventCount(filter) }

  func countDeliveries(_ filter: HistoryFilter) async throws -> HistoryCount { try await reader.deliveryCount(filter) }

  func status() async throws -> RelayStatus {
    RelayStatus(
      storedAccounts: try await reader.accountSummaries(), storedDestinations: try await reader.destinationSummaries(),
      now: time.now())
  }

  func close() async { await reader.close() }
}
