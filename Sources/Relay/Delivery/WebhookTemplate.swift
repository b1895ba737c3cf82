import Curl
import GreenAPI
import RelayCore

/// What the requests to one destination have in common, and the making of one: DESIGN's "A delivery on the wire".
///
/// The `webhook-…` headers by Standard Webhooks:
/// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
struct WebhookTemplate: Sendable {
  let url: RequestURL
  private let fixed: [RelayConfiguration.Header]
  private let shared: HeaderList
  private let signingSecrets: [SigningSecret]
  /// Hides all that is configured for this destination and may open a door, in whatever the consumer answers.
  let redactor: Redactor
  private let timeouts: Timeouts
  private let tls: TLSOptions?
  private let proxy: String?

  /// Of an answer only the status counts: the beginning of the body is kept for the history, and a longer one is not waited for.
  private static let responseLimit = ResponseLimit.keep(first: AttemptReport.maximumExcerpt, discardUpTo: 64 << 10)
  private static let longestConnect = Duration.seconds(10)
  /// Marks what an operator's test has sent.
  static let testHeader = (name: "statusrelay-test", value: "true")

  init(_ destination: RelayConfiguration.Destination, to address: WebhookAddress) throws(CurlError) {
    url = RequestURL(address.url)
    var headers: [RelayConfiguration.Header] = [
      .init(name: "Content-Type", value: "application/json; charset=utf-8"),
      .init(name: "User-Agent", value: Version.userAgent),
    ]
    if let authorization = address.authorization {
      headers.append(.init(name: "Authorization", value: authorization.reveal()))
    }
    fixed = headers + destination.headers
    shared = try HeaderList(fixed.map { (name: $0.name, value: $0.value) })
    signingSecrets = destination.signingSecrets
    redactor = Redactor(Self.secrets(of: destination, at: address))
    timeouts = Timeouts(connect: min(destination.timeout, Self.longestConnect), total: destination.timeout)
    tls = destination.tls
    proxy = destination.proxy.forClient
  }

  private static func secrets(of destination: RelayConfiguration.Destination, at address: WebhookAddress) -> [Secret] {
    var secrets = destination.headers.map { Secret($0.value) } + destination.signingSecrets.map(\.text)
    for text in destination.signingSecrets.map({ $0.text.reveal() }) {
      // What follows whsec_ or whsk_ is what it is made of.
      if let prefix = text.firstIndex(of: "_") { secrets.append(Secret(String(text[text.index(after: prefix)...]))) }
    }
    secrets += [address.authorization, destination.webhookUrlToken].compactMap(\.self)
    secrets += address.secretURLParts
    if case .server(_, let credentials?) = destination.proxy {
      secrets += [credentials.authorization, credentials.password]
    }
    return secrets
  }

  func request(for notification: Notification, at now: UnixTime) -> HTTPRequest {
    HTTPRequest(
      method: .post, url: url, headers: headers(of: notification, at: now), sharedHeaders: shared,
      body: notification.body, timeouts: timeouts, responseLimit: Self.responseLimit, tls: tls, proxy: proxy,
      acceptCompression: false)
  }

  private func headers(of notification: Notification, at now: UnixTime) -> [(name: String, value: String)] {
    let timestamp = now.seconds
    var headers = [
      (name: "webhook-id", value: notification.webhookID), (name: "webhook-timestamp", value: String(timestamp)),
    ]
    if !signingSecrets.isEmpty {
      let signature = signingSecrets.header(
        webhookID: notification.webhookID, timestamp: timestamp, body: notification.body)
      headers.append((name: "webhook-signature", value: signature))
    }
    return headers
  }

  // MARK: Trying it out

  /// The same request, marked as a test, and its headers fit to be shown: a value from the configuration may open a door.
  func test(_ notification: Notification, at now: UnixTime) -> (
    request: HTTPRequest, shownHeaders: [TestExchange.Header]
  ) {
    var request = request(for: notification, at: now)
    request.headers.append(Self.testHeader)
    let own = ["content-type", "user-agent"]
    let shown =
      [(name: "Content-Length", value: "\(notification.body.count)")] + request.headers
      + fixed.map { (name: $0.name, value: own.contains($0.name.lowercased()) ? $0.value : Self.hidden($0.value)) }
    return (request, shown.map(TestExchange.Header.init))
  }

  /// `Bearer ***` for a token with its scheme before it, `***` else.
  private static func hidden(_ value: String) -> String {
    for scheme in ["Bearer ", "Basic "] where value.hasPrefix(scheme) { return scheme + "***" }
    return "***"
  }
}
