import Curl
import GreenAPI
import RelayCore

extension ConfigurationReading {
  private typealias Destination = RelayConfiguration.Destination

  /// - Parameter accounts: every idInstance that `accounts` names.
  mutating func destinations(
    of root: ConfigurationSection, accounts: Set<IDInstance>
  ) -> [RelayConfiguration.Destination] {
    var destinations: [Destination] = []
    var named: [String: ConfigurationPlace] = [:]
    for value in list("destinations", of: root) ?? [] {
      let section = section(value, path: "destinations[]")
      if case .unreadable = value.content { continue }
      let name = text("name", of: section)
      if let name { check(name, against: &named) }
      destinations.append(destination(name?.text ?? "", section, accounts: accounts))
    }
    return destinations
  }

  private mutating func check(_ name: Text, against named: inout [String: ConfigurationPlace]) {
    if name.text.wholeMatch(of: #/[A-Za-z0-9._\-]{1,64}/#) == nil {
      report(
        name.place, "name \(quote(name.text)) " + (name.text.count > 64 ? "is too long" : "has other characters in it"),
        expected: ConfigurationReference.key("destinations[].name").form)
    } else if let first = named[name.text] {
      let line = first.line.map { ", first in line \($0)" } ?? ""
      report(
        name.place, "name \(quote(name.text)) is given to two destinations\(line)",
        expected: "a name of its own for each")
    } else {
      named[name.text] = name.place
    }
  }

  private mutating func destination(
    _ name: String, _ section: ConfigurationSection, accounts: Set<IDInstance>
  ) -> RelayConfiguration.Destination {
    var destination = Destination(name: name, url: nil)
    destination.webhookUrlToken = secret("webhookUrlToken", of: section)
    let isFromAccount = isFromAccount(section)
    let address = isFromAccount ? nil : address(section)
    if let address {
      destination.url = address.url
      if let user = address.user {
        holdsSecret = true
        destination.basicAuthentication = .init(user: user, password: Secret(address.password ?? ""))
        if let place = section["webhookUrlToken"]?.place {
          report(
            place, "webhookUrlToken stands beside a user in the url, and both are sent as Authorization",
            expected: "one of them")
        }
      }
    }
    destination.accounts = accountNames(section, among: accounts)
    destination.statuses = statuses(section)
    destination.filter = filter(section)
    destination.headers = headers(
      section, authorized: isFromAccount || section["webhookUrlToken"] != nil || address?.user != nil)
    destination.signingSecrets = signingSecrets("signingSecret", of: section)
    if let timeout = duration("timeout", of: section, in: .seconds(1)...(.seconds(3600))) {
      destination.timeout = timeout
    }
    destination.delivery = deliveryPolicy(section)
    destination.proxy = proxy(section)
    destination.tls = tls(section)
    if let tls = section["tls"], let address, !address.isEncrypted {
      warn(tls.place, "tls has no effect on an http url", expected: "an https url")
    }
    return destination
  }

  private static let fromAccount = "fromAccount"

  /// Whether the url is each account's own, which brings a token of its own.
  private mutating func isFromAccount(_ section: ConfigurationSection) -> Bool {
    guard let value = section["url"], case .text(let text) = value.content,
      text == Self.fromAccount || text.hasSuffix("@\(Self.fromAccount)")
    else { return false }
    if text != Self.fromAccount {
      report(
        value.place, "url has a user before fromAccount, which brings each account's own webhookUrlToken",
        expected: "fromAccount alone")
    }
    if let place = section["webhookUrlToken"]?.place {
      report(
        place, "webhookUrlToken stands beside url: fromAccount, which brings each account's own",
        expected: "one of them")
    }
    return true
  }

  private mutating func address(_ section: ConfigurationSection) -> HTTPAddress? {
    guard let text = text("url", of: section) else { return nil }
    do throws(HTTPAddress.Fault) {
      return try HTTPAddress(text.text)
    } catch {
      let isWord = text.text.allSatisfy { $0.isLetter || $0 == "_" || $0 == "-" }
      let word = isWord ? Spelling.nearest(to: text.text, among: [Self.fromAccount]) : nil
      report(text.place, "url \(error.what)", expected: section.key("url").form, meant: error.suggestion ?? word)
      return nil
    }
  }

  /// A literal may hold a password, so it is never shown.
  private mutating func proxy(_ section: ConfigurationSection) -> RelayConfiguration.Proxy {
    guard let value = section["proxy"] else { return .environment }
    let key = section.key("proxy")
    let text: String
    if case .text = value.content {
      guard let literal = self.text(value, key)?.text else { return .environment }
      text = literal
    } else {
      guard let secret = secret(value, key) else { return .environment }
      text = secret.reveal()
    }
    if text == "none" { return .none }
    do throws(HTTPAddress.Fault) {
      let address = try HTTPAddress(text, schemes: RelayConfiguration.Proxy.schemes)
      // Left out, libcurl would take 1080, whatever the kind: https://curl.se/libcurl/c/CURLOPT_PROXY.html
      guard address.port != nil else { throw HTTPAddress.Fault(what: "has no port") }
      guard ["", "/"].contains(address.path), address.query == nil else {
        throw HTTPAddress.Fault(what: "goes on beyond the port")
      }
      if address.user != nil, case .text = value.content { holdsSecret = true }
      return .server(
        url: address.path.isEmpty ? address.url : String(address.url.dropLast()),
        credentials: address.user.map { .init(user: $0, password: Secret(address.password ?? "")) })
    } catch {
      let words = ["off", "no", "false", "direct", "None"]
      report(
        value.place, "proxy \(error.what)", expected: key.form,
        meant: words.contains(text) ? "none" : error.suggestion)
      return .environment
    }
  }

