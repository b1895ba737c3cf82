import Collections
import Glibc
import NIOConcurrencyHelpers

/// Where the service manager hears how the service is: a datagram of lines for each word, by the protocol of sd_notify(3)
/// (https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html). Container engines and other supervisors speak it too.
public final class NotifySocket: Sendable {
  /// What can be said.
  public enum State: Sendable, Hashable {
    /// It is up, or up again after a reload.
    case ready
    /// A reload has begun; ``ready`` ends it.
    case reloading
    case stopping
    /// One line for people, shown by `systemctl status`.
    case status(String)
    /// It lives: the next one is due within the watchdog's interval.
    case watchdog
    /// The start, or the stop, is to take so much longer, counted from now.
    case extendTimeout(Duration)
  }

  private let datagram: UnixDatagram
  private let unsaid = NIOLockedValueBox<Deque<String>>([])
  /// More than a service has to say in a minute; the oldest is forgotten beyond it.
  private static let mostUnsaid = 16

  /// - Parameter path: the value of `$NOTIFY_SOCKET`; nil comes of none, and of an address that isn't a Unix socket's.
  public init?(_ path: String?) {
    guard let path, let datagram = UnixDatagram(path) else { return nil }
    self.datagram = datagram
  }

  /// Says all of it at once, and waits for nothing: a manager whose queue is full must not hold up the service. What it had no room for is
  /// said before the next word, or by ``sendUnsaid()``.
  /// - Returns: whether it was sent; nobody waits for an answer.
  @discardableResult
  public func send(_ states: State...) -> Bool {
    let text = states.flatMap { $0.lines }.joined(separator: "\n")
    // The next one comes anyway.
    let isWorthKeeping = states != [.watchdog]
    return unsaid.withLockedValue { unsaid in
      guard sendAll(&unsaid), sendNow(text) else {
        if isWorthKeeping { unsaid.append(text) }
        if unsaid.count > Self.mostUnsaid { unsaid.removeFirst() }
        return false
      }
      return true
    }
  }

  /// Says what there was no room for.
  /// - Returns: whether nothing is left unsaid.
  @discardableResult
  public func sendUnsaid() -> Bool { unsaid.withLockedValue { sendAll(&$0) } }

  private func sendAll(_ unsaid: inout Deque<String>) -> Bool {
    while let text = unsaid.first {
      guard sendNow(text) else { return false }
      unsaid.removeFirst()
    }
    return true
  }

  private func sendNow(_ text: String) -> Bool {
    guard let socket = UnixDatagram.openSocket() else { return false }
    defer { close(socket) }
    return datagram.send(Array(text.utf8), with: socket, waits: false)
  }
}

extension NotifySocket.State {
  var lines: [String] {
    switch self {
    case .ready: ["READY=1"]
    case .reloading:
      // When it began, so that the manager can tell this reload's READY from an earlier one's.
      ["RELOADING=1", "MONOTONIC_USEC=\(Self.monotonicMicroseconds())"]
    case .stopping: ["STOPPING=1"]
    case .status(let text): ["STATUS=" + text.map { $0.isNewline ? " " : String($0) }.joined()]
    case .watchdog: ["WATCHDOG=1"]
    case .extendTimeout(let duration): ["EXTEND_TIMEOUT_USEC=\(max(0, duration.microseconds))"]
    }
  }

  private static func monotonicMicroseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }
}

extension Duration {
  fileprivate var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}

/// The service manager's watchdog: a service that is silent for longer than ``interval`` is ended and started again.
public struct Watchdog: Sendable, Hashable {
  public var interval: Duration

  /// By sd_watchdog_enabled(3) (https://www.freedesktop.org/software/systemd/man/latest/sd_watchdog_enabled.html).
  /// - Parameters:
  ///   - microseconds: the value of `$WATCHDOG_USEC`.
  ///   - process: the value of `$WATCHDOG_PID`: the process that is meant, when it isn't whoever inherited the variables.
  public init?(microseconds: String?, process: String?) {
    guard let microseconds = microseconds.flatMap(Int64.init), microseconds > 0 else { return nil }
    if let process { guard process == "\(getpid())" else { return nil } }
    interval = .microseconds(microseconds)
  }
}
