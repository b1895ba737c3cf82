import Foundation
import NIOConcurrencyHelpers
import TestServers

@testable import Curl

/// A proxy on a free port: HTTP's, for plain requests and CONNECT, or SOCKS5. Every host is 127.0.0.1 to it.
final class TestProxy: Sendable {
  enum Kind: Sendable {
    case http, socks5
  }

  struct Call: Sendable {
    /// `CONNECT host:port HTTP/1.1`, `POST http://… HTTP/1.1` or `SOCKS5 host:port`.
    var line: String
    var headers: [String] = []
    /// `user:password`, as it came.
    var credentials: String?
  }

  private let calls = NIOLockedValueBox<[Call]>([])
  private let server: ScriptedServer

  /// - Parameter credentials: `user:password`; `nil` lets everyone in.
  init(_ kind: Kind = .http, credentials: String? = nil) {
    let calls = calls
    server = ScriptedServer { connection in
      switch kind {
      case .http: Self.serveHTTP(connection, credentials) { call in calls.withLockedValue { $0.append(call) } }
      case .socks5: Self.serveSOCKS(connection, credentials) { call in calls.withLockedValue { $0.append(call) } }
      }
    }
  }

  var port: UInt16 { server.port }
  var allCalls: [Call] { calls.withLockedValue { $0 } }

  func stop() { server.stop() }

  // MARK: HTTP

  private static func serveHTTP(_ connection: ServerConnection, _ credentials: String?, note: (Call) -> Void) {
    guard let request = connection.readRequest() else { return }
    let given = request.header("Proxy-Authorization").map { value in
      Data(base64Encoded: String(value.dropFirst("Basic ".count))).map { String(decoding: $0, as: UTF8.self) } ?? value
    }
    note(Call(line: request.line, headers: request.headers, credentials: given))
    guard credentials == nil || given == credentials else {
      connection.answer("407 Proxy Authentication Required", headers: ["Proxy-Authenticate: Basic realm=\"test\""])
      return
    }
    let words = request.line.split(separator: " ")
    guard words.count == 3 else { return }
    if words[0] == "CONNECT" {
      guard let port = port(of: words[1]) else { return }
      connection.send("HTTP/1.1 200 Connection established\r\n\r\n")
      splice(connection.descriptor, toPort: port)
    } else {
      let authority = words[1].dropFirst("http://".count).prefix { $0 != "/" }
      guard let port = port(of: authority) else { return }
      let head = ([request.line] + request.headers).joined(separator: "\r\n") + "\r\n\r\n"
      splice(connection.descriptor, toPort: port, beginningWith: Array(head.utf8) + request.body)
    }
  }

  private static func port(of authority: Substring) -> UInt16? {
    authority.lastIndex(of: ":").flatMap { UInt16(authority[authority.index(after: $0)...]) }
  }

  // MARK: SOCKS5, RFC 1928 and RFC 1929

  private static func serveSOCKS(_ connection: ServerConnection, _ credentials: String?, note: (Call) -> Void) {
    func text() -> String? {
      connection.readBytes(1).flatMap { connection.readBytes(Int($0[0])) }.map { String(decoding: $0, as: UTF8.self) }
    }
    guard let greeting = connection.readBytes(2), connection.readBytes(Int(greeting[1])) != nil else { return }
    var given: String?
    if let credentials {
      connection.send([5, 2])
      guard connection.readBytes(1) != nil, let user = text(), let password = text() else { return }
      given = "\(user):\(password)"
      connection.send([1, given == credentials ? 0 : 1])
      guard given == credentials else { return note(Call(line: "SOCKS5 refused", credentials: given)) }
    } else {
      connection.send([5, 0])
    }
    guard let request = connection.readBytes(4) else { return }
    let host: String?
    switch request[3] {
    case 1: host = connection.readBytes(4).map { $0.map(String.init).joined(separator: ".") }
    case 3: host = text()
    default: host = nil
    }
    guard let host, let port = connection.readBytes(2).map({ UInt16($0[0]) << 8 | UInt16($0[1]) }) else { return }
    note(Call(line: "SOCKS5 \(host):\(port)", credentials: given))
    connection.send([5, 0, 0, 1, 127, 0, 0, 1, 0, 0])
    splice(connection.descriptor, toPort: port)
  }
}
