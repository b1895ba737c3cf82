import GreenAPI

/// What in an account's settings at GREEN-API keeps the relay from doing its work well. A closed set, shared by account states
/// and `statusrelay check --online`.
public enum SettingsWarning: Hashable, Sendable {
  /// Statuses never change while notifications about outgoing messages are off.
  case outgoingWebhookOff
  /// The configured `wid` is not the account's.
  case otherWid(configured: String, actual: String)
  /// The configured `typeInstance` is not the account's.
  case otherTypeInstance(configured: TypeInstance, actual: TypeInstance)

  /// All that is wrong with these settings, the gravest first.
  /// - Parameters: what the configuration says of the account; `nil` where it leaves that to getSettings.
  public static func all(
    in settings: AccountSettings, configuredWid: String? = nil, configuredTypeInstance: TypeInstance? = nil
  ) -> [SettingsWarning] {
    var warnings: [SettingsWarning] = []
    if settings.outgoingWebhook == false { warnings.append(.outgoingWebhookOff) }
    if let configured = configuredTypeInstance, let actual = settings.typeInstance, configured != actual {
      warnings.append(.otherTypeInstance(configured: configured, actual: actual))
    }
    if let configured = configuredWid, let actual = settings.wid, configured != actual {
      warnings.append(.otherWid(configured: configured, actual: actual))
    }
    return warnings
  }

  /// A label for logs and metrics, one of ``reasons``.
  public var reason: String {
    switch self {
    case .outgoingWebhookOff: "outgoingWebhookOff"
    case .otherWid: "otherWid"
    case .otherTypeInstance: "otherTypeInstance"
    }
  }

  public static let reasons = ["outgoingWebhookOff", "otherWid", "otherTypeInstance"]

  public var advice: String {
    switch self {
    case .outgoingWebhookOff:
      "Set outgoingWebhook to yes in the instance's settings at GREEN-API; that takes up to 5 minutes to apply."
    case .otherWid(_, let actual):
      "Put wid: \(actual) into the configuration, or leave it out."
    case .otherTypeInstance(_, let actual):
      "Put typeInstance: \(actual.rawValue) into the configuration, or leave it out."
    }
  }
}

extension SettingsWarning: CustomStringConvertible {
  public var description: String {
    switch self {
    case .outgoingWebhookOff: "outgoingWebhook is off in the instance's settings, so statuses never change"
    case .otherWid(let configured, let actual): "wid is configured as \(configured), but the account's is \(actual)"
    case .otherTypeInstance(let configured, let actual):
      "typeInstance is configured as \(configured.rawValue), but the account's is \(actual.rawValue)"
    }
  }
}
