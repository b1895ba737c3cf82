import Foundation
import Logging
import NIOConcurrencyHelpers
import Systemd
import TestServers
import Testing

@testable import Relay

/// What becomes of log lines when nobody takes them.
@Suite struct LogWriterTests {
  /// A sink that waits at each batch until it is told to go on.
  private final class Sluice: Sendable {
    let turns = DispatchSemaphore(value: 0)
    private let taken = NIOLockedValueBox<[LogLine]>([])
    private let reached = NIOLockedValueBox(0)

    func write(_ lines: [LogLine]) -> [LogLine] {
      reached.withLockedValue { $0 += 1 }
      turns.wait()
      taken.withLockedValue { $0 += lines }
      return []
    }

    func open() { for _ in 0..<10_000 { turns.signal() } }
    var messages: [String] { taken.withLockedValue { $0.map(\.message) } }
    var batches: Int { reached.withLockedValue { $0 } }
  }

  @Test("While the sink stands still lines are taken in without waiting, and given up by level; later that is told")
  func standstill() async throws {
    let sluice = Sluice()
    let writer = LogWriter(mostLines: 100) { sluice.write($0) }
    writer.append(LogLine(.notice, "first"))
    try await eventually("the sink is at work") { sluice.batches == 1 }
    for number in 0..<100 { writer.append(LogLine(.debug, "debug \(number)")) }
    for number in 0..<50 { writer.append(LogLine(.info, "info \(number)")) }
    for number in 0..<100 { writer.append(LogLine(.error, "error \(number)")) }
    writer.append(LogLine(.info, "in vain"))
    #expect(writer.lost == [.debug: 100, .info: 51])
    sluice.open()
    await writer.flush(within: .seconds(60))
    let told = "151 log lines were lost, as nobody took them in time: 100 debug, 51 info"
    try await eventually("the loss is told") { sluice.messages.contains(told) }
    #expect(sluice.messages.filter { $0 != told } == ["first"] + (0..<100).map { "error \($0)" })
    writer.append(LogLine(.notice, "later"))
    await writer.flush(within: .seconds(60))
    #expect(sluice.messages.count { $0 == told } == 1 && sluice.messages.last == "later")
  }

  @Test("The end of the program waits for its last lines, and no longer than its limit when nobody takes them")
  func flush() async throws {
    let sluice = Sluice()
    let writer = LogWriter { sluice.write($0) }
    writer.append(LogLine(.notice, "stopped"))
    await writer.flush(within: .milliseconds(10))
    #expect(sluice.messages == [])
    sluice.open()
    await writer.flush(within: .seconds(60))
    #expect(sluice.messages == ["stopped"])
  }

