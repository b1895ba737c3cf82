import Foundation
import GRDB
import GreenAPI
import RelayCore

extension SQLiteOutbox {
  public func account(_ idInstance: IDInstance) async throws(OutboxError) -> StoredAccount {
    try await connection.storedAccount(idInstance)
  }

  public func remember(_ identity: AccountIdentity, of idInstance: IDInstance) async throws(OutboxError) {
    try await connection.write("remembering who account \(idInstance) is") { db in
      try db.execute(
        sql: """
          INSERT INTO accounts (id_instance, wid, type_instance) VALUES (?, ?, ?)
          ON CONFLICT (id_instance) DO UPDATE SET wid = excluded.wid, type_instance = excluded.type_instance
          """,
        arguments: [idInstance.rawValue, identity.wid, identity.typeInstance.rawValue])
    }
  }

  /// Writes how far an account's polling has come, and the rows of its snapshot that a poll changed.
  static func writeSnapshot(of poll: PollRecording, newEvents: Int, in db: Database) throws {
    let account = poll.idInstance.rawValue
    try db.cachedStatement(
      sql: """
        UPDATE accounts SET first_poll_at = ?, latest_poll_steady = ?, watched_seconds = ?, events = events + ?
        WHERE id_instance = ?
        """
    ).execute(
      arguments: [
        poll.progress.firstPoll?.milliseconds, poll.progress.latestPoll?.milliseconds, poll.progress.watchedSeconds,
        newEvents, account,
      ])
    let track = try BoundStatement(
      db,
      sql: """
        INSERT INTO messages (account, id_message, documented, others, last_seen) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (account, id_message) DO UPDATE
        SET documented = excluded.documented, others = excluded.others, last_seen = excluded.last_seen
        """)
    for message in poll.tracked {
      let others = message.recorded.others
      try track.run(
        .integer(account), .text(message.idMessage), .integer(Int64(message.recorded.documented)),
        others.isEmpty ? nil : .text(String(decoding: try JSONEncoder().encode(others.map(\.rawValue)), as: UTF8.self)),
        .integer(message.lastSeen))
    }
    let forget = try BoundStatement(db, sql: "DELETE FROM messages WHERE account = ? AND id_message = ?")
    for idMessage in poll.forgotten { try forget.run(.integer(account), .text(idMessage)) }
  }
}

extension SQLiteOutboxReader {
  /// What is remembered of an account; empty for one never seen.
  public func account(_ idInstance: IDInstance) async throws(OutboxError) -> StoredAccount {
    try await connection.storedAccount(idInstance)
  }
}

extension SerialConnection {
  fileprivate func storedAccount(_ idInstance: IDInstance) async throws(OutboxError) -> StoredAccount {
    try await read("reading account \(idInstance)") { db in
      guard
        let row = try Row.fetchOne(
          db, sql: "SELECT * FROM accounts WHERE id_instance = ?", arguments: [idInstance.rawValue])
      else { return StoredAccount() }
      // Row by row, as a million rows at once take more memory than the snapshot of them, and more than is given back.
      var snapshot = Snapshot(progress: try row.progress())
      let messages = try Row.fetchCursor(
        db, sql: "SELECT * FROM messages WHERE account = ?", arguments: [idInstance.rawValue])
      while let message = try messages.next() { snapshot.restore(try message.trackedMessage()) }
      return StoredAccount(identity: try row.identity(), snapshot: snapshot)
    }
  }
}

extension Row {
  /// The columns of `accounts`.
  func identity() throws(UnreadableRow) -> AccountIdentity? {
    guard let wid: String = try optional("wid"), let type: TypeInstance = try optionalMember("type_instance") else {
      return nil
    }
    return AccountIdentity(wid: wid, typeInstance: type)
  }

  /// The columns of `accounts`.
  func progress() throws(UnreadableRow) -> AccountProgress {
    AccountProgress(
      firstPoll: try optional("first_poll_at", as: Int64.self).map(UnixTime.init(milliseconds:)),
      latestPoll: try optional("latest_poll_steady", as: Int64.self).map(SteadyTime.init(milliseconds:)),
      watchedSeconds: try value("watched_seconds"))
  }

  /// The columns of `messages`.
  fileprivate func trackedMessage() throws -> TrackedMessage {
    var others: [MessageStatus] = []
    if let text: String = try optional("others") {
      guard let names = try? JSONDecoder().decode([String].self, from: Data(text.utf8)) else {
        throw UnreadableRow(what: "others holds \(text)")
      }
      others = names.compactMap(MessageStatus.init(rawValue:))
    }
    guard let documented = UInt16(exactly: try value("documented", as: Int64.self)) else {
      throw UnreadableRow(what: "documented is out of range")
    }
    return TrackedMessage(
      idMessage: try value("id_message"), recorded: RecordedStatuses(documented: documented, others: others),
      lastSeen: try value("last_seen"))
  }
}
