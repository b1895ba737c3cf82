import Curl
import Foundation
import GreenAPI
import Relay
import RelayAdmin

/// The admin API of the relay that runs on a state directory, over its socket there.
struct ControlClient {
  let socketPath: String

  init(stateDirectory: String) { socketPath = stateDirectory + "/" + AdminServer.socketName }

  enum Failure: Error, CustomStringConvertible {
    /// Nobody listens: there is no socket, or one that a killed relay left.
    case notRunning(socket: String)
    case notPermitted(socket: String)
    case unusablePath(socket: String)
    case noAnswer(socket: String, CurlError)
    case refused(httpStatus: Int, message: String)
    case unreadableAnswer(socket: String)

    var description: String {
      switch self {
      case .notRunning(let socket): "No relay is running: nothing answers at \(socket)."
      case .notPermitted(let socket):
        "The relay's socket \(socket) may not be used by this user. Run this as the relay's user, or as root."
      case .unusablePath(let socket):
        """
        The path \(socket) is longer than a Unix socket's may be (\(ControlClient.longestPath) bytes), so the relay can't be \
        reached there. Give the relay a shorter stateDirectory.
        """
      case .noAnswer(let socket, let error):
        "The relay gave no answer at \(socket) (\(error)). See its log; when it hangs, restart it."
      case .refused(let status, let message):
        "The relay refused (HTTP \(status))\(message.isEmpty ? "; its log says why" : ": \(message)")."
      case .unreadableAnswer(let socket):
        """
        The relay's answer at \(socket) can't be read. It may be of another version than this command (\(Version.number)): \
        use the relay's own, or restart the relay.
        """
      }
    }
  }

  func status() async throws -> RelayStatus {
    try decode(try await ask(.get, "/v1/status"))
  }

  func retry(_ request: RetryRequest) async throws -> RetryAnswer {
    try decode(try await ask(.post, "/v1/retry", body: JSONEncoder.admin.encode(request)))
  }

  /// - Parameter destination: made of what a destination's name may be made of.
  func setPaused(_ paused: Bool, destination: String) async throws {
    _ = try await ask(.post, "/v1/destinations/\(destination)/\(paused ? "pause" : "resume")")
  }

  // MARK: Asking

  /// `sun_path` holds 108 bytes with the one that ends it: unix(7).
  private static let longestPath = 107
  /// A status is counted up from indexes, a retry of very many dead letters is one transaction.
  private static let timeouts = Timeouts(connect: .seconds(5), total: .seconds(120))

  private func ask(_ method: HTTPRequest.Method, _ path: String, body: Data = Data()) async throws -> [UInt8] {
    try checkSocket()
    let client = try CurlClient()
    let result: Result<HTTPResponse, CurlError>
    do {
      result = .success(
        try await client.execute(
          HTTPRequest(
            method: method, url: "http://localhost\(path)",
            headers: [("Content-Type", "application/json"), ("User-Agent", Version.userAgent)], body: Array(body),
            timeouts: Self.timeouts, responseLimit: .fail(above: 256 << 20), unixSocketPath: socketPath, proxy: "")))
    } catch {
      result = .failure(error)
    }
    await client.shutDown()
    switch result {
    case .success(let response) where (200..<300).contains(response.status): return response.body
    case .success(let response):
      throw Failure.refused(httpStatus: response.status, message: Refusal.message(in: response.body))
    case .failure(let error) where error.kind == .connect: throw Failure.notRunning(socket: socketPath)
    case .failure(let error): throw Failure.noAnswer(socket: socketPath, error)
    }
  }

  private func checkSocket() throws(Failure) {
    guard socketPath.utf8.count <= Self.longestPath else { throw .unusablePath(socket: socketPath) }
    guard access(socketPath, R_OK | W_OK) != 0 else { return }
    throw errno == EACCES || errno == EPERM ? .notPermitted(socket: socketPath) : .notRunning(socket: socketPath)
  }

  private func decode<T: Decodable>(_ body: [UInt8]) throws(Failure) -> T {
    guard let value = try? JSONDecoder.admin.decode(T.self, from: Data(body)) else {
      throw .unreadableAnswer(socket: socketPath)
    }
    return value
  }

  /// How Hummingbird says an error.
  private struct Refusal: Decodable {
    struct Content: Decodable { var message: String }
    var error: Content

    static func message(in body: [UInt8]) -> String {
      (try? JSONDecoder().decode(Refusal.self, from: Data(body)))?.error.message ?? ""
    }
  }
}
