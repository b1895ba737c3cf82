/// An answer of GREEN-API outside 2xx, classified: what it means, and whether it passes by itself.
///
/// https://green-api.com/en/docs/api/common-errors/
public struct APIFailure: Error, Hashable, Sendable {
  /// A closed set, shared by account states, logs and metrics.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case starting
    case notAuthorized
    case badRequest
    case wrongToken
    case noAccess
    case rateLimited
    case quotaExceeded
    case serverTrouble
    case unexpectedAnswer
  }

  public enum Nature: Sendable {
    /// Try again, a little later each time.
    case passesByItself
    /// Trying soon is no use; say what to do and look again now and then.
    case needsAPerson
    /// Over the rate limit: fewer requests.
    case slowDown
  }

  public let kind: Kind
  public let httpStatus: Int
  /// What GREEN-API said, shortened, on one line.
  public let detail: String

  public init(kind: Kind, httpStatus: Int, detail: String) {
    self.kind = kind
    self.httpStatus = httpStatus
    self.detail = detail
  }

  /// Classifies an answer by its status and the text of its body (only the first 512 bytes are looked at).
  public init(httpStatus: Int, body: [UInt8]) {
    let text = String(decoding: body.prefix(512), as: UTF8.self)
    let lowercased = text.lowercased()
    let kind: Kind =
      switch httpStatus {
      case 400 where lowercased.contains("starting process"): .starting
      case 400 where lowercased.contains("not authorized"): .notAuthorized
      case 400 where lowercased.contains("internal server error"): .serverTrouble
      case 400: .badRequest
      case 401: .wrongToken
      case 403: .noAccess
      case 429: .rateLimited
      case 466: .quotaExceeded
      case 408, 425, 499, 500...599: .serverTrouble
      default: .unexpectedAnswer
      }
    self.init(kind: kind, httpStatus: httpStatus, detail: Self.shown(text))
  }

  /// One line that is safe to print: redacted before it is cut, so that no half of a secret slips through, and without
  /// control characters, which could act on a terminal.
  private static func shown(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    let printable = line.unicodeScalars.filter { $0.properties.generalCategory != .control }
    return String(Redaction.redact(String(String.UnicodeScalarView(printable))).prefix(200))
  }

  public var nature: Nature {
    switch kind {
    case .starting, .serverTrouble, .unexpectedAnswer: .passesByItself
    case .rateLimited: .slowDown
    case .notAuthorized, .badRequest, .wrongToken, .noAccess, .quotaExceeded: .needsAPerson
    }
  }

  /// What a person should do, in one sentence; `nil` where waiting is enough.
  public var advice: String? {
    switch kind {
    case .starting, .serverTrouble, .unexpectedAnswer: nil
    case .rateLimited:
      "Something else polls this instance too: stop it (GREEN-API's own web chat does, while its tab is open), or raise poll.interval."
    case .notAuthorized: "Link the phone to the instance again in GREEN-API's console."
    case .badRequest: "Check idInstance, apiUrl and typeInstance of the account."
    case .wrongToken: "Put the instance's current apiTokenInstance into the configuration."
    case .noAccess:
      "Check idInstance; if it is right, ask GREEN-API's support for access to the beta status methods."
    case .quotaExceeded: "The tariff's monthly quota is used up: change the tariff in GREEN-API's console."
    }
  }
}

extension APIFailure: CustomStringConvertible {
  public var description: String {
    let said = detail.isEmpty ? "" : " (\(detail))"
    let meaning =
      switch kind {
      case .starting: "the instance is starting"
      case .notAuthorized: "the instance is not authorized"
      case .badRequest: "GREEN-API refused the request"
      case .wrongToken: "GREEN-API does not accept apiTokenInstance"
      case .noAccess: "wrong idInstance, or no access to the beta status methods"
      case .rateLimited: "over the rate limit of 1 request a second"
      case .quotaExceeded: "the quota is used up"
      case .serverTrouble: "GREEN-API has trouble"
      case .unexpectedAnswer: "an unexpected answer"
      }
    return "HTTP \(httpStatus): \(meaning)\(said)"
  }
}
