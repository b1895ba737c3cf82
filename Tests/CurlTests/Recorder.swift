import NIOConcurrencyHelpers
import TestServers

@testable import Curl

/// Collects values from other threads; a test waits for as many as it needs. The suites' time limits end a wait in vain.
final class Recorder<Value: Sendable>: Sendable {
  private struct State {
    var values: [Value] = []
    var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state = NIOLockedValueBox(State())

  var values: [Value] { state.withLockedValue { $0.values } }

  func record(_ value: Value) { record([value]) }

  func record(_ more: [Value]) {
    let ready = state.withLockedValue { state in
      state.values += more
      let ready = state.waiters.filter { $0.count <= state.values.count }
      state.waiters.removeAll { $0.count <= state.values.count }
      return ready
    }
    for waiter in ready { waiter.continuation.resume() }
  }

  /// All values as soon as there are at least this many.
  func wait(for count: Int) async -> [Value] {
    await withCheckedContinuation { continuation in
      let isReady = state.withLockedValue { state in
        if state.values.count < count { state.waiters.append((count, continuation)) }
        return state.values.count >= count
      }
      if isReady { continuation.resume() }
    }
    return values
  }
}

/// Runs the body with a client and a server, and ends both whatever happens.
func withServer<Outcome>(
  _ configuration: CurlClient.Configuration = .init(),
  _ script: @escaping @Sendable (ServerConnection) -> Void,
  do body: (CurlClient, ScriptedServer) async throws -> Outcome
) async throws -> Outcome {
  let server = ScriptedServer(script)
  let client = try CurlClient(configuration)
  let outcome: Result<Outcome, any Error>
  do { outcome = .success(try await body(client, server)) } catch { outcome = .failure(error) }
  await client.shutDown()
  server.stop()
  return try outcome.get()
}

extension CurlClient {
  /// The error of a request that must fail.
  func failure(of request: HTTPRequest) async -> CurlError? {
    do {
      _ = try await execute(request)
      return nil
    } catch {
      return error
    }
  }
}

extension HTTPRequest {
  /// Straight to the server, whatever proxy the environment names, and with all the time of a machine under load.
  static func direct(
    _ url: String, post body: [UInt8]? = nil,
    timeouts: Timeouts = Timeouts(connect: .seconds(100), total: .seconds(200)),
    limit: ResponseLimit = .fail(above: 1 << 20)
  ) -> HTTPRequest {
    HTTPRequest(
      method: body == nil ? .get : .post, url: RequestURL(url), body: body ?? [], timeouts: timeouts,
      responseLimit: limit, proxy: "")
  }
}
