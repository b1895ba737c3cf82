/// What came of a request to reload the configuration.
public enum Reload: Sendable, Hashable {
  case done(accounts: Int, destinations: Int, warnings: [String])
  /// Each with its place; the configuration in force stays.
  case invalid(problems: [String])
  /// The outbox could not take it.
  case failed(reason: String)
}

/// `POST /v1/reload`'s answer when the configuration is in force.
public struct ReloadAnswer: Codable, Sendable, Hashable {
  public var accounts: Int
  public var destinations: Int
  public var warnings: [String]
}
