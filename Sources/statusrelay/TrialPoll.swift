import Foundation
import GreenAPI
import Relay
import RelayCore
import RelayStore

/// One poll of one account that is held against what the outbox knows, and leaves no trace.
struct TrialPoll {
  let account: RelayConfiguration.Account
  let api: GreenAPIClient
  /// `nil`: as if nothing had ever been recorded.
  let outbox: SQLiteOutboxReader?
  let time: SystemTime
  /// All that the answer shows is announced.
  let announcesAll: Bool

  struct Outcome {
    /// What the relay would record and deliver, in order.
    var notifications: [RelayCore.Notification]
    var minutes: Int
    var records: RecordsAnswer
    /// It would be the account's first poll, which only fills the snapshot.
    var isBaseline: Bool
    var warnings: [SettingsWarning] = []
  }

  func run() async throws -> Outcome {
    let stored = announcesAll ? StoredAccount() : try await outbox?.account(account.idInstance) ?? StoredAccount()
    var policy = account.poll
    if announcesAll { policy.startFrom = .beginning }
    let (identity, warnings) = try await identity(remembered: stored.identity)
    let minutes = PollPacer(
      policy: policy, latestPoll: stored.progress.latestPoll, trustsClock: !time.clockWentBackwards,
      startingAt: time.now().steady
    ).minutes(at: time.now().steady)
    let answer = try await api.outgoingStatuses(
      of: account.endpoint(typeInstance: identity.typeInstance), minutes: minutes, now: time.now().unix)
    let records = try answer.records().unknown
    let changes = stored.snapshot.changes(from: records, receivedAt: answer.date, at: time.now(), policy: policy)
    let notifications = changes.announcements.map {
      RelayCore.Notification($0, of: account.idInstance, identity: identity)
    }
    return Outcome(
      notifications: announcesAll ? notifications : try await unrecorded(notifications), minutes: minutes,
      records: records, isBaseline: policy.startFrom == .now && stored.progress.firstPoll == nil, warnings: warnings)
  }

  private func identity(
    remembered: AccountIdentity?
  ) async throws(GreenAPIClient.Problem) -> (AccountIdentity, [SettingsWarning]) {
    if let identity = AccountIdentity(of: account, remembered: remembered) { return (identity, []) }
    let settings = try await api.settings(of: account.endpoint(), now: time.now().unix)
    guard let identity = AccountIdentity(of: account, settings: settings, remembered: nil) else {
      throw GreenAPIClient.Problem(failure: .identityUnknown("getSettings does not say wid"))
    }
    let warnings = SettingsWarning.all(
      in: settings, configuredWid: account.wid, configuredTypeInstance: account.typeInstance)
    return (identity, warnings)
  }

  /// What the history has already is not recorded again, even when the snapshot has forgotten the message.
  private func unrecorded(_ notifications: [RelayCore.Notification]) async throws -> [RelayCore.Notification] {
    guard let outbox else { return notifications }
    var unrecorded: [RelayCore.Notification] = []
    for notification in notifications {
      var filter = HistoryFilter(limit: 1)
      filter.accounts = [notification.idInstance]
      filter.idMessage = notification.idMessage
      filter.statuses = [notification.status]
      if try await outbox.events(filter).isEmpty { unrecorded.append(notification) }
    }
    return unrecorded
  }
}
