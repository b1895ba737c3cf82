import GreenAPI

/// The settings and the condition of a simulated instance.
public struct InstanceSettings: Hashable, Sendable {
  /// As GREEN-API's getStateInstance names it. https://green-api.com/en/docs/api/account/GetStateInstance/
  public enum State: String, Hashable, Sendable, Codable, CaseIterable {
    case authorized, notAuthorized, starting, blocked, sleepMode, yellowCard, suspended, pendingPassword, pendingCode
    /// Still being created: getStateInstance answers `null`, the other methods that it is starting or not authorized.
    case null
  }

  /// What getSettings answers. While `outgoingWebhook` isn't true, the statuses of this account never change by themselves.
  public var account: AccountSettings
  public var stateInstance: State
  /// Without it the methods about statuses answer 403.
  public var betaAccess: Bool
  /// With it every method but getSettings and getStateInstance answers 466.
  public var quotaExceeded: Bool

  public init(
    account: AccountSettings = AccountSettings(
      wid: "79991234567@c.us", typeInstance: .whatsapp, outgoingWebhook: true),
    stateInstance: State = .authorized, betaAccess: Bool = true, quotaExceeded: Bool = false
  ) {
    self.account = account
    self.stateInstance = stateInstance
    self.betaAccess = betaAccess
    self.quotaExceeded = quotaExceeded
  }

  /// The body of a getSettings answer, with what other accounts usually have where nothing depends on it.
  var answer: JSON {
    var members: [JSON.Member] = []
    func add(_ name: String, _ value: JSON) { members.append(JSON.Member(name: name, value: value)) }
    add("wid", .string(account.wid ?? ""))
    add("countryInstance", "")
    add("typeAccount", "")
    if let typeInstance = account.typeInstance { add("typeInstance", .string(typeInstance.rawValue)) }
    add("webhookUrl", .string(account.webhookURL ?? ""))
    add("webhookUrlToken", .string(account.webhookURLToken?.reveal() ?? ""))
    add("delaySendMessagesMilliseconds", 500)
    add("markIncomingMessagesReaded", "no")
    add("markIncomingMessagesReadedOnReply", "no")
    add("outgoingWebhook", account.outgoingWebhook == true ? "yes" : "no")
    add("outgoingMessageWebhook", "no")
    add("outgoingAPIMessageWebhook", "no")
    add("incomingWebhook", "no")
    add("stateWebhook", "no")
    add("keepOnlineStatus", "no")
    return .object(members)
  }
}
