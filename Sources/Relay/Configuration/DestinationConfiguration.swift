import Curl
import Foundation
import GreenAPI
import RelayCore

extension RelayConfiguration {
  /// One webhook consumer to post to.
  public struct Destination: Hashable, Sendable {
    /// What the outbox knows it by.
    public var name: String
    /// http or https, with a host and without userinfo.
    public var url: String
    /// From the URL's userinfo. Never together with ``webhookUrlToken``: both are the Authorization header.
    public var basicAuthentication: BasicAuthentication?
    public var webhookUrlToken: Secret?
    /// `nil`: all.
    public var accounts: Set<IDInstance>?
    /// `nil`: all.
    public var statuses: Set<MessageStatus>?
    /// In the file's order; none that the relay itself sends.
    public var headers: [Header]
    /// Several while keys are rotated.
    public var signingSecrets: [SigningSecret]
    /// For one attempt, from connecting to the end of the answer.
    public var timeout: Duration
    public var delivery: DeliveryPolicy
    /// Its paths are absolute and could be read when the configuration was loaded.
    public var tls: TLSOptions?

    public init(
      name: String, url: String, basicAuthentication: BasicAuthentication? = nil, webhookUrlToken: Secret? = nil,
      accounts: Set<IDInstance>? = nil, statuses: Set<MessageStatus>? = nil, headers: [Header] = [],
      signingSecrets: [SigningSecret] = [], timeout: Duration = .seconds(30),
      delivery: DeliveryPolicy = DeliveryPolicy(), tls: TLSOptions? = nil
    ) {
      self.name = name
      self.url = url
      self.basicAuthentication = basicAuthentication
      self.webhookUrlToken = webhookUrlToken
      self.accounts = accounts
      self.statuses = statuses
      self.headers = headers
      self.signingSecrets = signingSecrets
      self.timeout = timeout
      self.delivery = delivery
      self.tls = tls
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
}
