import Foundation
import NIOConcurrencyHelpers
import TestServers
import Testing

@testable import Curl

/// A webhook consumer that answers 200, or misbehaves as it is told, and remembers every request it got whole.
final class TestConsumer: Sendable {
  /// What becomes of one request.
  enum Behaviour: Sendable {
    case answer(String = "200 OK", headers: [String] = [], body: [UInt8] = Array("fine".utf8))
    /// The connection is closed without an answer.
    case hangUp
    /// Nothing comes, with the connection open.
    case silence
    /// Just these bytes, then the connection is closed.
    case bytes([UInt8])
    /// The answer waits until ``TestConsumer/release()``.
    case hold(String = "200 OK")
  }

  private struct State {
    var behaviour = Behaviour.answer()
    var next: [Behaviour] = []
    var requests: [ReceivedRequest] = []
    var held = 0
    var isStopped = false
  }

  private final class Desk: Sendable {
    let state = NIOLockedValueBox(State())
    let gate = DispatchSemaphore(value: 0)

    func take(_ request: ReceivedRequest) -> Behaviour {
      state.withLockedValue { state in
        state.requests.append(request)
        // Read only now, it would be held for ever.
        guard !state.isStopped else { return .hangUp }
        let behaviour = state.next.isEmpty ? state.behaviour : state.next.removeFirst()
        if case .hold = behaviour { state.held += 1 }
        return behaviour
      }
    }
  }

  private let desk = Desk()
  private let server: ScriptedServer
  let url: String

  init(tls: TLSServerContext? = nil) {
    let desk = desk
    server = ScriptedServer(tls: tls) { connection in
      while let request = connection.readRequest() {
        guard Self.act(desk.take(request), on: connection, gate: desk.gate) else { return }
      }
    }
    url = "\(tls == nil ? "http" : "https")://127.0.0.1:\(server.port)/webhook"
  }

  /// How requests fare from now on.
  func behave(_ behaviour: Behaviour) { desk.state.withLockedValue { $0.behaviour = behaviour } }

  /// How the next requests fare, one each, before ``behave(_:)`` holds again.
  func behaveNext(_ behaviours: Behaviour...) { desk.state.withLockedValue { $0.next += behaviours } }

  /// Lets every request that is held be answered.
  func release() {
    let count = desk.state.withLockedValue { state in
      defer { state.held = 0 }
      return state.held
    }
    for _ in 0..<count { desk.gate.signal() }
  }

  /// Those read to their last byte, whatever was answered.
  var requests: [ReceivedRequest] { desk.state.withLockedValue { $0.requests } }

  /// The `idMessage status` of every request, in the order they came.
  var arrivals: [String] { requests.map(\.arrival) }

  /// Connections accepted so far.
  var connectionCount: Int { server.acceptedCount }

  /// Waits for so many requests in all.
  @discardableResult
  func received(_ count: Int) async throws -> [ReceivedRequest] {
    try await eventually("request \(count) at the consumer") { requests.count >= count ? requests : nil }
  }

  func stop() {
    desk.state.withLockedValue { $0.isStopped = true }
    release()
    server.stop()
  }

  /// - Returns: whether the connection lives on.
  private static func act(_ behaviour: Behaviour, on connection: ServerConnection, gate: DispatchSemaphore) -> Bool {
    switch behaviour {
    case .answer(let status, let headers, let body):
      return connection.answer(status, headers: headers, body: body)
    case .hold(let status):
      gate.wait()
      return connection.answer(status)
    case .hangUp: break
    case .silence:
      connection.waitForClose()
    case .bytes(let bytes):
      connection.send(bytes)
    }
    return false
  }
}

extension ReceivedRequest {
  var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:] }

  /// `idMessage status` of the notification.
  var arrival: String { "\(json["idMessage"] ?? "?") \(json["status"] ?? "?")" }
}
