import Foundation
import Systemd
import TestServers
import Testing

@Suite struct NotifySocketTests {
  /// A name that nobody else has, in a folder and as an abstract one.
  static func withReceiver(_ prefix: String, _ body: (String, DatagramReceiver) throws -> Void) throws {
    let path = "\(prefix)sr-\(UUID().uuidString.prefix(8))"
    let receiver = DatagramReceiver(path)
    defer {
      receiver.stop()
      unlink(path)
    }
    try body(path, receiver)
  }

  static func wait(for count: Int, at receiver: DatagramReceiver) -> [String] {
    let deadline = ContinuousClock.now + .seconds(60)
    while receiver.datagrams.count < count, ContinuousClock.now < deadline { usleep(1000) }
    return receiver.texts
  }

  @Test("Each word is one datagram of lines, to a path or an abstract name", arguments: ["/tmp/", "@"])
  func words(_ prefix: String) throws {
    try Self.withReceiver(prefix) { path, receiver in
      let notify = try #require(NotifySocket(path))
      #expect(notify.send(.ready, .status("2 accounts\npolled")))
      #expect(notify.send(.watchdog))
      #expect(notify.send(.stopping))
      #expect(notify.send(.extendTimeout(.milliseconds(1500))))
      #expect(
        Self.wait(for: 4, at: receiver) == [
          "READY=1\nSTATUS=2 accounts polled", "WATCHDOG=1", "STOPPING=1", "EXTEND_TIMEOUT_USEC=1500000",
        ])
    }
  }

  @Test("A reload tells the monotonic time it began at, in microseconds")
  func reloading() throws {
    try Self.withReceiver("/tmp/") { path, receiver in
      func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
      }
      let before = now()
      NotifySocket(path)?.send(.reloading)
      let after = now()
      let lines = try #require(Self.wait(for: 1, at: receiver).first).split(separator: "\n")
      #expect(lines.count == 2 && lines[0] == "RELOADING=1")
      let value = try #require(lines.last?.wholeMatch(of: #/MONOTONIC_USEC=(\d+)/#)?.output.1)
      #expect((before...after).contains(Int64(value) ?? 0))
    }
  }

  @Test("A manager that takes nothing is not waited for, and hears in order what it missed, but old signs of life")
  func fullQueue() throws {
    let path = "@sr-\(UUID().uuidString.prefix(8))"
    let stopped = StoppedReceiver(path)
    let notify = try #require(NotifySocket(path))
    while notify.send(.watchdog) {}
    #expect(!notify.send(.ready, .status("polling")))
    #expect(!notify.send(.watchdog))
    #expect(!notify.send(.stopping))
    #expect(!notify.sendUnsaid())
    let before = stopped.receiveAll()
    #expect(Set(before) == ["WATCHDOG=1"])
    #expect(notify.sendUnsaid())
    #expect(stopped.receiveAll() == ["READY=1\nSTATUS=polling", "STOPPING=1"])
  }

  @Test(
    "Without an address, and with one that is no Unix socket's, there is nobody to tell",
    arguments: [
      nil, "", "/", "relative", "vsock:2:1234", "/" + String(repeating: "x", count: 108),
    ])
  func nobody(_ path: String?) { #expect(NotifySocket(path) == nil) }

  @Test("A socket that is gone is no failure of ours")
  func gone() throws {
    let notify = try #require(NotifySocket("/nonexistent/socket"))
    #expect(!notify.send(.watchdog))
  }

  @Test("The watchdog is ours when it names no process, or this one")
  func watchdog() {
    #expect(Watchdog(microseconds: "60000000", process: nil)?.interval == .seconds(60))
    #expect(Watchdog(microseconds: "500000", process: "\(getpid())")?.interval == .milliseconds(500))
    #expect(Watchdog(microseconds: "500000", process: "1") == nil)
    for value in [nil, "", "0", "-1", "soon"] { #expect(Watchdog(microseconds: value, process: nil) == nil) }
  }
}
