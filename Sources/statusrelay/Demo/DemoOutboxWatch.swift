import GreenAPI
import RelayCore
import RelayStore

/// Tells what is new in the outbox since it was looked at last.
struct DemoOutboxWatch: Sendable {
  private var newest = DeliveryID(rawValue: 0)
  /// Attempts known of the deliveries that aren't settled.
  private var attempts: [DeliveryID: Int] = [:]

  struct Change: Sendable, Hashable {
    var row: DeliveryRow
    var isNew: Bool
    /// Attempts that were known before; there are more now when it is below the row's.
    var attemptsBefore: Int
    var isGivenUp: Bool
  }

  /// Whether deliveries are under way.
  var hasUnsettled: Bool { !attempts.isEmpty }

  /// - Parameter rows: the latest deliveries, newest first.
  mutating func changes(in rows: [DeliveryRow]) -> [Change] {
    rows.reversed().compactMap { row in
      let isNew = row.id > newest
      if isNew { newest = row.id }
      guard let before = isNew ? 0 : attempts[row.id] else { return nil }
      let isSettled = row.state == .delivered || row.state == .deadLetter
      attempts[row.id] = isSettled ? nil : row.attempts
      guard isNew || isSettled || row.attempts > before else { return nil }
      return Change(row: row, isNew: isNew, attemptsBefore: before, isGivenUp: row.state == .deadLetter)
    }
  }
}
