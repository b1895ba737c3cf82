import Curl
import Foundation
import GreenAPI
import RelayCore

extension RelayConfiguration {
  /// One webhook consumer to post to.
  public struct Destination: Hashable, Sendable {
    /// What the outbox knows it by.
    public var name: String
    /// http or https, with a host and without userinfo. `nil`: `fromAccount`, the `webhookUrl` in each account's own settings at
    /// GREEN-API, with the `webhookUrlToken` there.
    public var url: String?
    /// From the URL's userinfo. Never together with ``webhookUrlToken``: both are the Authorization header.
    public var basicAuthentication: BasicAuthentication?
    public var webhookUrlToken: Secret?
    /// `nil`: all.
    public var accounts: Set<IDInstance>?
    /// `nil`: all.
    public var statuses: Set<MessageStatus>?
    public var filter: NotificationFilter
    /// In the file's order; none that the relay itself sends.
    public var headers: [Header]
    /// Several while keys are rotated.
    public var signingSecrets: [SigningSecret]
    /// For one attempt, from connecting to the end of the answer.
    public var timeout: Duration
    public var delivery: DeliveryPolicy
    /// Its paths are absolute and could be read when the configuration was loaded.
    public var tls: TLSOptions?
    public var proxy: Proxy

    public init(
      name: String, url: String?, basicAuthentication: BasicAuthentication? = nil, webhookUrlToken: Secret? = nil,
      accounts: Set<IDInstance>? = nil, statuses: Set<MessageStatus>? = nil,
      filter: NotificationFilter = NotificationFilter(), headers: [Header] = [], signingSecrets: [SigningSecret] = [],
      timeout: Duration = .seconds(30), delivery: DeliveryPolicy = DeliveryPolicy(), tls: TLSOptions? = nil,
      proxy: Proxy = .environment
    ) {
      self.name = name
      self.url = url
      self.basicAuthentication = basicAuthentication
      self.webhookUrlToken = webhookUrlToken
      self.accounts = accounts
      self.statuses = statuses
      self.filter = filter
      self.headers = headers
      self.signingSecrets = signingSecrets
      self.timeout = timeout
      self.delivery = delivery
      self.tls = tls
      self.proxy = proxy
    }
  }

  /// A request header that is added to every attempt; no line breaks in it.
  public struct Header: Hashable, Sendable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// User and password of HTTP's Basic scheme, RFC 7617.
  public struct BasicAuthentication: Hashable, Sendable {
    public var user: String
    public var password: Secret

    public init(user: String, password: Secret) {
      self.user = user
      self.password = password
    }

    /// The value of the Authorization header.
    public var authorization: Secret {
      Secret("Basic " + Data("\(user):\(password.reveal())".utf8).base64EncodedString())
    }
  }

  /// What stands between the relay and a consumer.
  public enum Proxy: Hashable, Sendable {
    /// What `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` say.
    case environment
    case none
    /// http, https, socks5 or socks5h, with a port and without userinfo; `socks5h` leaves looking up names to the proxy.
    case server(url: String, credentials: BasicAuthentication?)

    static let schemes = ["http", "https", "socks5", "socks5h"]

    /// As the HTTP client takes it: "" for none, `nil` for the environment's. It may hold a password.
    public var forClient: String? {
      switch self {
      case .environment: nil
      case .none: ""
      case .server(let url, let credentials?):
        url.replacing("://", with: "://\(credentials.percentEncoded)@", maxReplacements: 1)
      case .server(let url, nil): url
      }
    }
  }
}

extension RelayConfiguration.BasicAuthentication {
  /// `user:password` as it stands in a URL.
  fileprivate var percentEncoded: String {
    [user, password.reveal()].map { part in
      part.utf8.map { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          String(UnicodeScalar(byte))
        default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
      }.joined()
    }.joined(separator: ":")
  }
}
