/// A method of GREEN-API that this project knows, by its name in the path.
public enum APIMethod: String, Sendable, CaseIterable {
  case getOutgoingStatuses
  case getSettings
  case getStatusStatistic
  case lastOutgoingMessages
  case getStateInstance
  case sendTextStatus
}

/// Where one instance's methods are found, and the token that opens them.
///
/// https://green-api.com/en/docs/api/ : `{apiUrl}/waInstance{idInstance}/{method}/{apiTokenInstance}`; an instance of MAX
/// (`typeInstance` `v3`) has `/v3` before `/waInstance`. Users write that `/v3` into their `apiUrl` or leave it out; both work.
public struct Endpoint: Hashable, Sendable {
  public let idInstance: IDInstance
  private let token: Secret
  /// `apiUrl` without slashes at its end, with `/v3` exactly once where it belongs.
  private let base: String

  public init(apiURL: String, idInstance: IDInstance, apiTokenInstance: Secret, typeInstance: TypeInstance? = nil) {
    var base = apiURL[...]
    while base.hasSuffix("/") { base.removeLast() }
    let isV3 = base.hasSuffix("/v3")
    self.base = String(base) + (typeInstance == .v3 && !isV3 ? "/v3" : "")
    self.idInstance = idInstance
    self.token = apiTokenInstance
  }

  /// What must not be seen of the requests made here, wherever an answer repeats it.
  public var secrets: [Secret] { [token] }

  /// Whether an `apiUrl` itself says that the instance is one of MAX.
  public static func isV3(apiURL: String) -> Bool {
    var base = apiURL[...]
    while base.hasSuffix("/") { base.removeLast() }
    return base.hasSuffix("/v3")
  }

  /// The URL to ask, token included: for the request alone, never to be shown.
  public func url(_ method: APIMethod, query: [(name: String, value: String)] = []) -> String {
    path(method, base: base, token: token.reveal().percentEncoded, query: query)
  }

  /// The same URL as it may be logged.
  public func redactedURL(_ method: APIMethod, query: [(name: String, value: String)] = []) -> String {
    path(method, base: shownBase, token: "***", query: query)
  }

  private func path(
    _ method: APIMethod, base: String, token: String, query: [(name: String, value: String)]
  ) -> String {
    let query = query.map { "\($0.name)=\($0.value.percentEncoded)" }.joined(separator: "&")
    return "\(base)/waInstance\(idInstance)/\(method.rawValue)/\(token)" + (query.isEmpty ? "" : "?\(query)")
  }

  /// ``base`` without a user's name and password, which an `apiUrl` of a proxy may have.
  private var shownBase: String { Redaction.redact(base) }
}

extension Endpoint: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "\(shownBase)/waInstance\(idInstance)" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

extension String {
  /// Everything but RFC 3986's unreserved characters as `%XX`.
  var percentEncoded: String {
    var result = ""
    for byte in utf8 {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += byte < 16 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return result
  }
}
