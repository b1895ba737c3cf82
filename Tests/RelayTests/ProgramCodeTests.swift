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

  @Test("There is such code in this very process, and it goes on working when its pages are given back")
  func ownCode() throws {
    let smaps = try String(contentsOfFile: "/proc/self/smaps", encoding: .utf8)
    #expect(!ProgramCode.unwritten(in: smaps).isEmpty)
    ProgramCode.letGo()
    #expect(ProgramCode.unwritten(in: smaps).allSatisfy { $0.count > 0 })
  }
}
