import Logging

/// The kinds of log lines that operators alert on, each with an id of its own that never changes, whatever the words
/// (`MESSAGE_ID` in https://www.freedesktop.org/software/systemd/man/latest/systemd.journal-fields.html).
///
/// The journal shows them with `journalctl MESSAGE_ID=…`, and explains them with `journalctl -x`.
public enum LogMessageID: String, Sendable, CaseIterable {
  /// The relay polls and delivers.
  case started = "df033a258e5843f5a33674442d4a5f2e"
  /// The relay has ended, everything recorded.
  case stopped = "3e8c4663ef18440794da630b92004bdf"
  /// A reload found a bad configuration; the one in force stays.
  case configurationRejected = "a5ae72be6c514147b28463e5dbf2c9a2"
  /// An account can't be polled until somebody does something.
  case accountNeedsAttention = "2b675eaf06684627a360f9ef79e1f595"
  /// Polls of an account fail; the relay goes on trying.
  case accountDegraded = "8374d3a086914c359f29a3f09779f13f"
  /// An account is polled, for the first time or again.
  case accountHealthy = "68bf37813c6e4d4c80ef3598e0220118"
  /// A destination fails; its deliveries wait.
  case circuitOpened = "c771d7b3f07243a493386bcccf0e187f"
  /// A destination takes deliveries again.
  case circuitClosed = "4f8bf9e17ac94f68959f355e9e237bb6"
  /// A destination answered 410 and is paused.
  case destinationGone = "1316d58812a8420f875a68a3ffc0d6a6"
  /// A delivery was given up.
  case deadLetter = "d4b0ae87812a4d11a49d3dc5254b7a13"
  /// The outbox can't be written or read; nothing is lost, and nothing is sent.
  case outboxFailed = "3558195d8c8745f28bb4248731d3f054"
  /// The outbox works again.
  case outboxRecovered = "6865a1ea58454ed3a8400172f26676e7"
  /// Log lines were lost, as nobody took them in time.
  case logLinesLost = "f3266759227145f4a101434b6c846e83"

  /// The field that carries it. `json` shows it, and the journal as `MESSAGE_ID`; `text` leaves it out.
  static let metadataKey = "messageId"
}

extension Logger {
  /// One line of a kind that is alerted on.
  public func log(level: Level, _ kind: LogMessageID, _ message: Message, metadata: Metadata = [:]) {
    var metadata = metadata
    metadata[LogMessageID.metadataKey] = "\(kind.rawValue)"
    log(level: level, message, metadata: metadata)
  }
}
