import TestServers
import Testing

@testable import Curl

@Suite(.timeLimit(.minutes(3))) struct RequestURLTests {
  @Test("A handle goes from URL to URL and back, and what has to go out again goes where it was meant to")
  func oneHandle() async throws {
    let lines = Recorder<String>()
    try await withServer { connection in
      // The first connection takes two requests and answers one.
      while let request = connection.readRequest() {
        lines.record(request.line)
        if connection.number == 1, request.line.contains("/second") { return }
        connection.answer()
      }
    } do: { client, server in
      let first = RequestURL(server.url + "/first?a=1")
      let second = RequestURL(server.url + "/second%20path?b=2")
      for url in [first, second, first, second] {
        let response = try await client.execute(HTTPRequest(url: url, proxy: ""))
        #expect(response.status == 200)
      }
      #expect(client.statistics.handles == 1)
      #expect(server.acceptedCount == 2)
      let (one, two) = ("GET /first?a=1 HTTP/1.1", "GET /second%20path?b=2 HTTP/1.1")
      #expect(lines.values == [one, two, two, one, two])
    }
  }

  @Test("A handle that was refused a URL, or whose URL is gone, goes to the next one")
  func urlsThatGo() async throws {
    let lines = Recorder<String>()
    try await withServer { connection in
      connection.serve {
        lines.record($0.line)
        connection.answer()
      }
    } do: { client, server in
      let kept = RequestURL(server.url + "/kept")
      for number in 0..<50 {
        _ = try await client.execute(HTTPRequest(url: kept, proxy: ""))
        // Made and let go of in each turn, so that the next one may lie where it lay.
        _ = try await client.execute(HTTPRequest(url: RequestURL("\(server.url)/\(number)"), proxy: ""))
        let refused = await client.failure(of: HTTPRequest(url: RequestURL("http://127.0.0.1:1x/\(number)"), proxy: ""))
        #expect(refused?.kind == .invalidRequest)
      }
      #expect(lines.values == (0..<50).flatMap { ["GET /kept HTTP/1.1", "GET /\($0) HTTP/1.1"] })
      #expect(client.statistics.handles == 1)
    }
  }

  @Test("Many transfers share a URL, on several clients at once")
  func shared() async throws {
    try await withServer { connection in
      connection.serve { connection.answer(body: Array($0.line.utf8)) }
    } do: { client, server in
      let other = try CurlClient()
      let url = RequestURL(server.url + "/shared")
      try await withThrowingTaskGroup(of: [UInt8].self) { group in
        for number in 0..<200 {
          group.addTask { try await (number % 2 == 0 ? client : other).execute(HTTPRequest(url: url, proxy: "")).body }
        }
        for try await body in group { #expect(body == Array("GET /shared HTTP/1.1".utf8)) }
      }
      await other.shutDown()
    }
  }

  @Test(
    "Why a URL can't be used is said without a word of it",
    arguments: [
      ("http://127.0.0.1:99999/secret", "Port number"), ("http://[::1/secret", "IPv6"),
      ("ftp://127.0.0.1/secret", "begin with http://"), ("http:///secret", "names no host"),
    ])
  func reasons(url: String, reason: String) async throws {
    let client = try CurlClient()
    let error = try #require(await client.failure(of: .direct(url)))
    #expect(error.kind == .invalidRequest)
    #expect(error.message.contains(reason), "\(error)")
    #expect(!error.description.contains("secret"), "\(error)")
    await client.shutDown()
  }
}
