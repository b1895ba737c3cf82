import Foundation
import NIOConcurrencyHelpers

/// A webhook consumer that plays what it is told, script by script, and behaves well once the scripts are used up.
///
/// A connection plays the next script from its first step, then the one after it, for as long as it lives; so a script that leaves its
/// connection open is followed by the next one on the same connection.
package final class MisbehavingConsumer: Sendable {
  package enum Step: Sendable, CustomStringConvertible {
    /// Takes in a whole request. Without this step the request lies unread.
    case read
    /// Waits for the request, and leaves it unread.
    case awaitRequest
    case send(String)
    /// A whole answer with its length.
    case answer(String = "200 OK", headers: [String] = [], body: [UInt8] = Array("fine".utf8))
    /// The text over and over, a byte now and then, until the client is gone.
    case trickle(String)
    /// The text over and over, as fast as it goes, until the client is gone.
    case flood(String)
    /// Waits until the client has taken in everything sent: a reset throws away what it has not.
    case awaitRead
    /// Nothing more, until the client is gone.
    case silence
    /// No more bytes will come; what the client still sends is taken in.
    case end
    case close
    case reset

    /// Short, as it stands in the list of tests.
    package var description: String {
      switch self {
      case .read: "read"
      case .awaitRequest: "awaitRequest"
      case .send(let text): "send(\(Self.excerpt(text)))"
      case .answer(let status, let headers, let body):
        "answer(\(status), \(headers), \(body.count) bytes)"
      case .trickle(let text): "trickle(\(Self.excerpt(text)))"
      case .flood(let text): "flood(\(Self.excerpt(text)))"
      case .awaitRead: "awaitRead"
      case .silence: "silence"
      case .end: "end"
      case .close: "close"
      case .reset: "reset"
      }
    }

    private static func excerpt(_ text: String) -> String { String(text.prefix(80)).debugDescription }
  }

  private struct State {
    var scripts: [[Step]]
    var playedCount = 0
    var requests: [ReceivedRequest] = []
  }

  private final class Desk: Sendable {
    let state: NIOLockedValueBox<State>

    init(_ scripts: [[Step]]) { state = NIOLockedValueBox(State(scripts: scripts)) }

    func nextScript() -> [Step] {
      state.withLockedValue { $0.scripts.isEmpty ? [.read, .answer()] : $0.scripts.removeFirst() }
    }
  }

  private let desk: Desk
  private let server: ScriptedServer
  private let scheme: String

  package init(tls: TLSServerContext? = nil, _ scripts: [Step]...) {
    let desk = Desk(scripts)
    self.desk = desk
    scheme = tls == nil ? "http" : "https"
    server = ScriptedServer(tls: tls) { connection in
      var isAlive = true
      while isAlive {
        isAlive = desk.nextScript().allSatisfy { Self.play($0, on: connection, desk) }
        desk.state.withLockedValue { $0.playedCount += 1 }
      }
    }
  }

  package var port: UInt16 { server.port }

  package func url(host: String = "127.0.0.1", path: String = "/webhook") -> String {
    "\(scheme)://\(host):\(port)\(path)"
  }

  /// Those read to their last byte, whatever was answered.
  package var requests: [ReceivedRequest] { desk.state.withLockedValue { $0.requests } }

  /// Scripts that have come to their end so far.
  package var playedCount: Int { desk.state.withLockedValue { $0.playedCount } }

  /// Connections accepted so far.
  package var connectionCount: Int { server.acceptedCount }

  package func stop() { server.stop() }

  /// - Returns: whether the connection lives on.
  private static func play(_ step: Step, on connection: ServerConnection, _ desk: Desk) -> Bool {
    switch step {
    case .read:
      guard let request = connection.readRequest() else { return false }
      desk.state.withLockedValue { $0.requests.append(request) }
      return true
    case .awaitRequest:
      var waiting = pollfd(fd: connection.descriptor, events: Int16(POLLIN), revents: 0)
      return poll(&waiting, 1, -1) == 1
    case .send(let text): return connection.send(text)
    case .answer(let status, let headers, let body):
      return connection.answer(status, headers: headers, body: body)
    case .trickle(let text):
      while text.utf8.allSatisfy({ byte in
        usleep(20_000)
        return connection.send([byte])
      }) {}
    case .flood(let text):
      while connection.send(text) {}
    case .awaitRead:
      connection.awaitAllRead()
      return true
    case .silence: connection.waitForClose()
    case .end:
      shutdown(connection.descriptor, Int32(SHUT_WR))
      connection.waitForClose()
    case .close: break
    case .reset: connection.armReset()
    }
    return false
  }
}
