import GRDB

/// The tables, and how an older file becomes a current one.
///
/// `PRAGMA application_id` says that a file is an outbox, `PRAGMA user_version` how many of ``steps`` it has seen. A step that has
/// been released never changes; a change is a new step.
enum Schema {
  /// "srly".
  static let applicationID: Int64 = 0x7372_6C79

  static var version: Int64 { Int64(steps.count) }

  static let steps: [String] = [first, second]

  /// Runs the steps that the file has not seen.
  static func migrate(_ db: Database) throws {
    let version = try userVersion(db)
    guard version < Self.version else { return }
    try db.transaction(.immediate) {
      for step in steps[Int(version)...] { try db.execute(sql: step) }
      try db.execute(sql: "PRAGMA application_id = \(applicationID)")
      try db.execute(sql: "PRAGMA user_version = \(Self.version)")
    }
  }

  static func userVersion(_ db: Database) throws -> Int64 {
    try Int64.fetchOne(db, sql: "PRAGMA user_version") ?? 0
  }

  /// What a current file holds at least, as SQLite writes it down: an operator's own index does no harm.
  static func objects(_ db: Database) throws -> Set<String> {
    try String.fetchSet(db, sql: "SELECT type || ' ' || name || ' ' || sql FROM sqlite_schema WHERE sql IS NOT NULL")
  }

  /// What ``objects(_:)`` gives for a new database.
  static func expectedObjects() throws -> Set<String> {
    let empty = try DatabaseQueue()
    return try empty.writeWithoutTransaction { db in
      try migrate(db)
      return try objects(db)
    }
  }

  /// Times: `_at` is UNIX milliseconds, except `due_at`; that and `_steady` are milliseconds on the relay's steady line.
  ///
  /// - `accounts.events` and `destinations.delivered` count all there ever were; pruning doesn't lower them.
  /// - `deliveries`: an unsettled one has no `settled_at`. Exactly one unsettled delivery of each (destination, lane) has a
  ///   `due_at`, its head; `lane_heads` makes a second one impossible. All others of the lane wait in `lane_followers`.
  /// - `deliveries.last_…` is the latest attempt. A successful attempt stands there only, so that the usual delivery, which
  ///   succeeds at once, is one row; the failed ones stand in `attempts`.
  /// - AUTOINCREMENT: a number is never given again, even when the history behind it has been pruned.
  ///
  /// What ``first`` made and ``second`` changes is described there.
  private static let first = """
    CREATE TABLE meta (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      latest_steady INTEGER
    ) STRICT;
    INSERT INTO meta (id) VALUES (1);

    CREATE TABLE accounts (
      id_instance INTEGER PRIMARY KEY,
      wid TEXT,
      type_instance TEXT,
      first_poll_at INTEGER,
      latest_poll_steady INTEGER,
      watched_seconds INTEGER NOT NULL DEFAULT 0,
      events INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    CREATE TABLE messages (
      account INTEGER NOT NULL REFERENCES accounts,
      id_message TEXT NOT NULL,
      documented INTEGER NOT NULL,
      others TEXT,
      last_seen INTEGER NOT NULL,
      PRIMARY KEY (account, id_message)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE notifications (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      account INTEGER NOT NULL REFERENCES accounts,
      id_message TEXT NOT NULL,
      status TEXT NOT NULL,
      webhook_id TEXT NOT NULL,
      timestamp INTEGER NOT NULL,
      chat_id TEXT NOT NULL,
      type_message TEXT NOT NULL,
      send_by_api INTEGER NOT NULL,
      recorded_at INTEGER NOT NULL,
      body BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX notification_changes ON notifications (id_message, account, status);
    CREATE INDEX notification_ages ON notifications (recorded_at);

    CREATE TABLE destinations (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT NOT NULL UNIQUE,
      pause TEXT,
      delivered INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    CREATE TABLE deliveries (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      notification INTEGER NOT NULL REFERENCES notifications ON DELETE CASCADE,
      destination INTEGER NOT NULL REFERENCES destinations,
      lane INTEGER NOT NULL,
      state TEXT NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0,
      recorded_steady INTEGER NOT NULL,
      due_at INTEGER,
      settled_at INTEGER,
      reason TEXT,
      last_started_at INTEGER,
      last_duration_us INTEGER,
      last_http_status INTEGER,
      last_failure TEXT,
      last_detail TEXT NOT NULL DEFAULT '',
      CHECK (due_at IS NULL OR settled_at IS NULL),
      CHECK ((settled_at IS NOT NULL) = (state IN ('delivered', 'deadLetter')))
    ) STRICT;
    CREATE UNIQUE INDEX delivery_routes ON deliveries (notification, destination);
    CREATE UNIQUE INDEX lane_heads ON deliveries (destination, lane) WHERE due_at IS NOT NULL;
    CREATE INDEX lane_followers ON deliveries (destination, lane, id) WHERE due_at IS NULL AND settled_at IS NULL;
    CREATE INDEX due_deliveries ON deliveries (destination, due_at, id) WHERE due_at IS NOT NULL;
    CREATE INDEX dead_letters ON deliveries (destination, id) WHERE state = 'deadLetter';

    CREATE TABLE attempts (
      delivery INTEGER NOT NULL REFERENCES deliveries ON DELETE CASCADE,
      number INTEGER NOT NULL,
      started_at INTEGER NOT NULL,
      duration_us INTEGER NOT NULL,
      http_status INTEGER,
      failure TEXT,
      detail TEXT NOT NULL,
      excerpt BLOB NOT NULL,
      PRIMARY KEY (delivery, number)
    ) STRICT, WITHOUT ROWID;
    """

  /// - A lane's order is that of its notifications, and not of its deliveries: one that is made later for an old notification
  ///   stands where the notification does.
  /// - `destinations.circuit_…` is all `NULL` while the circuit is closed; `ordering` and `address_digest` are as they were last
  ///   configured, and `NULL` until they were for the first time.
  /// - `relaned_heads` holds a row only within the transaction that moves a destination's deliveries to other lanes.
  private static let second = """
    ALTER TABLE destinations ADD COLUMN ordering TEXT;
    ALTER TABLE destinations ADD COLUMN address_digest TEXT;
    ALTER TABLE destinations ADD COLUMN circuit_opened_steady INTEGER;
    ALTER TABLE destinations ADD COLUMN circuit_until_steady INTEGER;
    ALTER TABLE destinations ADD COLUMN circuit_interval_ms INTEGER;
    ALTER TABLE destinations ADD COLUMN latest_attempt_steady INTEGER;

    DROP INDEX lane_followers;
    CREATE INDEX lane_followers ON deliveries (destination, lane, notification)
      WHERE due_at IS NULL AND settled_at IS NULL;
    DROP INDEX due_deliveries;
    CREATE INDEX due_deliveries ON deliveries (destination, due_at, notification) WHERE due_at IS NOT NULL;
    CREATE INDEX settled_dead_letters ON deliveries (settled_at) WHERE state = 'deadLetter';

    CREATE TABLE relaned_heads (
      notification INTEGER PRIMARY KEY,
      delivery INTEGER NOT NULL,
      due_at INTEGER NOT NULL
    ) STRICT;
    """
}
