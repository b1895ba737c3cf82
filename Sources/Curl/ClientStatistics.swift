import Synchronization

/// Numbers of a client at one moment, for metrics, watchdogs and tests.
public struct ClientStatistics: Sendable, Hashable {
  /// Transfers that libcurl works on.
  public var runningTransfers: Int
  /// Sockets opened since the client began, those of failed attempts to connect included.
  public var connectionsOpened: Int
  /// Sockets open now, idle ones included.
  public var openConnections: Int
  /// Turns of the thread's loop: moves on at least every ten seconds as long as the thread lives and is not stuck.
  public var loopTurns: Int
  /// libcurl's handles in existence, running and waiting to be used again.
  public var handles: Int
}

/// The numbers as the thread keeps them.
final class Gauges: Sendable {
  let running = Atomic<Int>(0)
  let socketsOpened = Atomic<Int>(0)
  let socketsClosed = Atomic<Int>(0)
  let turns = Atomic<Int>(0)
  let handles = Atomic<Int>(0)

  var snapshot: ClientStatistics {
    let closed = socketsClosed.load(ordering: .relaxed)
    let opened = socketsOpened.load(ordering: .relaxed)
    return ClientStatistics(
      runningTransfers: running.load(ordering: .relaxed), connectionsOpened: opened,
      openConnections: max(opened - closed, 0), loopTurns: turns.load(ordering: .relaxed),
      handles: handles.load(ordering: .relaxed))
  }
}
