import GreenAPI

/// An error as GREEN-API answers it: each text that is documented or was seen. ``Fault/Effect/error(_:as:)`` answers it on demand.
///
/// https://green-api.com/en/docs/api/common-errors/
public enum ErrorAnswer: String, Hashable, Sendable, Codable, CaseIterable {
  case starting
  case startingOrNotAuthorized
  case notAuthorized
  case expired
  case deleted
  case badRequest
  case validationFailed
  /// HTTP 400 with the text of 500: green-api/issues #790.
  case internalError400
  case wrongToken
  case noAccess
  case suspended
  /// The page of the nginx before GREEN-API.
  case addressRefused
  case notFound
  case rateLimited
  /// The quota of the method's requests.
  case quotaExceeded
  /// The quota of correspondents, while that of requests is not used up.
  case correspondentsExceeded
  /// Both.
  case quotasExceeded
  /// HTTP 466 with a body that is cut off.
  case brokenQuota
  case clientClosedRequest
  case internalError
  case badGateway
  case unavailable
  case gatewayTimeout
  /// 404 with a text that has the request's path in it, token included.
  case pathEcho

  /// How the text of an error is wrapped.
  public enum Form: String, Hashable, Sendable, Codable, CaseIterable {
    /// As GREEN-API answers it.
    case usual
    /// `{"statusCode":400,"message":"…"}`, with slashes escaped.
    case json
    /// 200 with `{"status":false,"reason":"…"}`.
    case disguised
  }

  public var status: Int {
    switch self {
    case .starting, .startingOrNotAuthorized, .notAuthorized, .expired, .deleted, .badRequest, .validationFailed,
      .internalError400:
      400
    case .wrongToken: 401
    case .noAccess, .suspended, .addressRefused: 403
    case .notFound, .pathEcho: 404
    case .rateLimited: 429
    case .quotaExceeded, .correspondentsExceeded, .quotasExceeded, .brokenQuota: 466
    case .clientClosedRequest: 499
    case .internalError: 500
    case .badGateway: 502
    case .unavailable: 503
    case .gatewayTimeout: 504
    }
  }

  /// The body.
  /// - Parameter path: the request's, token included.
  func text(_ method: APIMethod, path: String) -> String {
    switch self {
    case .starting: "instance in starting process try later"
    case .startingOrNotAuthorized: "instance is starting or not authorized"
    case .notAuthorized: "instance account not authorized"
    case .expired: "Instance account is expired. Renew your instance from personal area"
    case .deleted: "Instance is deleted"
    case .badRequest: "bad request data"
    case .validationFailed: "Validation failed. Details: 'minutes' must be a positive number"
    case .internalError400, .internalError: "Internal Server Error"
    case .wrongToken: "Unauthorized"
    case .noAccess: "Forbidden"
    case .suspended: "Your account is suspended"
    case .addressRefused: Self.page("403 Forbidden")
    case .notFound: "Not Found"
    case .rateLimited: "Too Many Requests"
    case .quotaExceeded: Self.quotas(Self.invoke(method, 100))
    case .correspondentsExceeded: Self.quotas(Self.invoke(method, 7), Self.correspondents)
    case .quotasExceeded: Self.quotas(Self.invoke(method, 100), Self.correspondents)
    case .brokenQuota: #"{"invokeStatus":{"method":"sendmessage","used":"#
    case .clientClosedRequest: "Client Closed Request"
    case .badGateway: "Bad Gateway"
    case .unavailable: "Service Unavailable"
    case .gatewayTimeout: "Gateway Timeout"
    case .pathEcho: "Cannot GET \(path)"
    }
  }

  func answer(_ method: APIMethod, path: String, as form: Form = .usual) -> Answer {
    let text = text(method, path: path)
    switch form {
    case .usual:
      var answer = Answer(status: status, text: text)
      if text.hasPrefix("{") { answer.contentType = Answer.jsonType }
      if text.hasPrefix("<") { answer.contentType = "text/html" }
      return answer
    case .json: return Self.json(#"{"statusCode":\#(status),"message":"\#(Self.escaped(text))"}"#, status: status)
    case .disguised: return Self.json(#"{"status":false,"reason":"\#(Self.escaped(text))"}"#, status: 200)
    }
  }

  private static func json(_ text: String, status: Int) -> Answer {
    var answer = Answer(status: status, text: text)
    answer.contentType = Answer.jsonType
    return answer
  }

  private static func escaped(_ text: String) -> String {
    text.replacing(#"\"#, with: #"\\"#).replacing("\"", with: #"\""#).replacing("/", with: #"\/"#)
      .replacing("\r\n", with: #"\r\n"#)
  }

  /// As nginx writes it.
  private static func page(_ title: String) -> String {
    [
      "<html>", "<head><title>\(title)</title></head>", "<body>", "<center><h1>\(title)</h1></center>",
      "<hr><center>nginx</center>", "</body>", "</html>", "",
    ].joined(separator: "\r\n")
  }

  // https://green-api.com/en/docs/api/466-error-example-body/

  private static func quotas(_ members: JSON.Member...) -> String {
    String(decoding: JSON.object(members).bytes, as: UTF8.self)
  }

  private static func invoke(_ method: APIMethod, _ used: Int) -> JSON.Member {
    let isExceeded = used >= 100
    return JSON.Member(
      name: "invokeStatus",
      value: [
        "method": .string(method.rawValue.lowercased()), "used": .integer(Int64(used)), "total": 100,
        "status": isExceeded ? "QUOTE_EXCEEDED" : "QUOTE_ALLOWED",
        "description": isExceeded ? "The simulated account has used up this month's quota" : "",
      ])
  }

  private static let correspondents = JSON.Member(
    name: "correspondentsStatus",
    value: [
      "used": 3, "total": 3, "status": "CORRESPONDENTS_QUOTE_EXCEEDED",
      "description": "The simulated account has written to as many chats as its tariff allows",
    ])
}
