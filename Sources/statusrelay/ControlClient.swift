import Curl
import Foundation
import GreenAPI
import Relay
import RelayAdmin
import RelayStore

/// The admin API of a relay: over the socket in its state directory, or at an address.
final class ControlClient: Sendable {
  enum Address: Sendable {
    case socket(path: String)
    /// Without a slash at its end.
    case url(String, token: Secret?)
  }

  let address: Address
  private let client: CurlClient

  init(_ address: Address) throws(CurlError) {
    self.address = address
    client = try CurlClient()
  }

  convenience init(stateDirectory: String) throws(CurlError) {
    try self.init(.socket(path: stateDirectory + "/" + AdminServer.socketName))
  }

  func close() async { await client.shutDown() }

  enum Failure: Error, CustomStringConvertible {
    /// Nobody listens: there is no socket, or one that a killed relay left; or nothing is at the address.
    case notRunning(at: String)
    case notPermitted(socket: String)
    case unusablePath(socket: String)
    case noAnswer(at: String, CurlError)
    case refused(httpStatus: Int, message: String)
    case unreadableAnswer(at: String)

    var description: String {
      switch self {
      case .notRunning(let place): "No relay is running: nothing answers at \(place)."
      case .notPermitted(let socket):
        "The relay's socket \(socket) may not be used by this user. Run this as the relay's user, or as root."
      case .unusablePath(let socket):
        """
        The path \(socket) is longer than a Unix socket's may be (\(ControlClient.longestPath) bytes), so the relay can't be \
        reached there. Give the relay a shorter stateDirectory, or reach it with --admin.
        """
      case .noAnswer(let place, let error):
        "The relay gave no answer at \(place) (\(error)). See its log; when it hangs, restart it."
      case .refused(401, _):
        "The relay wants its admin.token: give it in $STATUSRELAY_ADMIN_TOKEN or with --admin-token; the one given is wrong or missing."
      case .refused(let status, let message):
        "The relay refused (HTTP \(status))\(message.isEmpty ? "; its log says why" : ": \(message.printable)")."
      case .unreadableAnswer(let place):
        """
        The answer at \(place) can't be read. It may be no relay's, or that of another version than this command \
        (\(Version.number)): use the relay's own, or restart the relay.
        """
      }
    }
  }

  // MARK: Looking

  /// Asks for nothing but an answer.
  func reach() async throws { _ = try await ask(.get, "/healthz") }

  func status() async throws -> RelayStatus { try decode(try await ask(.get, "/v1/status")) }

  func rows<Row: HistoryRow>(_ path: String, _ filter: HistoryFilter) async throws -> [Row] {
    let answer = try await ask(.get, "/v1/\(path)", FilterQuery(filter).items)
    do {
      return try JSONElements.of(arrayIn: answer).map { try Row(json: $0) }
    } catch {
      throw Failure.unreadableAnswer(at: place)
    }
  }

  func count(_ path: String, _ filter: HistoryFilter) async throws -> HistoryCount {
    try decode(try await ask(.get, "/v1/\(path)/count", FilterQuery(filter).items))
  }

  func delivery(_ id: Int64) async throws -> HistoryDelivery? {
    do {
      return try decode(try await ask(.get, "/v1/deliveries/\(id)"))
    } catch Failure.refused(404, _) {
      return nil
    }
  }

  // MARK: Acting

  func retry(_ filter: HistoryFilter, all: Bool = false) async throws -> RetryAnswer {
    try decode(try await ask(.post, "/v1/retry", FilterQuery(filter).items + (all ? [("all", "true")] : [])))
  }

  /// - Parameter filter: with no destination of its own.
  func replay(_ filter: HistoryFilter, destination: String, all: Bool = false) async throws -> ReplayAnswer {
    let items = FilterQuery(filter).items + [("destination", destination)] + (all ? [("all", "true")] : [])
    return try decode(try await ask(.post, "/v1/replay", items))
  }

  func setPaused(_ paused: Bool, destination: String) async throws {
    _ = try await ask(.post, "/v1/destinations/\(Self.encoded(destination))/\(paused ? "pause" : "resume")")
  }

  /// Waits as long as the consumers may take.
  func test(destination: String) async throws -> [TestExchange] {
    try decode(
      try await ask(.post, "/v1/destinations/\(Self.encoded(destination))/test", within: .seconds(2 * 3600)))
  }

  /// - Throws: ``Failure/refused(httpStatus:message:)`` with 422 when the configuration is invalid.
  func reload() async throws -> ReloadAnswer { try decode(try await ask(.post, "/v1/reload")) }

