import Curl
import Foundation

/// Asks an admin API as any program may.
struct AdminVisitor {
  /// `http://127.0.0.1:PORT`.
  var url = "http://localhost"
  var socketPath: String?
  var token: String?

  struct Answer {
    var status: Int
    var contentType: String?
    var body: String

    /// What an error says; `nil` when it isn't said as the API says errors.
    var message: String? {
      ((try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: [String: String]])?["error"]?["message"]
    }
  }

  func get(_ target: String, _ headers: [(String, String)] = []) async throws -> Answer {
    try await ask(.get, target, headers)
  }

  func post(_ target: String, _ headers: [(String, String)] = []) async throws -> Answer {
    try await ask(.post, target, headers)
  }

  func ask(_ method: HTTPRequest.Method, _ target: String, _ headers: [(String, String)] = []) async throws -> Answer {
    let client = try CurlClient()
    var headers: [(name: String, value: String)] = headers.map { (name: $0.0, value: $0.1) }
    if let token { headers.append((name: "Authorization", value: "Bearer \(token)")) }
    let result: Result<HTTPResponse, CurlError>
    do throws(CurlError) {
      result = .success(
        try await client.execute(
          HTTPRequest(
            method: method, url: RequestURL(url + target), headers: headers, unixSocketPath: socketPath, proxy: "")))
    } catch {
      result = .failure(error)
    }
    await client.shutDown()
    let response = try result.get()
    return Answer(
      status: response.status, contentType: response.header("Content-Type"),
      body: String(decoding: response.body, as: UTF8.self))
  }
}

extension TestAccount {
  /// A visitor of the admin API that this relay, configured with `admin: {listen: 127.0.0.1:0}`, listens with.
  func visitor(of relay: StatusrelayProcess, token: String? = nil) async throws -> AdminVisitor {
    let line = try await relay.line(containing: "the admin API listens on 127.0.0.1:")
    let port = line.split(separator: "127.0.0.1:").last?.prefix { $0.isNumber } ?? ""
    return AdminVisitor(url: "http://127.0.0.1:\(port)", token: token)
  }

  /// A visitor at the socket.
  var localVisitor: AdminVisitor { AdminVisitor(socketPath: stateDirectory + "/control.sock") }
}
