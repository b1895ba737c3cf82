import Foundation
import GreenAPISimulator
import NIOConcurrencyHelpers
import TestServers

/// A webhook consumer that fails at random, and tells of every request it got whole.
final class UnreliableConsumer: Sendable {
  /// A request that was read to its last byte, whatever was answered.
  struct Arrival: Sendable {
    let idMessage: String
    let status: String
    let webhookID: String
    let body: [UInt8]
    /// Whether 200 was answered.
    fileprivate(set) var isAccepted = false
  }

  /// Where a request stands when ``onNext(_:_:)`` tells of it.
  enum Instant: Sendable {
    /// Read whole, nothing answered.
    case received
    /// 200 is on its way.
    case accepted
  }

  fileprivate enum Behaviour {
    case accept
    case answer(String)
    case resetBeforeAnswer
    case acceptSlowly(milliseconds: UInt32)
  }

  fileprivate struct State {
    var random: SplitMix64
    var isReliable = false
    var arrivals: [Arrival] = []
    var hook: (instant: Instant, body: @Sendable () -> Void)?
  }

  private final class Desk: Sendable {
    let state: NIOLockedValueBox<State>
    init(seed: UInt64) { state = NIOLockedValueBox(State(random: SplitMix64(state: seed))) }
  }

  private let desk: Desk
  private let server: ScriptedServer

  init(seed: UInt64) {
    let desk = Desk(seed: seed)
    self.desk = desk
    server = ScriptedServer { connection in
      while let request = connection.readRequest() {
        if !Self.handle(request, on: connection, desk) { return }
      }
    }
  }

  var url: String { server.url + "/webhook" }
  var arrivals: [Arrival] { desk.state.withLockedValue { $0.arrivals } }

  /// From now on everything is accepted at once.
  func becomeReliable() { desk.state.withLockedValue { $0.isReliable = true } }

  /// Runs `body` once, when the next request has come to this instant.
  func onNext(_ instant: Instant, _ body: @escaping @Sendable () -> Void) {
    desk.state.withLockedValue { $0.hook = (instant, body) }
  }

  func forgetHook() { desk.state.withLockedValue { $0.hook = nil } }

  func stop() { server.stop() }

  /// - Returns: whether the connection lives on.
  private static func handle(_ request: ReceivedRequest, on connection: ServerConnection, _ desk: Desk) -> Bool {
    let body = (try? JSONSerialization.jsonObject(with: Data(request.body))) as? [String: Any]
    let arrival = Arrival(
      idMessage: body?["idMessage"] as? String ?? "", status: body?["status"] as? String ?? "",
      webhookID: request.header("webhook-id") ?? "", body: request.body)
    let (index, behaviour) = desk.state.withLockedValue { state in
      state.arrivals.append(arrival)
      return (state.arrivals.count - 1, state.nextBehaviour())
    }
    tell(.received, desk)
    switch behaviour {
    case .answer(let status): return connection.answer(status)
    case .resetBeforeAnswer:
      connection.armReset()
      return false
    case .acceptSlowly(let milliseconds): usleep(milliseconds * 1000)
    case .accept: break
    }
    desk.state.withLockedValue { $0.arrivals[index].isAccepted = true }
    defer { tell(.accepted, desk) }
    return connection.answer()
  }

  private static func tell(_ instant: Instant, _ desk: Desk) {
    let body = desk.state.withLockedValue { state in
      guard let hook = state.hook, hook.instant == instant else { return nil as (@Sendable () -> Void)? }
      state.hook = nil
      return hook.body
    }
    body?()
  }
}

extension UnreliableConsumer.State {
  fileprivate mutating func nextBehaviour() -> UnreliableConsumer.Behaviour {
    guard !isReliable else { return .accept }
    switch Int.random(in: 0..<100, using: &random) {
    case ..<65: return .accept
    case ..<72: return .answer("503 Service Unavailable")
    case ..<76: return .answer("500 Internal Server Error")
    case ..<79: return .answer("404 Not Found")
    case ..<87: return .resetBeforeAnswer
    default: return .acceptSlowly(milliseconds: UInt32.random(in: 20...400, using: &random))
    }
  }
}