  private mutating func accountNames(
    _ section: ConfigurationSection, among accounts: Set<IDInstance>
  ) -> Set<IDInstance>? {
    guard let values = list("accounts", of: section) else { return nil }
    var names: Set<IDInstance> = []
    for value in values {
      guard let text = text(value, section.key("accounts"), isEntry: true), let id = idInstance(text) else { continue }
      names.insert(id)
      if !accounts.contains(id) {
        report(
          text.place, "account \(id) is not configured", expected: "an idInstance from the file's 'accounts'",
          meant: Spelling.nearest(to: "\(id)", among: accounts.sorted().map(\.description)))
      }
    }
    return names
  }

  /// An unknown one is a warning only, since GREEN-API may bring new ones.
  private mutating func statuses(_ section: ConfigurationSection) -> Set<MessageStatus>? {
    guard let values = list("statuses", of: section) else { return nil }
    let documented = MessageStatus.documented.filter { $0 != .pending }.map(\.rawValue)
    var statuses: Set<MessageStatus> = []
    for value in values {
      guard let text = text(value, section.key("statuses"), isEntry: true) else { continue }
      guard text.text.utf8.count <= MessageStatus.maximumLength, let status = MessageStatus(rawValue: text.text) else {
        report(
          text.place, "a status is longer than \(MessageStatus.maximumLength) bytes", expected: Self.either(documented))
        continue
      }
      statuses.insert(status)
      if status == .pending {
        warn(text.place, "status 'pending' is never announced", expected: Self.either(documented))
      } else if !documented.contains(text.text) {
        warn(
          text.place, "status \(quote(text.text)) is not one documented", expected: Self.either(documented),
          meant: Spelling.nearest(to: text.text, among: documented))
      }
    }
    return statuses
  }

  private mutating func deliveryPolicy(_ destination: ConfigurationSection) -> DeliveryPolicy {
    var policy = DeliveryPolicy()
    if let number = wholeNumber("maxConcurrency", of: destination, in: 1...10_000) { policy.maxConcurrency = number }
    policy.rateLimit = rateLimit(destination)
    if let ordering = choice("ordering", of: destination, as: Ordering.self) { policy.ordering = ordering }
    let retry = section("retry", of: destination)
    if let values = list("schedule", of: retry) {
      let key = retry.key("schedule")
      policy.retry.schedule = values.compactMap { value in
        text(value, key, isEntry: true).flatMap { duration($0, key, in: .milliseconds(1)...DurationText.maximum) }
      }
    }
    if let jitter = fraction("jitter", of: retry, in: 0...1) { policy.retry.jitter = jitter }
    let age = Duration.milliseconds(1)...DurationText.maximum
    if let giveUpAfter = duration("giveUpAfter", of: retry, in: age) { policy.retry.giveUpAfter = giveUpAfter }
    return policy
  }

  private mutating func rateLimit(_ section: ConfigurationSection) -> RateLimit? {
    guard let text = text("rateLimit", of: section) else { return nil }
    let periods: [Substring: Duration] = ["s": .seconds(1), "m": .seconds(60), "h": .seconds(3600)]
    if let match = text.text.wholeMatch(of: #/([0-9_]+)/([smh])/#), let period = periods[match.output.2],
      let count = Int(match.output.1.filter { $0 != "_" }), (1...1_000_000).contains(count)
    {
      return RateLimit(count: count, period: period)
    }
    report(text.place, "rateLimit \(quote(text.text)) is no rate", expected: section.key("rateLimit").form)
    return nil
  }

  // MARK: TLS

  private mutating func tls(_ destination: ConfigurationSection) -> TLSOptions? {
    guard destination["tls"] != nil else { return nil }
    let section = section("tls", of: destination)
    var tls = TLSOptions(
      caFile: file("caFile", of: section), clientCertificateFile: file("clientCertificateFile", of: section),
      clientKeyFile: file("clientKeyFile", of: section, isSecret: true))
    if let key = section["clientKeyFile"], section["clientCertificateFile"] == nil {
      report(key.place, "clientKeyFile has no certificate", expected: "clientCertificateFile beside it")
    }
    if let verify = truth("verify", of: section) {
      tls.verify = verify
      if !verify, let place = section["verify"]?.place {
        warn(
          place, "verify is off, so anyone on the way can pose as the consumer",
          expected: "caFile for an authority of your own")
      }
    }
    return tls
  }

  /// The absolute path of a file that exists and can be read.
  private mutating func file(_ name: String, of section: ConfigurationSection, isSecret: Bool = false) -> String? {
    guard let text = text(name, of: section) else { return nil }
    let path = path(text.text)
    do throws(ConfigurationFileFault) {
      let file = try environment.files.read(path, limit: 16 << 20)
      if isSecret, file.isReadableByOthers { warnReadable(path, file, at: text.place) }
      return path
    } catch {
      report(text.place, "the file \(path) for \(name) \(error.text)", expected: "a readable PEM file")
      return nil
    }
  }
}
