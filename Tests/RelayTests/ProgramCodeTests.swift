import Foundation
import Testing

@testable import Relay

struct ProgramCodeTests {
  private static func segment(_ type: Int32, _ flags: Int32, _ start: UInt64, _ size: UInt64) -> Elf64_Phdr {
    var header = Elf64_Phdr()
    header.p_type = UInt32(type)
    header.p_flags = UInt32(flags)
    header.p_vaddr = start
    header.p_filesz = size
    return header
  }

  @Test("Of a loaded file the whole pages are given back that can't be written to")
  func choice() {
    let headers = [
      Self.segment(PT_LOAD, PF_R, 0, 0x2800),
      Self.segment(PT_LOAD, PF_R | PF_X, 0x3100, 0x2f00),
      Self.segment(PT_LOAD, PF_R | PF_X, 0x7001, 0x1ffe),
      Self.segment(PT_LOAD, PF_R | PF_W, 0x9000, 0x4000),
      Self.segment(PT_GNU_RELRO, PF_R, 0x9000, 0x1000),
    ]
    let found = headers.withUnsafeBufferPointer {
      ProgramCode.unwritten($0, loadedAt: 0x7000_0000, pageSize: 0x1000)
    }
    #expect(found == [0x7000_0000..<0x7000_2000, 0x7000_4000..<0x7000_6000])
  }

  @Test("Code that the loader has written into is kept", arguments: [(22, 0), (30, 4), (30, 8), (1, 4)])
  func relocated(tag: Int64, value: UInt64) {
    var entries = [Elf64_Dyn(), Elf64_Dyn()]
    entries[0].d_tag = tag
    entries[0].d_un.d_val = value
    entries.withUnsafeBytes { dynamic in
      let headers = [
        Self.segment(PT_LOAD, PF_R, 0, 0x2000),
        Self.segment(PT_DYNAMIC, PF_R, UInt64(UInt(bitPattern: dynamic.baseAddress)), UInt64(dynamic.count)),
      ]
      let found = headers.withUnsafeBufferPointer { ProgramCode.unwritten($0, loadedAt: 0, pageSize: 0x1000) }
      #expect(found.isEmpty == (tag == 22 || value == 4 && tag == 30))
    }
  }

  @Test("What is given back is resident no more, and is there again when it is used; what the loader has written stays")
  func givenBack() async throws {
    // A library that nothing else uses.
    let path = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString + ".so"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let original = try #require(Self.mappings.lazy.map(\.path).first { $0.contains("/libsqlite3.so") })
    try FileManager.default.copyItem(at: URL(fileURLWithPath: original), to: URL(fileURLWithPath: path))
    let library = try #require(dlopen(path, RTLD_NOW | RTLD_LOCAL))
    defer { dlclose(library) }
    typealias Complete = @convention(c) (UnsafePointer<CChar>) -> CInt
    let complete = unsafeBitCast(try #require(dlsym(library, "sqlite3_complete")), to: Complete.self)
    let code = try #require(Self.mappings.first { $0.path == path && $0.isExecutable })
    // Other tests' relays give pages back as well.
    try await eventually("all of it is resident") {
      let bytes = UnsafeRawBufferPointer(
        start: UnsafeRawPointer(bitPattern: code.pages.lowerBound), count: code.pages.count)
      return bytes.reduce(0) { $0 &+ Int($1) } != 0 && Self.resident(code) > code.pages.count / 2
    }
    ProgramCode.letGo()
    // A page at each end may hold something else, too.
    #expect(Self.resident(code) <= 2 * Int(getpagesize()))
    #expect(complete("SELECT 1;") == 1)
    #expect(complete("SELECT 1") == 0)
    #expect(Self.resident(code) > 0)
  }

  private struct Mapping {
    var pages: Range<UInt>
    var isExecutable: Bool
    var path: String
  }

  /// In pieces: its size is said to be zero.
  private static func text(_ name: String) -> String {
    guard let file = FileHandle(forReadingAtPath: "/proc/self/" + name) else { return "" }
    defer { try? file.close() }
    var bytes = Data()
    while let piece = try? file.read(upToCount: 64 << 10), !piece.isEmpty { bytes += piece }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static var mappings: [Mapping] {
    text("maps").split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      let bounds = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
      guard fields.count >= 6, bounds.count == 2 else { return nil }
      return Mapping(pages: bounds[0]..<bounds[1], isExecutable: fields[1].contains("x"), path: String(fields[5]))
    }
  }

  /// Bytes of a mapping that are in memory just now.
  private static func resident(_ mapping: Mapping) -> Int {
    let size = Int(getpagesize())
    let present: UInt64 = 1 << 63
    // https://docs.kernel.org/admin-guide/mm/pagemap.html
    guard let map = FileHandle(forReadingAtPath: "/proc/self/pagemap") else { return 0 }
    defer { try? map.close() }
    guard (try? map.seek(toOffset: UInt64(mapping.pages.lowerBound) / UInt64(size) * 8)) != nil,
      let entries = try? map.read(upToCount: mapping.pages.count / size * 8)
    else { return 0 }
    return entries.withUnsafeBytes { entries in
      entries.bindMemory(to: UInt64.self).count { $0 & present != 0 } * size
    }
  }
}