  // MARK: Asking

  /// `sun_path` holds 108 bytes with the one that ends it: unix(7).
  private static let longestPath = 107

  /// - Parameter limit: a status is counted up from indexes, a page is at most 1,000 rows; a count may read all the history.
  private func ask(
    _ method: HTTPRequest.Method, _ path: String, _ query: [(name: String, value: String)] = [],
    within limit: Duration = .seconds(120)
  ) async throws -> [UInt8] {
    var request = HTTPRequest(
      method: method, url: "", headers: [("User-Agent", Version.userAgent)],
      timeouts: Timeouts(connect: .seconds(5), total: limit), responseLimit: .fail(above: 256 << 20))
    let query = query.map { "\($0.name)=\(Self.encoded($0.value))" }.joined(separator: "&")
    let target = path + (query.isEmpty ? "" : "?" + query)
    switch address {
    case .socket(let socket):
      try checkSocket(socket)
      (request.url, request.unixSocketPath, request.proxy) = (RequestURL("http://localhost\(target)"), socket, "")
    case .url(let url, let token):
      request.url = RequestURL(url + target)
      if let token { request.headers.append(("Authorization", "Bearer \(token.reveal())")) }
      if RelayAddress.isLoopback(url) { request.proxy = "" }
    }
    let response: HTTPResponse
    do throws(CurlError) {
      response = try await client.execute(request)
    } catch {
      switch error.kind {
      case .connect, .resolve: throw Failure.notRunning(at: place)
      case .cancelled: throw CancellationError()
      default: throw Failure.noAnswer(at: place, error)
      }
    }
    guard (200..<300).contains(response.status) else {
      throw Failure.refused(httpStatus: response.status, message: Refusal.message(in: response.body))
    }
    return response.body
  }

  /// For people.
  var place: String {
    switch address {
    case .socket(let path): path
    case .url(let url, _): url
    }
  }

  private func checkSocket(_ path: String) throws(Failure) {
    guard path.utf8.count <= Self.longestPath else { throw .unusablePath(socket: path) }
    guard access(path, R_OK | W_OK) != 0 else { return }
    throw errno == EACCES || errno == EPERM ? .notPermitted(socket: path) : .notRunning(at: path)
  }

  private func decode<T: Decodable>(_ body: [UInt8]) throws(Failure) -> T {
    guard let value = try? JSONDecoder.admin.decode(T.self, from: Data(body)) else {
      throw .unreadableAnswer(at: place)
    }
    return value
  }

  /// For a part of a path or a value in a query.
  private static func encoded(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
  }

  /// https://www.rfc-editor.org/rfc/rfc3986#section-2.3
  private static let unreserved = CharacterSet(
    charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

  private struct Refusal: Decodable {
    struct Content: Decodable { var message: String }
    var error: Content

    static func message(in body: [UInt8]) -> String {
      (try? JSONDecoder().decode(Refusal.self, from: Data(body)))?.error.message ?? ""
    }
  }
}

/// Takes a JSON array apart without reading what is in it, so that an element's bytes stay as they are.
enum JSONElements {
  struct NoArray: Error {}

  /// - Parameter bytes: an array; whether its elements are JSON is for whoever reads them to say.
  static func of(arrayIn bytes: [UInt8]) throws(NoArray) -> [ArraySlice<UInt8>] {
    var elements: [ArraySlice<UInt8>] = []
    var depth = 0
    var start: Int?
    var isInText = false
    var isEscaped = false
    var isClosed = false
    for (index, byte) in bytes.enumerated() {
      if isInText {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else {
          isInText = byte != UInt8(ascii: "\"")
        }
        continue
      }
      if isWhitespace(byte) { continue }
      if isClosed || depth == 0 && byte != UInt8(ascii: "[") { throw NoArray() }
      let isEnd = depth == 1 && (byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]"))
      if isEnd, let first = start {
        elements.append(trimmed(bytes[first..<index]))
        start = nil
      } else if depth >= 1, start == nil, !isEnd {
        start = index
      }
      switch byte {
      case UInt8(ascii: "\""): isInText = true
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      default: break
      }
      isClosed = depth == 0
    }
    if !isClosed { throw NoArray() }
    return elements
  }

  private static func isWhitespace(_ byte: UInt8) -> Bool { [0x20, 0x0A, 0x0D, 0x09].contains(byte) }

  private static func trimmed(_ element: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var element = element
    while let last = element.last, isWhitespace(last) { element.removeLast() }
    return element
  }
}
