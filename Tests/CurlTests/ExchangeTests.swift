import Curl
import TestServers
import Testing

@Suite(.timeLimit(.minutes(3))) struct ExchangeTests {
  @Test("A GET brings status, headers in any case, and body")
  func get() async throws {
    try await withServer { connection in
      connection.serve { _ in
        connection.answer("203 Maybe", headers: ["X-Some:  first\t", "x-some: second"], body: Array("hello".utf8))
      }
    } do: { client, server in
      let response = try await client.execute(.direct(server.url + "/x?y=1"))
      #expect(response.status == 203)
      #expect(response.body == Array("hello".utf8))
      #expect(response.isComplete)
      #expect(response.httpVersion == .http11)
      #expect(response.header("x-SOME") == "first")
      #expect(response.header("absent") == nil)
      #expect(response.timings.total > .zero)
    }
  }

  @Test(
    "A POST of any size goes out with Content-Length and nothing the caller did not ask for",
    arguments: [0, 5, 3 << 20])
  func post(size: Int) async throws {
    let requests = Recorder<ReceivedRequest>()
    let body = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
    try await withServer { connection in
      connection.serve {
        requests.record($0)
        connection.answer()
      }
    } do: { client, server in
      let response = try await client.execute(.direct(server.url + "/hook", post: body))
      #expect(response.status == 200)
      let request = requests.values[0]
      #expect(request.line == "POST /hook HTTP/1.1")
      #expect(request.body == body)
      #expect(request.header("content-length") == "\(size)")
      for name in ["expect", "transfer-encoding", "content-type", "user-agent"] { #expect(request.header(name) == nil) }
    }
  }

  @Test("Headers go out in order, the request's own before the shared ones, empty and blank values too")
  func headers() async throws {
    let requests = Recorder<ReceivedRequest>()
    try await withServer { connection in
      connection.serve {
        requests.record($0)
        connection.answer()
      }
    } do: { client, server in
      let shared = try HeaderList([("X-Shared", "s"), ("Content-Type", "application/json"), ("X-Void", "")])
      for _ in 0..<2 {
        var request = HTTPRequest.direct(server.url, post: [1])
        request.sharedHeaders = shared
        request.headers = [("X-B", "2"), ("X-A", "1: one"), ("X-Empty", ""), ("X-Blank", " \t")]
        _ = try await client.execute(request)
      }
      for request in requests.values {
        let ours = request.headers.filter { $0.hasPrefix("X-") || $0.hasPrefix("Content-Type") }
        #expect(
          ours == [
            "X-B: 2", "X-A: 1: one", "X-Empty:", "X-Blank:", "X-Shared: s", "Content-Type: application/json", "X-Void:",
          ])
      }
    }
  }

  @Test(
    "A header that could smuggle another one, or is the client's own, is refused before anything is sent",
    arguments: [
      ("X-A", "1\r\nX-B: 2"), ("X-A", "1\n"), ("X-A", "a\0b"), ("X A", "1"), ("X-A:", "1"), ("", "1"), ("X\r\nY", "1"),
      ("Expect", "100-continue"), ("transfer-Encoding", "chunked"), ("Content-Length", "3"),
    ])
  func refusedHeaders(name: String, value: String) async throws {
    #expect(throws: CurlError.self) { try HeaderList([("X-Fine", "1"), (name, value)]) }
    try await withServer {
      $0.waitForClose()
    } do: { client, server in
      var request = HTTPRequest.direct(server.url)
      request.headers = [(name, value)]
      #expect(await client.failure(of: request)?.kind == .invalidRequest)
      #expect(server.acceptedCount == 0)
    }
  }

  @Test(
    "A URL that is not plain http or https is refused, and its secrets are not told",
    arguments: [
      "ftp://127.0.0.1/secret-token", "file:///etc/passwd?secret-token", "127.0.0.1/secret-token", "",
      "http://127.0.0.1:port/secret-token", "http://127.0.0.1/secret token", "http://user:secret-token@[::1/x",
      "https://127.0.0.1\r\n/secret-token", "http://", "http:///secret-token", "http://127.0.0.1:99999/secret-token",
    ])
  func refusedURLs(url: String) async throws {
    let client = try CurlClient()
    let error = await client.failure(of: .direct(url))
    #expect(error?.kind == .invalidRequest, "\(String(describing: error))")
    #expect(error?.description.contains("secret") == false)
    await client.shutDown()
  }

  @Test("A GET with a body is refused")
  func getWithBody() async throws {
    let client = try CurlClient()
    let request = HTTPRequest(method: .get, url: "http://127.0.0.1:1/", body: [1])
    #expect(await client.failure(of: request)?.kind == .invalidRequest)
    await client.shutDown()
  }

  @Test("A redirect is an answer and is not followed")
  func redirect() async throws {
    try await withServer { connection in
      connection.serve { _ in connection.answer("302 Found", headers: ["Location: /elsewhere"]) }
    } do: { client, server in
      let response = try await client.execute(.direct(server.url))
      #expect(response.status == 302)
      #expect(response.header("Location") == "/elsewhere")
    }
  }

  @Test("1xx answers are passed over, with their headers, and trailers are not headers")
  func informational() async throws {
    try await withServer { connection in
      connection.serve { _ in
        connection.send("HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n")
        connection.send(
          "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nX-Late: 2\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: 3\r\n\r\n"
        )
      }
    } do: { client, server in
      let response = try await client.execute(.direct(server.url, post: [1]))
      #expect(response.status == 201)
      #expect(response.header("X-Early") == nil)
      #expect(response.header("X-Late") == "2")
      #expect(response.header("X-Trailer") == nil)
      #expect(response.body == Array("abc".utf8))
    }
  }

  @Test("Basic authentication goes out at once, and not with the next request")
  func basicAuthentication() async throws {
    let requests = Recorder<ReceivedRequest>()
    try await withServer { connection in
      connection.serve {
        requests.record($0)
        connection.answer()
      }
    } do: { client, server in
      var request = HTTPRequest.direct(server.url)
      request.basicAuthentication = ("me", "a:b")
      _ = try await client.execute(request)
      _ = try await client.execute(.direct(server.url))
      #expect(requests.values.map { $0.header("authorization") } == ["Basic bWU6YTpi", nil])
    }
  }

  @Test("GET and POST take turns on one handle without traces of each other")
  func alternation() async throws {
    let requests = Recorder<ReceivedRequest>()
    try await withServer { connection in
      connection.serve {
        requests.record($0)
        connection.answer(body: $0.body)
      }
    } do: { client, server in
      for round in 0..<6 {
        let body = [UInt8](repeating: 7, count: round)
        let request: HTTPRequest = round % 2 == 0 ? .direct(server.url) : .direct(server.url, post: body)
        let response = try await client.execute(request)
        #expect(response.body == (round % 2 == 0 ? [] : body))
      }
      #expect(requests.values.map { $0.line.prefix(4) } == ["GET ", "POST", "GET ", "POST", "GET ", "POST"])
      #expect(requests.values.allSatisfy { ($0.header("content-length") == nil) == $0.line.hasPrefix("GET") })
      #expect(client.statistics.handles == 1)
      #expect(server.acceptedCount == 1)
    }
  }

  @Test("gzip, deflate, br and zstd are offered, and gzip and br bodies unfolded; without leave nothing is offered")
  func compression() async throws {
    let offers = Recorder<[String]>()
    try await withServer { connection in
      connection.serve { request in
        offers.record(request.headers.filter { $0.lowercased().hasPrefix("accept-encoding:") })
        if request.line.contains("/gzip") {
          connection.answer(headers: ["Content-Encoding: gzip"], body: Compressed.gzipHello)
        } else {
          connection.answer(headers: ["Content-Encoding: br"], body: Compressed.brotliHello)
        }
      }
    } do: { client, server in
      for path in ["/gzip", "/br"] {
        let response = try await client.execute(.direct(server.url + path))
        #expect(response.body == Array("hello".utf8))
      }
      // Written once by the caller, instead of by libcurl each time, it is the same line.
      var spelledOut = HTTPRequest.direct(server.url + "/br")
      spelledOut.headers = [("Accept-Encoding", acceptableEncodings)]
      #expect(try await client.execute(spelledOut).body == Array("hello".utf8))
      #expect(offers.values[2] == offers.values[1])
      var plain = HTTPRequest.direct(server.url + "/br")
      plain.acceptCompression = false
      let packed = try await client.execute(plain)
      #expect(packed.body == Compressed.brotliHello)
      #expect(offers.values.last == [])
      #expect(offers.values[0].count == 1 && offers.values[0][0].contains("gzip") && offers.values[0][0].contains("br"))
    }
  }

  @Test("The version names libcurl")
  func version() {
    #expect(Curl.versionDescription.hasPrefix("libcurl/"))
  }
}
