/// Why the outbox could not do what was asked. The text says what happened, to which file, and what to do.
public struct OutboxError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Sendable, CaseIterable {
    /// Another process holds the state directory.
    case inUse
    /// The directory can't be made, read or written.
    case unusableDirectory
    /// The file is damaged or is no outbox.
    case damaged
    /// A newer statusrelay wrote it.
    case newerSchema
    /// The disk or the quota is full.
    case full
    /// Any other error of the disk or the database.
    case failed
    /// It has been closed.
    case closed
  }

  public let kind: Kind
  public let description: String

  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
