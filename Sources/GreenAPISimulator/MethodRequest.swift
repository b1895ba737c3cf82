import Foundation
import GreenAPI

/// A request to one of an instance's methods, taken from the documented path
/// `/waInstance{idInstance}/{method}/{apiTokenInstance}`, with `/v3` before it for MAX.
///
/// https://green-api.com/en/docs/api/
public struct MethodRequest: Sendable {
  public var idInstance: IDInstance
  public var method: APIMethod
  public var token: Secret
  public var hasV3Prefix: Bool
  public var isPost: Bool
  public var query: [String: String]
  public var body: [UInt8]

  public init(
    _ method: APIMethod, of idInstance: IDInstance, token: Secret, hasV3Prefix: Bool = false, isPost: Bool = false,
    query: [String: String] = [:], body: [UInt8] = []
  ) {
    self.idInstance = idInstance
    self.method = method
    self.token = token
    self.hasV3Prefix = hasV3Prefix
    self.isPost = isPost
    self.query = query
    self.body = body
  }

  /// As it was asked for, token included.
  var path: String { "\(hasV3Prefix ? "/v3" : "")/waInstance\(idInstance)/\(method.rawValue)/\(token.reveal())" }

  /// `nil` when the path is none of a method that the simulator knows.
  public init?(path: String, isPost: Bool = false, query: [String: String] = [:], body: [UInt8] = []) {
    var segments = path.split(separator: "/").map(String.init)
    let hasV3Prefix = segments.first == "v3"
    if hasV3Prefix { segments.removeFirst() }
    guard
      segments.count == 3, segments[0].hasPrefix("waInstance"),
      let idInstance = IDInstance(String(segments[0].dropFirst("waInstance".count))),
      let method = APIMethod(rawValue: segments[1]), let token = segments[2].removingPercentEncoding
    else { return nil }
    self.init(
      method, of: idInstance, token: Secret(token), hasV3Prefix: hasV3Prefix, isPost: isPost, query: query, body: body)
  }
}
