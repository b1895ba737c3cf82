/// One key of the configuration file.
public struct ConfigurationKey: Hashable, Sendable {
  /// From the top of the file: `accounts[].poll.interval`, where `[]` stands for each entry of a list.
  public let path: String
  /// What its value must be, as it follows "expected" in a message.
  public let form: String
  /// Its default, as it is written in the file; `nil` when it has none.
  public let initial: String?
  /// A value to begin with, when there is no default.
  public let example: String?
  public let isRequired: Bool
  /// What it does, in a line.
  public let summary: String

  /// The last part of the path.
  public var name: String { String(path.split(separator: ".").last ?? "").replacing("[]", with: "") }

  /// The path of the mapping it stands in; empty at the top.
  public var section: String { path.split(separator: ".").dropLast().joined(separator: ".") }
}

/// Every key of the configuration file, in the order of the file: the one table that unknown keys are checked against,
/// that the messages, the template of `statusrelay init` and the README's reference are made from.
public enum ConfigurationReference {
  public static let keys: [ConfigurationKey] = general + accounts + destinations

  /// The keys that may stand directly in a section.
  static func keys(in section: String) -> [ConfigurationKey] { bySection[section] ?? [] }

  /// The key of that path. Asking for one that isn't in the table is a mistake in this program, found by any test that
  /// gets there.
  static func key(_ path: String) -> ConfigurationKey {
    guard let key = byPath[path] else { preconditionFailure("\(path) is not in the table of keys") }
    return key
  }

  private static let bySection = Dictionary(grouping: keys, by: \.section)
  private static let byPath = Dictionary(uniqueKeysWithValues: keys.map { ($0.path, $0) })
}

// MARK: The table

extension ConfigurationReference {
  static let duration = "a duration such as \(DurationText.forms)"
  static let secret = "a text, {file: PATH}, {env: NAME} or {credential: NAME}"
  private static let mapping = "a mapping"

  private static func key(
    _ path: String, _ form: String, default initial: String? = nil, example: String? = nil, required: Bool = false,
    _ summary: String
  ) -> ConfigurationKey {
    ConfigurationKey(
      path: path, form: form, initial: initial, example: example, isRequired: required, summary: summary)
  }

  private static let general: [ConfigurationKey] = [
    key(
      "stateDirectory", "a path", example: "/var/lib/statusrelay",
      "where the outbox lives; else $STATE_DIRECTORY, $XDG_STATE_HOME/statusrelay, ~/.local/state/statusrelay"),
    key("log", mapping, "what is logged, to stderr"),
    key(
      "log.level", "trace, debug, info, notice, warning, error or critical", default: "info", "the least that is logged"
    ),
    key("log.format", "text, json or journald", example: "text", "the default is journald under systemd, else text"),
    key("admin", mapping, "health and the admin API over HTTP"),
    key(
      "admin.listen", "HOST:PORT or none", default: "127.0.0.1:8466",
      "where health and the admin API are served; none turns them off"),
    key("admin.token", secret, example: "{file: admin-token}", "demanded from visitors; a must when not on loopback"),
    key("outbox", mapping, "the durable store of what is on its way and what has been"),
    key(
      "outbox.synchronous", "full or normal", default: "full",
      "full survives a power cut; normal is faster and may forget the last moments, and then repeat them"),
    key("outbox.history", mapping, "how much of what is settled is kept to look at"),
    key("outbox.history.maximumAge", duration, default: "7d", "older history is deleted"),
    key("outbox.history.maximumCount", "a whole number above 0", default: "1000000", "the oldest beyond it is deleted"),
  ]

  private static let accounts: [ConfigurationKey] = [
    key("accounts", "a list of mappings", required: true, "the GREEN-API instances that are polled"),
    key(
      "accounts[].idInstance", "a number of 1 to 18 digits", example: "1101000001", required: true,
      "the instance's number, from GREEN-API's console"),
    key(
      "accounts[].apiUrl", "a URL such as https://1101.api.green-api.com", default: "https://api.green-api.com",
      "the instance's API address, from the console"),
    key(
      "accounts[].apiTokenInstance", secret, example: "{env: GREEN_API_TOKEN_INSTANCE}", required: true,
      "the instance's token, from the console"),
    key(
      "accounts[].wid", "a text such as 79991234567@c.us", example: "79991234567@c.us",
      "the account's own id; asked from getSettings when left out"),
    key(
      "accounts[].typeInstance", "whatsapp, v3 or telegram", example: "whatsapp",
      "the messenger; asked from getSettings when left out"),
    key(
      "accounts[].startFrom", "now or beginning", default: "now",
      "whether the first poll is announced (beginning) or only noted (now)"),
    key(
      "accounts[].fillGaps", "true or false", default: "false",
      "announce progress that no poll has seen, such as sent before read"),
    key("accounts[].poll", mapping, "how the account is polled"),
    key(
      "accounts[].poll.interval", "a duration from 1s to 1h", default: "5s",
      "between two polls while a message is on its way; GREEN-API's limit is 1s"),
    key(
      "accounts[].poll.idleInterval", "a duration from interval to 1h", default: "30s",
      "between two polls while none is"),
    key("accounts[].poll.window", "a duration from 2m to 30d", default: "24h", "how far back a poll looks"),
    key(
      "accounts[].poll.retention", "a duration of at least window", default: "72h",
      "how long a message is remembered after GREEN-API showed it last"),
  ]

