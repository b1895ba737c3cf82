import GreenAPI
import RelayCore

extension RelayConfiguration: CustomStringConvertible {
  /// What the configuration comes to, defaults included and secrets left out, as `statusrelay check` shows it: a
  /// heading for each part, and two spaces before what belongs to it.
  public var description: String {
    var summary = ConfigurationSummary()
    summary.heading("relay")
    summary.add("stateDirectory", stateDirectory)
    summary.add("log.level", log.level.rawValue, default: Log().level.rawValue)
    summary.add("log.format", log.format.rawValue)
    summary.add("admin.listen", "\(admin.listen)", default: "\(Admin.Listen.default)")
    summary.add("admin.token", admin.token)
    summary.add("outbox.synchronous", outbox.synchronous.rawValue, default: OutboxOptions().synchronous.rawValue)
    summary.add("outbox.history.maximumAge", outbox.history.maximumAge, default: OutboxOptions.History().maximumAge)
    let count = OutboxOptions.History().maximumCount
    summary.add("outbox.history.maximumCount", "\(outbox.history.maximumCount)", default: "\(count)")
    for account in accounts { summary.add(account) }
    for destination in destinations { summary.add(destination) }
    return summary.lines.joined(separator: "\n")
  }
}

extension RelayConfiguration.Admin.Listen: CustomStringConvertible {
  /// As the configuration writes it.
  public var description: String {
    switch self {
    case .none: "none"
    case .address(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
  }
}

private struct ConfigurationSummary {
  var lines: [String] = []

  mutating func heading(_ text: String) { lines.append(text) }

  mutating func add(_ name: String, _ value: String, default initial: String? = nil) {
    lines.append("  \(name): \(value)" + (value == initial ? " (default)" : ""))
  }

  mutating func add(_ name: String, _ value: Duration, default initial: Duration) {
    add(name, DurationText.format(value), default: DurationText.format(initial))
  }

  mutating func add(_ name: String, _ secret: Secret?) {
    if secret != nil { add(name, "***") }
  }

  mutating func add(_ account: RelayConfiguration.Account) {
    let policy = PollPolicy()
    let poll = account.poll
    heading("account \(account.idInstance)")
    add("apiUrl", Redaction.redact(account.apiURL), default: RelayConfiguration.Account.defaultAPIURL)
    add("apiTokenInstance", account.apiTokenInstance)
    add("wid", account.wid ?? "asked from getSettings", default: "asked from getSettings")
    add("typeInstance", account.typeInstance?.rawValue ?? "asked from getSettings", default: "asked from getSettings")
    add("startFrom", poll.startFrom.rawValue, default: policy.startFrom.rawValue)
    add("fillGaps", "\(poll.fillGaps)", default: "\(policy.fillGaps)")
    add("poll.interval", poll.interval, default: policy.interval)
    add("poll.idleInterval", poll.idleInterval, default: policy.idleInterval)
    add("poll.window", poll.window, default: policy.window)
    add("poll.retention", poll.retention, default: policy.retention)
  }

  mutating func add(_ destination: RelayConfiguration.Destination) {
    let policy = DeliveryPolicy()
    let delivery = destination.delivery
    heading("destination \(destination.name)")
    add("url", destination.url.map { Redaction.redact($0) } ?? "fromAccount")
    if let basic = destination.basicAuthentication { add("basic authentication", "\(basic.user):***") }
    add("webhookUrlToken", destination.webhookUrlToken)
    add("accounts", list(destination.accounts.map { $0.sorted().map(\.description) }), default: "all")
    add("statuses", list(destination.statuses.map { $0.map(\.rawValue).sorted() }), default: "all")
    add(destination.filter)
    if !destination.headers.isEmpty { add("headers", list(destination.headers.map { "\($0.name): ***" })) }
    let keys = destination.signingSecrets.count
    add("signingSecret", keys == 0 ? "none" : keys == 1 ? "***" : "\(keys) of them", default: "none")
    add("timeout", destination.timeout, default: .seconds(30))
    add("maxConcurrency", "\(delivery.maxConcurrency)", default: "\(policy.maxConcurrency)")
    add("rateLimit", delivery.rateLimit.map(\.text) ?? "none", default: "none")
    add("ordering", delivery.ordering.rawValue, default: policy.ordering.rawValue)
    add(
      "retry.schedule", list(delivery.retry.schedule.map(DurationText.format)),
      default: list(policy.retry.schedule.map(DurationText.format)))
    add("retry.jitter", "\(delivery.retry.jitter)", default: "\(policy.retry.jitter)")
    add("retry.giveUpAfter", delivery.retry.giveUpAfter, default: policy.retry.giveUpAfter)
    if let tls = destination.tls {
      for (name, path) in [
        ("caFile", tls.caFile), ("clientCertificateFile", tls.clientCertificateFile),
        ("clientKeyFile", tls.clientKeyFile),
      ] {
        if let path { add("tls.\(name)", path) }
      }
      add("tls.verify", "\(tls.verify)", default: "true")
    }
    switch destination.proxy {
    case .environment: add("proxy", "from the environment", default: "from the environment")
    case .none: add("proxy", "none")
    case .server(let url, let credentials):
      add("proxy", credentials == nil ? url : url.replacing("://", with: "://***@", maxReplacements: 1))
    }
  }

  private mutating func add(_ filter: NotificationFilter) {
    if let sendByApi = filter.sendByApi { add("filter.sendByApi", "\(sendByApi)") }
    if let chats = filter.chatIDs { add("filter.chatId", Self.listOrNone(chats.map(\.description))) }
    if let types = filter.typeMessages { add("filter.typeMessage", Self.listOrNone(types.sorted())) }
  }

  private static func listOrNone(_ items: [String]) -> String {
    items.isEmpty ? "none" : items.joined(separator: ", ")
  }

  private func list(_ items: [String]?) -> String { items.map { $0.joined(separator: ", ") } ?? "all" }
}

extension RateLimit {
  /// As the configuration writes it.
  fileprivate var text: String {
    let unit = period == .seconds(1) ? "s" : period == .seconds(60) ? "m" : period == .seconds(3600) ? "h" : nil
    return "\(count)/\(unit ?? DurationText.format(period))"
  }
}
