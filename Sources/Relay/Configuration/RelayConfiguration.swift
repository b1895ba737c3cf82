import GreenAPI
import RelayCore

/// What a relay does, as its configuration file says: checked, with secrets read and defaults filled in.
public struct RelayConfiguration: Hashable, Sendable {
  /// Absolute, unless the working directory it was made from wasn't.
  public var stateDirectory: String
  public var log: Log
  public var admin: Admin
  public var outbox: OutboxOptions
  /// In the file's order, each idInstance once.
  public var accounts: [Account]
  /// In the file's order, each name once.
  public var destinations: [Destination]
  /// What is no error but should be looked at, such as a secret file that others may read.
  public var warnings: [ConfigurationProblem]

  public init(
    stateDirectory: String, log: Log = Log(), admin: Admin = Admin(), outbox: OutboxOptions = OutboxOptions(),
    accounts: [Account], destinations: [Destination], warnings: [ConfigurationProblem] = []
  ) {
    self.stateDirectory = stateDirectory
    self.log = log
    self.admin = admin
    self.outbox = outbox
    self.accounts = accounts
    self.destinations = destinations
    self.warnings = warnings
  }

  /// `log`.
  public struct Log: Hashable, Sendable {
    public enum Level: String, Hashable, Sendable, CaseIterable {
      case trace, debug, info, notice, warning, error, critical
    }

    public enum Format: String, Hashable, Sendable, CaseIterable {
      case text, json
      /// Text with the priorities systemd's journal understands.
      case journald
    }

    public var level: Level
    public var format: Format

    public init(level: Level = .info, format: Format = .text) {
      self.level = level
      self.format = format
    }
  }

  /// `admin`.
  public struct Admin: Hashable, Sendable {
    public enum Listen: Hashable, Sendable {
      case none
      /// An IPv6 host is without its brackets. Port 0: any free one.
      case address(host: String, port: Int)

      public static let `default` = Listen.address(host: "127.0.0.1", port: 8466)

      /// Whether only this machine can come in.
      public var isLoopback: Bool {
        guard case .address(let host, _) = self else { return true }
        return host == "localhost" || host == "::1" || host.wholeMatch(of: #/127\.\d+\.\d+\.\d+/#) != nil
      }
    }

    public var listen: Listen
    /// Never `nil` when ``listen`` is off loopback.
    public var token: Secret?

    public init(listen: Listen = .default, token: Secret? = nil) {
      self.listen = listen
      self.token = token
    }
  }

  /// `outbox`.
  public struct OutboxOptions: Hashable, Sendable {
    /// SQLite's `synchronous`: https://www.sqlite.org/pragma.html#pragma_synchronous
    public enum Synchronous: String, Hashable, Sendable, CaseIterable {
      case full, normal
    }

    /// What is kept of settled deliveries.
    public struct History: Hashable, Sendable {
      public var maximumAge: Duration
      public var maximumCount: Int

      public init(maximumAge: Duration = .seconds(7 * 86_400), maximumCount: Int = 1_000_000) {
        self.maximumAge = maximumAge
        self.maximumCount = maximumCount
      }
    }

    public var synchronous: Synchronous
    public var history: History

    public init(synchronous: Synchronous = .full, history: History = History()) {
      self.synchronous = synchronous
      self.history = history
    }
  }
}

extension RelayConfiguration {
  /// One GREEN-API instance to poll.
  public struct Account: Hashable, Sendable {
    public var idInstance: IDInstance
    /// As configured: a trailing slash or `/v3` is ``GreenAPI/Endpoint``'s business.
    public var apiURL: String
    public var apiTokenInstance: Secret
    /// `nil`: asked from getSettings.
    public var wid: String?
    /// `nil`: asked from getSettings.
    public var typeInstance: TypeInstance?
    public var poll: PollPolicy

    public static let defaultAPIURL = "https://api.green-api.com"

    public init(
      idInstance: IDInstance, apiURL: String = Account.defaultAPIURL, apiTokenInstance: Secret, wid: String? = nil,
      typeInstance: TypeInstance? = nil, poll: PollPolicy = PollPolicy()
    ) {
      self.idInstance = idInstance
      self.apiURL = apiURL
      self.apiTokenInstance = apiTokenInstance
      self.wid = wid
      self.typeInstance = typeInstance
      self.poll = poll
    }

    /// Where the account's methods are, once its `typeInstance` is known.
    public func endpoint(typeInstance known: TypeInstance? = nil) -> Endpoint {
      Endpoint(
        apiURL: apiURL, idInstance: idInstance, apiTokenInstance: apiTokenInstance, typeInstance: typeInstance ?? known)
    }
  }
}
