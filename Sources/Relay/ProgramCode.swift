import Foundation

/// The process's own code as it is mapped into memory, libraries included.
///
/// An idle relay of 41 MB resident had 35 MB of it, most of them read once at the start: the kernel maps 64 kB around each byte that is
/// used. Let go of once, what goes on being used comes back by itself, and 16 MB are resident in all.
enum ProgramCode {
  /// Gives the pages back to the kernel, which keeps them in its cache for as long as nothing else needs the room; the next use of one
  /// maps it again, without reading the disk then.
  static func letGo() {
    for pages in unwritten(in: smaps()) {
      madvise(UnsafeMutableRawPointer(bitPattern: pages.lowerBound), pages.count, MADV_DONTNEED)
    }
  }

  /// Empty when there is no such file. Foundation reads only the first kilobytes of it, as its size is said to be zero.
  static func smaps() -> String {
    let descriptor = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while case let count = read(descriptor, &piece, piece.count), count > 0 { text += piece.prefix(count) }
    return String(decoding: text, as: UTF8.self)
  }

  /// The mappings of files that may not be written to and of which no page ever was, so that all their bytes stand in the file: giving
  /// back others would lose what the loader has written. https://man7.org/linux/man-pages/man5/proc_pid_smaps.5.html
  static func unwritten(in smaps: String) -> [Range<UInt>] {
    var found: [Range<UInt>] = []
    var mapping: Range<UInt>?
    // Bytes: the text of some hundred mappings has many characters.
    for line in smaps.utf8.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "))
      if fields.count >= 2, fields[1].count == 4, fields[1].last == UInt8(ascii: "p"), let range = range(fields[0]) {
        let isReadOnlyFile =
          fields[1].starts(with: "r-".utf8) && fields.count >= 6 && fields[5].first == UInt8(ascii: "/")
        mapping = isReadOnlyFile ? range : nil
      } else if let pages = mapping, fields.count >= 2, fields[0].elementsEqual("Anonymous:".utf8),
        fields[1].elementsEqual("0".utf8)
      {
        found.append(pages)
      }
    }
    return found
  }

  private static func range(_ text: Substring.UTF8View) -> Range<UInt>? {
    let bounds = text.split(separator: UInt8(ascii: "-")).compactMap { UInt(Substring($0), radix: 16) }
    return bounds.count == 2 && bounds[0] < bounds[1] ? bounds[0]..<bounds[1] : nil
  }
}
