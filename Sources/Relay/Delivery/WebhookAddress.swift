import Crypto
import GreenAPI

/// Where a destination's requests go, and what lets them in.
public struct WebhookAddress: Hashable, Sendable {
  /// http or https, with a host and without userinfo.
  public let url: String
  /// The value of the Authorization header.
  public let authorization: Secret?

  /// A configured one; `nil` for `url: fromAccount`.
  init?(_ destination: RelayConfiguration.Destination) {
    guard let url = destination.url else { return nil }
    self.url = url
    authorization =
      destination.webhookUrlToken.map(Self.authorization) ?? destination.basicAuthentication?.authorization
  }

  /// The one in an account's own settings. Its token wins over a user in the URL, as it does at GREEN-API.
  public init(_ settings: AccountSettings) throws(MissingAddress) {
    guard let text = settings.webhookURL else { throw .notSet }
    do throws(HTTPAddress.Fault) {
      let address = try HTTPAddress(text.trimming(while: \.isWhitespace))
      url = address.url
      let user = address.user.map {
        RelayConfiguration.BasicAuthentication(user: $0, password: Secret(address.password ?? ""))
      }
      authorization = settings.webhookURLToken.map(Self.authorization) ?? user?.authorization
    } catch {
      throw .unusable("it \(error.what)")
    }
  }

  /// As GREEN-API sends a token: https://green-api.com/en/docs/api/receiving/technology-webhook-endpoint/
  private static func authorization(token: Secret) -> Secret {
    let text = token.reveal()
    return text.hasPrefix("Basic ") || text.hasPrefix("Bearer ") ? token : Secret("Bearer \(text)")
  }

  /// The values of its query, which may open a door.
  var secretURLParts: [Secret] {
    guard let query = url.split(separator: "?", maxSplits: 1).dropFirst().first else { return [] }
    return query.prefix { $0 != "#" }.split(separator: "&").compactMap { pair in
      pair.firstIndex(of: "=").map { Secret(String(pair[pair.index(after: $0)...])) }
    }
  }

  /// Fit to be shown.
  public var shown: String { Redaction.redact(url) }

  /// What the outbox remembers an address by: the SHA-256 of its URL, in hexadecimal.
  var digest: String {
    let digits = Array("0123456789abcdef")
    return String(SHA256.hash(data: Array(url.utf8)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}

/// Why there is nowhere to send a destination's deliveries to as yet. They wait for as long as it lasts.
public enum MissingAddress: Error, Hashable, Sendable {
  /// The account has not been asked for its settings yet, or has not answered.
  case notKnown
  /// The account's webhookUrl is empty.
  case notSet
  /// What is there can't be used, for this reason; the reason holds no secret.
  case unusable(String)
  /// No request can be made with what is configured or set in the account, for this reason.
  case unsendable(String)

  public var advice: String {
    switch self {
    case .notKnown: "It is asked for again and again; see how the account fares."
    case .notSet, .unusable:
      "Set webhookUrl in the instance's settings at GREEN-API, which are read every hour, or give the destination a url of its own."
    case .unsendable: "Check the destination's headers, and the webhookUrlToken."
    }
  }
}

extension MissingAddress: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notKnown: "the account's webhookUrl is not known yet"
    case .notSet: "the account has no webhookUrl"
    case .unusable(let why): "the account's webhookUrl can't be used: \(why)"
    case .unsendable(let why): "no request can be made: \(why)"
    }
  }
}

extension String {
  fileprivate func trimming(while isUnwanted: (Character) -> Bool) -> String {
    var rest = self[...]
    while let first = rest.first, isUnwanted(first) { rest.removeFirst() }
    while let last = rest.last, isUnwanted(last) { rest.removeLast() }
    return String(rest)
  }
}