  private static let destinations: [ConfigurationKey] = [
    key("destinations", "a list of mappings", required: true, "the webhook consumers that are posted to"),
    key(
      "destinations[].name", "up to 64 letters, digits, '-', '_' and '.'", example: "crm", required: true,
      "what lasts: a destination renamed is a new one"),
    key(
      "destinations[].url", "a URL such as https://crm.example.com/webhook, or fromAccount",
      example: "https://crm.example.com/webhook", required: true,
      "where notifications are posted; user:password@ before the host becomes basic authentication; fromAccount is each account's own webhookUrl, with its webhookUrlToken"
    ),
    key(
      "destinations[].webhookUrlToken", secret, example: "{env: STATUSRELAY_WEBHOOK_URL_TOKEN}",
      "sent as GREEN-API sends it, in Authorization"),
    key(
      "destinations[].accounts", "a list of idInstances", example: "[1101000001]",
      "whose notifications it gets; all when left out"),
    key(
      "destinations[].statuses", "a list of statuses", example: "[delivered, read, failed]",
      "which statuses it gets; all when left out"),
    key("destinations[].filter", mapping, "which of those notifications it gets"),
    key(
      "destinations[].filter.sendByApi", "true or false", example: "true",
      "only those of messages sent through the API (true), or otherwise (false)"),
    key(
      "destinations[].filter.chatId", "a chatId or a list of them, where * stands for any text and ? for one character",
      example: "[\"*@c.us\"]", "only those of these chats"),
    key(
      "destinations[].filter.typeMessage", "a typeMessage or a list of them", example: "[imageMessage, videoMessage]",
      "only those of messages of these types"),
    key("destinations[].headers", "a mapping of names to texts", example: "{X-Team: sales}", "further request headers"),
    key(
      "destinations[].signingSecret", "whsec_… or whsk_… as \(secret), or a list of them",
      example: "{file: signing-secret}",
      "adds Standard Webhooks signatures; a list while keys are rotated"),
    key(
      "destinations[].timeout", "a duration from 1s to 1h", default: "30s",
      "for one attempt, from connecting to the answer's end"),
    key("destinations[].maxConcurrency", "a whole number from 1 to 10000", default: "32", "attempts at once"),
    key(
      "destinations[].rateLimit", "a rate such as 50/s, 300/m or 1000/h", example: "50/s",
      "attempts in a time; no limit when left out"),
    key(
      "destinations[].ordering", "message, chat, account or none", default: "message",
      "what is kept in order; a failure holds up what is behind it there"),
    key("destinations[].retry", mapping, "when a failed delivery is attempted again"),
    key(
      "destinations[].retry.schedule", "a list of durations above 0s",
      default: "[5s, 30s, 2m, 10m, 30m, 1h, 3h, 6h, 12h, 24h]",
      "the wait after each failed attempt; one failure more and it is a dead letter"),
    key(
      "destinations[].retry.jitter", "a number from 0 to 1", default: "0.2",
      "the share by which each wait varies at random"),
    key("destinations[].retry.giveUpAfter", "a duration above 0s", default: "7d", "an older delivery is a dead letter"),
    key("destinations[].tls", mapping, "for an https URL that needs more than the system's certificates"),
    key("destinations[].tls.caFile", "a path", example: "/etc/statusrelay/ca.pem", "the authorities to trust, PEM"),
    key(
      "destinations[].tls.clientCertificateFile", "a path", example: "/etc/statusrelay/client.pem",
      "shown to the consumer, PEM"),
    key(
      "destinations[].tls.clientKeyFile", "a path", example: "/etc/statusrelay/client.key", "the certificate's key, PEM"
    ),
    key(
      "destinations[].tls.verify", "true or false", default: "true", "false accepts any certificate: for trials only"),
    key(
      "destinations[].proxy", "none, or a URL such as http://proxy.example.com:3128 as \(secret)",
      example: "http://proxy.example.com:3128",
      "an http, https, socks5 or socks5h proxy, with user:password@ if need be; else what http_proxy, https_proxy and no_proxy say"
    ),
  ]
}
