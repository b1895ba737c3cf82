import CLoader
import Glibc

/// The process's own code as it is mapped into memory, libraries included.
///
/// An idle relay of 41 MB resident had 35 MB of it, most of them read once at the start: the kernel maps 64 kB around each byte that is
/// used. Let go of once, what goes on being used comes back by itself, and 16 MB are resident in all.
enum ProgramCode {
  /// Gives the pages back to the kernel, which keeps them in its cache for as long as nothing else needs the room; the next use of one
  /// maps it again, without reading the disk then.
  ///
  /// The loader is asked where they are, and neither loads nor unloads anything meanwhile: at an address that `/proc/self/maps` has told
  /// there may be something else by now, which would be lost.
  static func letGo() {
    loader_show_objects { object in
      guard let object = object?.pointee, ProgramCode.isFile(object) else { return }
      let headers = UnsafeRawBufferPointer(
        start: object.headers, count: object.header_count * MemoryLayout<Elf64_Phdr>.stride)
      for pages in ProgramCode.unwritten(headers.bindMemory(to: Elf64_Phdr.self), loadedAt: object.address) {
        madvise(UnsafeMutableRawPointer(bitPattern: pages.lowerBound), pages.count, MADV_DONTNEED)
      }
    }
  }

  /// The program itself has no name here, and what the kernel brings along no path.
  private static func isFile(_ object: loaded_object) -> Bool {
    object.name.pointee == 0 || object.name.pointee == CChar(bitPattern: UInt8(ascii: "/"))
  }

  /// The whole pages of a loaded file that nobody writes to, the loader neither, so that all their bytes stand in the file.
  static func unwritten(
    _ headers: UnsafeBufferPointer<Elf64_Phdr>, loadedAt address: UInt, pageSize: UInt = UInt(getpagesize())
  ) -> [Range<UInt>] {
    guard !headers.contains(where: { $0.p_type == UInt32(PT_DYNAMIC) && isCodeRelocated($0, loadedAt: address) }) else {
      return []
    }
    return headers.compactMap { segment in
      guard segment.p_type == UInt32(PT_LOAD), segment.p_flags & UInt32(PF_W) == 0 else { return nil }
      let start = address + UInt(segment.p_vaddr)
      let first = (start + pageSize - 1) / pageSize * pageSize
      let end = (start + UInt(segment.p_filesz)) / pageSize * pageSize
      return first < end ? first..<end : nil
    }
  }

  /// Whether the loader has written into what can't be written to otherwise: unusual, but allowed.
  private static func isCodeRelocated(_ dynamic: Elf64_Phdr, loadedAt address: UInt) -> Bool {
    guard var entry = UnsafePointer<Elf64_Dyn>(bitPattern: address + UInt(dynamic.p_vaddr)) else { return false }
    while entry.pointee.d_tag != Int64(DT_NULL) {
      let (tag, value) = (entry.pointee.d_tag, entry.pointee.d_un.d_val)
      if tag == Int64(DT_TEXTREL) || tag == Int64(DT_FLAGS) && value & UInt64(DF_TEXTREL) != 0 { return true }
      entry += 1
    }
    return false
  }
}
