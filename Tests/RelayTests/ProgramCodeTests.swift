import Foundation
import Testing

@testable import Relay

struct ProgramCodeTests {
  @Test("Only mappings of files are given back that can't be written to and never were")
  func choice() {
    let smaps = """
      1000-3000 r-xp 00000000 fd:00 17                                 /usr/bin/program with spaces
      Rss:                   8 kB
      Anonymous:             0 kB
      VmFlags: rd ex mr mw me
      3000-4000 r--p 00002000 fd:00 17                                 /usr/bin/relocated
      Anonymous:             4 kB
      4000-5000 rw-p 00003000 fd:00 17                                 /usr/bin/data
      Anonymous:             0 kB
      5000-6000 r--s 00003000 fd:00 17                                 /usr/bin/shared
      Anonymous:             0 kB
      6000-7000 r-xp 00000000 00:00 0                                  [vdso]
      Anonymous:             0 kB
      7000-8000 r--p 00000000 00:00 0
      Anonymous:             0 kB
      7fff80000000-7fff80001000 r--p 00000000 fd:00 18                 /lib/x.so
      Rss:                   8 kB
      Anonymous:             0 kB
      """
    #expect(ProgramCode.unwritten(in: smaps) == [0x1000..<0x3000, 0x7fff_8000_0000..<0x7fff_8000_1000])
  }

  @Test("What is given back is resident no more, and is there again when it is read")
  func givenBack() throws {
    let name = UUID().uuidString
    let path = FileManager.default.temporaryDirectory.path + "/" + name
    defer { try? FileManager.default.removeItem(atPath: path) }
    let size = 64 * 4096
    try Data(repeating: 7, count: size).write(to: URL(fileURLWithPath: path))
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(descriptor) }
    let start = try #require(mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0))
    defer { munmap(start, size) }
    let bytes = UnsafeRawBufferPointer(start: start, count: size)
    #expect(bytes.allSatisfy { $0 == 7 })
    #expect(Self.resident(name) == "256")
    ProgramCode.letGo()
    #expect(Self.resident(name) == "0")
    #expect(bytes.allSatisfy { $0 == 7 })
  }

  /// Kilobytes of the file that are mapped just now.
  private static func resident(_ name: String) -> Substring? {
    let lines = ProgramCode.smaps().split(separator: "\n")
    let mapping = lines.drop { !$0.hasSuffix(name) }
    return mapping.first { $0.hasPrefix("Rss:") }?.split(separator: " ")[1]
  }
}
