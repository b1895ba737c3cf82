import Curl
import Foundation
import TestServers
import Testing

@Suite(.timeLimit(.minutes(3))) struct ProxyTests {
  @Test("A request's proxy gets the whole URL; an empty proxy means none")
  func explicit() async throws {
    let lines = Recorder<String>()
    try await withServer { connection in
      connection.serve {
        lines.record($0.line)
        connection.answer()
      }
    } do: { client, server in
      var request = HTTPRequest.direct("http://consumer.invalid/hook?x=1")
      request.proxy = server.url
      _ = try await client.execute(request)
      var direct = request
      direct.proxy = ""
      direct.url = RequestURL(server.url + "/direct")
      _ = try await client.execute(direct)
      #expect(lines.values == ["GET http://consumer.invalid/hook?x=1 HTTP/1.1", "GET /direct HTTP/1.1"])
    }
  }

  @Test("The environment's proxy serves requests that name none, and its exceptions hold for no other proxy")
  func environment() async throws {
    await #expect(processExitsWith: .success) {
      let lines = Recorder<String>()
      let server = ScriptedServer { connection in
        connection.serve {
          lines.record($0.line)
          connection.answer()
        }
      }
      for name in ["no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"] { unsetenv(name) }
      setenv("http_proxy", server.url, 1)
      let client = try CurlClient()
      var request = HTTPRequest(url: "http://consumer.invalid/hook")
      _ = try await client.execute(request)
      request.url = RequestURL(server.url + "/direct")
      request.proxy = ""
      _ = try await client.execute(request)
      setenv("no_proxy", "consumer.invalid", 1)
      request.url = "http://consumer.invalid/named"
      request.proxy = server.url
      _ = try await client.execute(request)
      await client.shutDown()
      server.stop()
      #expect(
        lines.values == [
          "GET http://consumer.invalid/hook HTTP/1.1", "GET /direct HTTP/1.1",
          "GET http://consumer.invalid/named HTTP/1.1",
        ])
    }
  }

  @Test(
    "A proxy that refuses to connect through is a proxy error, even with its answer in hand",
    arguments: ["407 Proxy Authentication Required", "502 Bad Gateway"])
  func refusal(status: String) async throws {
    try await withServer { connection in
      connection.serve { _ in connection.answer(status) }
    } do: { client, server in
      var request = HTTPRequest.direct(
        "https://consumer.invalid/secret-path", limit: .keep(first: 10, discardUpTo: 1000))
      request.proxy = server.url
      let error = await client.failure(of: request)
      #expect(error?.kind == .proxy, "\(String(describing: error))")
    }
  }

  @Test(
    "No message tells a proxy's password",
    arguments: [
      "http://someone:secret-password@proxy.invalid:x", "wrong://someone:secret-password@proxy.invalid",
      "http://someone:secret-password@\(String(repeating: "a", count: 64)).invalid",
      "someone:secret-password@[::1", "http://someone:secret-password@127.0.0.1:1",
    ])
  func password(proxy: String) async throws {
    let client = try CurlClient()
    var request = HTTPRequest.direct("http://consumer.invalid/secret-path")
    request.proxy = proxy
    let error = try #require(await client.failure(of: request))
    #expect(!error.description.contains("secret"), "\(error)")
    #expect([.proxy, .connect, .invalidRequest].contains(error.kind), "\(error)")
    await client.shutDown()
  }
}
