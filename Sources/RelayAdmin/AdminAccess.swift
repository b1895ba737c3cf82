import Foundation
import GreenAPI
import HTTPTypes
import Hummingbird

/// Who may use the admin API.
public enum AdminAccess: Sendable, Hashable {
  /// Whoever can write to the socket.
  case everyone
  /// Programs on this machine, but no page in a browser on it.
  case localPrograms
  /// Whoever shows the token, as `Authorization: Bearer`.
  case bearers(of: Secret)
}

extension AdminAccess: RouterMiddleware {
  public typealias Context = BasicRequestContext

  public func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    switch self {
    case .everyone: break
    case .localPrograms: try Self.refusePages(request)
    case .bearers(let token): try Self.demand(token, request)
    }
    return try await next(request, context)
  }

  private static func demand(_ token: Secret, _ request: Request) throws {
    let given = request.headers[.authorization].map { Array($0.utf8) } ?? []
    guard equal(given, Array("Bearer \(token.reveal())".utf8)) else {
      throw HTTPError(
        .unauthorized, headers: [.wwwAuthenticate: "Bearer"], message: "the admin token is missing or wrong")
    }
  }

  /// Takes the same time wherever the two differ.
  private static func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// A browser names the page that a request comes from in `Origin`; and where a page's own name is made to lead to this machine, that
  /// name stands in `Host` (DNS rebinding).
  private static func refusePages(_ request: Request) throws {
    if let origin = HTTPField.Name("Origin"), request.headers.contains(origin) {
      throw HTTPError(
        .forbidden,
        message: "web pages may not use the admin API: the request has an Origin. Set admin.token to allow it")
    }
    if let host = request.head.authority, !isOfThisMachine(host) {
      throw HTTPError(
        .forbidden,
        message: "Host is neither an IP address nor localhost. Ask by one of these, or set admin.token")
    }
  }

  /// - Parameter authority: a `Host` header.
  static func isOfThisMachine(_ authority: String) -> Bool {
    if let match = authority.wholeMatch(of: #/\[([0-9A-Fa-f:.]+)\](?::\d*)?/#) { return isIPv6(String(match.output.1)) }
    guard let match = authority.wholeMatch(of: #/([A-Za-z0-9.\-]+)(?::\d*)?/#) else { return false }
    let host = String(match.output.1)
    return host.lowercased() == "localhost" || isIPv4(host)
  }

  private static func isIPv4(_ text: String) -> Bool {
    var address = in_addr()
    return inet_pton(AF_INET, text, &address) == 1
  }

  private static func isIPv6(_ text: String) -> Bool {
    var address = in6_addr()
    return inet_pton(AF_INET6, text, &address) == 1
  }
}
