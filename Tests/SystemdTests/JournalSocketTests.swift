import Foundation
import TestServers
import Testing

@testable import Systemd

@Suite struct JournalSocketTests {
  @Test("An entry is its fields by the native protocol; a value with line breaks comes with its length")
  func bytes() {
    var entry = JournalEntry()
    entry.add("MESSAGE", "two\nlines")
    entry.add("PRIORITY", "3")
    entry.add("destination", "crm = ü")
    let long = Array("MESSAGE\n".utf8) + [9, 0, 0, 0, 0, 0, 0, 0] + Array("two\nlines\n".utf8)
    #expect(entry.bytes == long + Array("PRIORITY=3\nDESTINATION=crm = ü\n".utf8))
  }

  @Test(
    "Field names are what the journal takes",
    arguments: [
      ("account", "ACCOUNT"), ("idMessage", "ID_MESSAGE"), ("httpStatus", "HTTP_STATUS"), ("MESSAGE_ID", "MESSAGE_ID"),
      ("a.b-c", "A_B_C"), ("_private", "PRIVATE"), ("1st", "ST"), ("ü", "FIELD"), ("", "FIELD"), ("x1Y", "X1_Y"),
    ])
  func names(_ given: String, _ expected: String) { #expect(JournalEntry.fieldName(given) == expected) }

  @Test("An entry reaches the journal's socket whole, however long its message")
  func send() throws {
    try NotifySocketTests.withReceiver("/tmp/") { path, receiver in
      let journal = try #require(JournalSocket(path: path))
      var entry = JournalEntry()
      entry.add("MESSAGE", String(repeating: "x", count: 1_000_000))
      entry.add("PRIORITY", "6")
      #expect(journal.send(entry))
      let text = try #require(NotifySocketTests.wait(for: 1, at: receiver).first)
      #expect(text.utf8.count == "MESSAGE=\nPRIORITY=6\n".utf8.count + JournalEntry.longestValue)
      #expect(text.hasSuffix("x\nPRIORITY=6\n"))
    }
  }

  @Test("Where there is no journal there is none")
  func none() { #expect(JournalSocket(path: "/nonexistent/socket") == nil) }

  @Test("A stream is the journal's only when it is the very one that $JOURNAL_STREAM names")
  func stream() throws {
    let (reader, writer) = (Pipe(), Pipe())
    var status = stat()
    try #require(fstat(writer.fileHandleForWriting.fileDescriptor, &status) == 0)
    let variable = "\(status.st_dev):\(status.st_ino)"
    #expect(JournalSocket.isConnected(writer.fileHandleForWriting.fileDescriptor, to: variable))
    #expect(!JournalSocket.isConnected(reader.fileHandleForWriting.fileDescriptor, to: variable))
    #expect(!JournalSocket.isConnected(writer.fileHandleForWriting.fileDescriptor, to: nil))
    #expect(!JournalSocket.isConnected(-1, to: variable))
  }
}
