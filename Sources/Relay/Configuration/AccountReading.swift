import GreenAPI
import RelayCore

extension ConfigurationReading {
  private typealias Account = RelayConfiguration.Account

  /// The accounts, and every idInstance that was given in a readable form, so that a destination isn't blamed for an
  /// account that has another fault.
  mutating func accounts(
    of root: ConfigurationSection
  ) -> (accounts: [RelayConfiguration.Account], named: [IDInstance: ConfigurationPlace]) {
    var accounts: [Account] = []
    var named: [IDInstance: ConfigurationPlace] = [:]
    for value in list("accounts", of: root) ?? [] {
      let section = section(value, path: "accounts[]")
      if case .unreadable = value.content { continue }
      guard let text = text("idInstance", of: section) else {
        _ = account(1, section)
        continue
      }
      let id = idInstance(text)
      if let id, let first = named[id] {
        let line = first.line.map { ", first in line \($0)" } ?? ""
        report(text.place, "idInstance \(id) is configured twice\(line)", expected: "each account once")
      } else if let id {
        named[id] = text.place
      }
      // A faulty one is read all the same, for the faults in it.
      accounts.append(account(id ?? 1, section))
    }
    return (accounts, named)
  }

  private mutating func account(_ id: IDInstance, _ section: ConfigurationSection) -> RelayConfiguration.Account {
    var account = Account(
      idInstance: id, apiTokenInstance: secret("apiTokenInstance", of: section) ?? Secret(""), poll: pollPolicy(section)
    )
    if let url = apiURL(section) { account.apiURL = url }
    account.wid = text("wid", of: section)?.text
    if let type = text("typeInstance", of: section) {
      account.typeInstance = TypeInstance(rawValue: type.text)
      let documented = TypeInstance.documented.map(\.rawValue)
      if !documented.contains(type.text) {
        warn(
          type.place, "typeInstance \(quote(type.text)) is not one documented",
          expected: section.key("typeInstance").form,
          meant: Spelling.nearest(to: type.text, among: documented))
      }
    }
    return account
  }

  /// Digits, with `_` between them if need be. What isn't one is not shown when it is long enough to be a token.
  mutating func idInstance(_ text: Text) -> IDInstance? {
    let digits = text.text.filter { $0 != "_" }
    if digits.allSatisfy({ $0.isASCII && $0.isNumber }), digits.first != "0", let id = IDInstance(digits) { return id }
    let shown = text.text.count <= 20 ? quote(text.text) : "of \(text.text.count) characters"
    report(text.place, "idInstance \(shown) is invalid", expected: "a number of 1 to 18 digits")
    return nil
  }

  private mutating func apiURL(_ section: ConfigurationSection) -> String? {
    guard let text = text("apiUrl", of: section) else { return nil }
    let form = section.key("apiUrl").form
    do throws(HTTPAddress.Fault) {
      let address = try HTTPAddress(text.text)
      if address.user != nil || address.query != nil {
        report(text.place, "apiUrl has a user or a query in it", expected: form)
      } else if address.path.contains("/waInstance") {
        report(text.place, "apiUrl goes on beyond the address", expected: "the part before /waInstance")
      } else {
        if !address.isEncrypted, Self.isGreenAPI(address.host) {
          warn(text.place, "apiUrl is http, so apiTokenInstance can be read on the way", expected: "https")
        }
        return address.url
      }
    } catch {
      report(text.place, "apiUrl \(error.what)", expected: form, meant: error.suggestion)
    }
    return nil
  }

  /// GREEN-API's hosts are under two names: `1101.api.green-api.com`, and for newer instances `7107.api.greenapi.com`.
  private static func isGreenAPI(_ host: String) -> Bool {
    ["green-api.com", "greenapi.com"].contains { host == $0 || host.hasSuffix("." + $0) }
  }

  private mutating func pollPolicy(_ account: ConfigurationSection) -> PollPolicy {
    var policy = PollPolicy()
    let section = section("poll", of: account)
    let slowest = Duration.seconds(3600)
    let interval = duration("interval", of: section, in: PollPolicy.minimumInterval...slowest)
    if let interval { policy.interval = interval }
    policy.idleInterval = max(policy.idleInterval, policy.interval)
    if let idle = duration("idleInterval", of: section, in: PollPolicy.minimumInterval...slowest) {
      if idle < policy.interval, let place = section["idleInterval"]?.place {
        report(
          place,
          "idleInterval \(DurationText.format(idle)) is shorter than interval \(DurationText.format(policy.interval))",
          expected: section.key("idleInterval").form)
      }
      policy.idleInterval = idle
    }
    if let window = duration("window", of: section, in: .seconds(120)...PollPolicy.journal) { policy.window = window }
    policy.retention = max(policy.retention, policy.window)
    if let retention = duration("retention", of: section, in: .seconds(1)...DurationText.maximum) {
      if retention < policy.window, let place = section["retention"]?.place {
        report(
          place,
          "retention \(DurationText.format(retention)) is shorter than window \(DurationText.format(policy.window))",
          expected: section.key("retention").form)
      }
      policy.retention = retention
    }
    if let startFrom = choice("startFrom", of: account, as: PollPolicy.StartFrom.self) { policy.startFrom = startFrom }
    if let fillGaps = truth("fillGaps", of: account) { policy.fillGaps = fillGaps }
    return policy
  }
}
