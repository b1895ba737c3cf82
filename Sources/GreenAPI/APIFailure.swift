/// An error that GREEN-API answered, classified: what it means, and whether it passes by itself.
///
/// https://green-api.com/en/docs/api/common-errors/
public struct APIFailure: Error, Hashable, Sendable {
  /// A closed set, shared by account states, logs and metrics.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Every SetSettings and every reboot restarts an instance, for up to 5 minutes.
    case starting
    /// The answer leaves open which; ``InstanceState`` tells.
    case startingOrNotAuthorized
    case notAuthorized
    /// By the messenger.
    case blocked
    /// The messenger has suspended the account for a while. GREEN-API's instances call this `suspended` since July 2026.
    case yellowCard
    case sleepMode
    case pendingPassword
    case pendingCode
    /// The tariff has run out.
    case expired
    case deleted
    case badRequest
    case wrongToken
    case noAccess
    /// The owner's account at GREEN-API, with all its instances.
    case suspended
    /// This machine's address, by the server before GREEN-API.
    case addressRefused
    case notFound
    case rateLimited
    case quotaExceeded
    case serverTrouble
    case unexpectedAnswer
  }

  public enum Nature: Sendable {
    /// Try again, a little later each time.
    case passesByItself
    /// Over within minutes as a rule: try again at a steady pace. A person's matter when it takes longer than that.
    case passesSoon
    /// Trying soon is no use; say what to do and look again now and then.
    case needsAPerson
    /// Over the rate limit: fewer requests.
    case slowDown
  }

  public let kind: Kind
  /// As answered: 200 for an error in disguise.
  public let httpStatus: Int
  /// What GREEN-API said, shortened, on one line.
  public let detail: String

  public init(kind: Kind, httpStatus: Int, detail: String) {
    self.kind = kind
    self.httpStatus = httpStatus
    self.detail = detail
  }

  /// Of a body's bytes no more than these are looked at for what kind of error it is, and what is shown of it.
  public static let bytesLookedAt = 1024

  /// Of an error's body nothing behind these is needed: an object of JSON is understood as a whole only, and both quotas with their
  /// descriptions stay well below this.
  public static let longestBody = 4096

  /// Classifies an answer outside 2xx by its status and the text of its body, plain or in whatever JSON it comes.
  public init(httpStatus: Int, body: [UInt8]) {
    let text = String(decoding: body.prefix(Self.bytesLookedAt), as: UTF8.self)
    let kind = Kind(httpStatus: httpStatus, text: text)
    self.init(
      kind, httpStatus: httpStatus,
      saying: ErrorObject(body.prefix(Self.longestBody))?.text.map { [UInt8]($0.utf8) } ?? body)
  }

  init(_ kind: Kind, httpStatus: Int, saying text: [UInt8]) {
    let detail = kind == .quotaExceeded ? TariffQuota.detail(of: text) : AnswerExcerpt.shown(text)
    self.init(kind: kind, httpStatus: httpStatus, detail: detail)
  }

  public var nature: Nature {
    switch kind {
    case .starting, .startingOrNotAuthorized: .passesSoon
    case .notFound, .serverTrouble, .unexpectedAnswer: .passesByItself
    case .rateLimited: .slowDown
    case .notAuthorized, .blocked, .yellowCard, .sleepMode, .pendingPassword, .pendingCode, .expired, .deleted,
      .badRequest, .wrongToken, .noAccess, .suspended, .addressRefused, .quotaExceeded:
      .needsAPerson
    }
  }
}

extension APIFailure.Kind {
  init(httpStatus: Int, text: String) {
    let text = Self.comparable(text)
    self =
      switch httpStatus {
      case 400: Self(documented: text) ?? (text.contains("internal server error") ? .serverTrouble : .badRequest)
      case 401: Self(ofInstance: text) ?? .wrongToken
      case 403: Self(ofInstance: text) ?? (text.hasPrefix("<") || text.contains("<html") ? .addressRefused : .noAccess)
      case 404: Self(ofInstance: text) ?? .notFound
      case 429: .rateLimited
      case 466: .quotaExceeded
      case 408, 425, 499, 500...599: .serverTrouble
      default: .unexpectedAnswer
      }
  }

  /// What the reason of an error in disguise tells: one of the texts, or the name of the HTTP status that should have come with it.
  init(reason: String) {
    let text = Self.comparable(reason)
    let words: [(String, Self)] = [
      ("internal server error", .serverTrouble), ("unauthorized", .wrongToken), ("forbidden", .noAccess),
      ("not found", .notFound), ("too many requests", .rateLimited), ("quota", .quotaExceeded),
      ("quote", .quotaExceeded), ("invokestatus", .quotaExceeded),
      ("client closed request", .serverTrouble), ("bad gateway", .serverTrouble),
      ("service unavailable", .serverTrouble), ("gateway timeout", .serverTrouble),
    ]
    self = Self(documented: text) ?? words.first { text.contains($0.0) }?.1 ?? .unexpectedAnswer
  }

  private static func comparable(_ text: String) -> String {
    text.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// The documented texts of errors with HTTP status 400.
  private init?(documented text: String) {
    if let kind = Self(ofInstance: text) {
      self = kind
    } else if text.contains("not authorized") {
      self = .notAuthorized
    } else if text.contains("bad request data") || text.contains("validation failed") {
      self = .badRequest
    } else {
      return nil
    }
  }

  /// Those that say so plainly what an instance's matter is that the HTTP status makes no difference.
  private init?(ofInstance text: String) {
    let texts: [(String, Self)] = [
      ("starting process", .starting), ("starting or not authorized", .startingOrNotAuthorized),
      ("account not authorized", .notAuthorized), ("account is expired", .expired), ("renew your instance", .expired),
      ("instance is deleted", .deleted), ("account is suspended", .suspended),
    ]
    guard let kind = texts.first(where: { text.contains($0.0) })?.1 else { return nil }
    self = kind
  }
}