  @Test("A stopped journal holds up the log alone, and gets all that there was room for when it goes on")
  func journal() async throws {
    let path = FileManager.default.temporaryDirectory.path + "/journal-\(UUID().uuidString.prefix(8))"
    let stopped = StoppedReceiver(path)
    defer { unlink(path) }
    let pipe = Pipe()
    let writer = LogWriter(
      try #require(JournalSocket(path: path)), else: LogStream(pipe.fileHandleForWriting.fileDescriptor))
    let count = 200
    for number in 0..<count { writer.append(LogLine(.info, "line \(number)")) }
    await writer.flush(within: .milliseconds(10))
    #expect(writer.lost == [:])
    let arrived = NIOLockedValueBox<[String]>([])
    try await eventually("all lines are in the journal") {
      let new = stopped.receiveAll()
      return arrived.withLockedValue { arrived in
        arrived += new
        return arrived.count >= count
      }
    }
    let lines = arrived.withLockedValue { $0 }
    #expect(lines.first?.hasPrefix("MESSAGE=line 0\n") == true)
    #expect(lines.last?.hasPrefix("MESSAGE=line \(count - 1)\n") == true && lines.count == count)
  }

  @Test("A whole relay goes on, and ends, while the journal is stopped")
  func relayWithStoppedJournal() async throws {
    let path = FileManager.default.temporaryDirectory.path + "/journal-\(UUID().uuidString.prefix(8))"
    let stopped = StoppedReceiver(path)
    defer { unlink(path) }
    // Never closed: what is left goes there when the journal has gone, which may be after the test, and another one would have its number.
    let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
    try #require(nowhere >= 0)
    let writer = LogWriter(try #require(JournalSocket(path: path)), else: LogStream(nowhere))
    try await RelayHarness.run { harness in
      harness.log.write(to: writer)
      for number in 0..<200 { try await harness.post("M\(number)") }
      try await harness.poll()
      try await harness.delivered(200)
      try await harness.post("later")
      try await harness.poll()
      try await harness.delivered(201)
      await harness.stop()
      #expect(harness.log.count(of: "notice stopped") == 1)
    }
    // Its queue has been full since the first lines.
    #expect(!stopped.receiveAll().isEmpty)
  }

  @Test("What the journal does not take goes to standard error")
  func journalGone() async throws {
    let path = FileManager.default.temporaryDirectory.path + "/journal-\(UUID().uuidString.prefix(8))"
    var receiver: StoppedReceiver? = StoppedReceiver(path)
    defer { unlink(path) }
    let journal = try #require(JournalSocket(path: path))
    _ = receiver
    receiver = nil
    let pipe = Pipe()
    let writer = LogWriter(journal, else: LogStream(pipe.fileHandleForWriting.fileDescriptor))
    writer.append(LogLine(.warning, "hello"))
    await writer.flush(within: .seconds(60))
    #expect(String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self) == "<4>hello\n")
  }

  @Test("A place that takes nothing loses the lines, which are counted, and is written to again when it does")
  func fullDisk() async throws {
    let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
    try #require(full >= 0)
    defer { close(full) }
    let pipe = Pipe()
    let isFull = NIOLockedValueBox(true)
    let (bad, good) = (LogStream(full), LogStream(pipe.fileHandleForWriting.fileDescriptor))
    let writer = LogWriter { lines in (isFull.withLockedValue { $0 } ? bad : good).write(lines, as: .text) }
    writer.append(LogLine(.error, "unheard"))
    try await eventually("it is counted") { writer.lost == [.error: 1] }
    isFull.withLockedValue { $0 = false }
    writer.append(LogLine(.error, "heard"))
    await writer.flush(within: .seconds(60))
    let text = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
    #expect(text.contains(" error heard\n"))
    try await eventually("the loss is told") { () -> Bool in
      writer.append(LogLine(.error, "again"))
      await writer.flush(within: .seconds(60))
      return String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self).contains("again")
    }
    #expect(!text.contains("unheard"))
  }

  @Test("A reader that has gone, and a stream that is closed, are no reason to end")
  func noReader() {
    let pipe = Pipe()
    signal(SIGPIPE, SIG_IGN)
    try? pipe.fileHandleForReading.close()
    let lines = [LogLine(.error, "hello")]
    #expect(LogStream(pipe.fileHandleForWriting.fileDescriptor).write(lines, as: .text).count == 1)
    #expect(LogStream(-1).write(lines, as: .text).count == 1)
  }

  @Test("A full pipe is written to the end as its reader reads, though somebody else made it not to block")
  func fullPipe() async throws {
    let pipe = Pipe()
    let descriptor = pipe.fileHandleForWriting.fileDescriptor
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    let writer = LogWriter { LogStream(descriptor).write($0, as: .journald) }
    let text = String(repeating: "x", count: 1000)
    for _ in 0..<200 { writer.append(LogLine(.info, text)) }
    await writer.flush(within: .milliseconds(10))
    var read = 0
    while read < 200 * 1004 { read += pipe.fileHandleForReading.availableData.count }
    #expect(read == 200 * 1004 && writer.lost == [:])
  }
}
