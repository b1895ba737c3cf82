import Curl
import GreenAPI
import RelayCore

/// What the requests to one destination have in common, and the making of one: DESIGN's "A delivery on the wire".
///
/// `Authorization` as GREEN-API sends it: https://green-api.com/en/docs/api/receiving/technology-webhook-endpoint/ . The `webhook-…`
/// headers by Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
struct WebhookTemplate: Sendable {
  private let url: String
  private let shared: HeaderList
  private let signingSecrets: [SigningSecret]
  private let timeouts: Timeouts
  private let tls: TLSOptions?

  /// Of an answer only the status counts: the beginning of the body is kept for the history, and a longer one is not waited for.
  private static let responseLimit = ResponseLimit.keep(first: AttemptReport.maximumExcerpt, discardUpTo: 64 << 10)
  private static let longestConnect = Duration.seconds(10)

  init(_ destination: RelayConfiguration.Destination) throws(CurlError) {
    url = destination.url
    var headers = [
      (name: "Content-Type", value: "application/json; charset=utf-8"), (name: "User-Agent", value: Version.userAgent),
    ]
    if let authorization = Self.authorization(destination) {
      headers.append((name: "Authorization", value: authorization))
    }
    shared = try HeaderList(headers + destination.headers.map { (name: $0.name, value: $0.value) })
    signingSecrets = destination.signingSecrets
    timeouts = Timeouts(connect: min(destination.timeout, Self.longestConnect), total: destination.timeout)
    tls = destination.tls
  }

  func request(for notification: Notification, at now: UnixTime) -> HTTPRequest {
    let timestamp = now.seconds
    var headers = [
      (name: "webhook-id", value: notification.webhookID), (name: "webhook-timestamp", value: String(timestamp)),
    ]
    if !signingSecrets.isEmpty {
      let signature = signingSecrets.header(
        webhookID: notification.webhookID, timestamp: timestamp, body: notification.body)
      headers.append((name: "webhook-signature", value: signature))
    }
    return HTTPRequest(
      method: .post, url: url, headers: headers, sharedHeaders: shared, body: notification.body, timeouts: timeouts,
      responseLimit: Self.responseLimit, tls: tls, acceptCompression: false)
  }

  private static func authorization(_ destination: RelayConfiguration.Destination) -> String? {
    if let token = destination.webhookUrlToken?.reveal() {
      return token.hasPrefix("Basic ") || token.hasPrefix("Bearer ") ? token : "Bearer \(token)"
    }
    return destination.basicAuthentication?.authorization.reveal()
  }
}
