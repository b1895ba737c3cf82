import ArgumentParser
import Foundation
import NIOCore

/// Where a command listens: `--listen HOST:PORT`.
struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
  /// An IPv6 one without its brackets.
  var host: String
  /// 0: any free one.
  var port: Int

  init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// `HOST:PORT`, `[IPv6]:PORT`, or `PORT` on 127.0.0.1.
  init(argument text: String) throws {
    let colon = text.lastIndex(of: ":")
    let portText = colon.map { text[text.index(after: $0)...] } ?? text[...]
    guard portText.allSatisfy({ $0.isASCII && $0.isNumber }), let port = Int(portText), port <= 65_535 else {
      throw ValidationError(
        "'\(text)' is no address to listen on: expected HOST:PORT such as 127.0.0.1:8467, with a port of 0 to 65535 (0: any free one)."
      )
    }
    var host = colon.map { text[..<$0] } ?? "127.0.0.1"
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      throw ValidationError("'\(text)' is no address to listen on: an IPv6 host stands in brackets, as in [::1]:8467.")
    }
    guard !host.isEmpty else {
      throw ValidationError(
        "'\(text)' has no host before the port: 127.0.0.1:\(port) for this machine only, 0.0.0.0:\(port) for every one."
      )
    }
    self.init(host: String(host), port: port)
  }

  func with(port: Int) -> ListenAddress { ListenAddress(host: host, port: port) }

  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// Whether only this machine can come in.
  var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}

/// Why a server could not begin to listen, and what to do.
struct ListenFailure: Error, CustomStringConvertible {
  let description: String

  init(_ address: ListenAddress, _ error: any Error) {
    let code = (error as? IOError)?.errnoCode
    let advice =
      switch code {
      case EADDRINUSE: "another program listens there. End it, or choose another port with --listen (0: any free one)"
      case EACCES: "only root may use this port. Choose one above 1023 with --listen"
      case EADDRNOTAVAIL: "this machine has no such address. Choose one of its own with --listen"
      default: "\(error). Choose another address with --listen"
      }
    description = "can't listen on \(address): \(advice)"
  }
}
