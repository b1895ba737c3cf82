import Glibc

/// One entry of systemd's journal: fields by name (https://www.freedesktop.org/software/systemd/man/latest/systemd.journal-fields.html).
public struct JournalEntry: Sendable, Hashable {
  /// In the order in which they were given.
  public private(set) var fields: [(name: String, value: String)] = []

  /// Larger values are cut: an entry is to fit into one datagram.
  static let longestValue = 48 << 10

  public init() {}

  /// - Parameter name: what holds other characters than `A`–`Z`, `0`–`9` and `_`, or begins with a digit or `_`, is brought into that
  ///   form: `idMessage` becomes `ID_MESSAGE`.
  public mutating func add(_ name: String, _ value: String) { fields.append((Self.fieldName(name), value)) }

  /// By the native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/): `NAME=value`, or for a value with line breaks the name, its
  /// length as 64 bits, little endian, and the value.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    for (name, value) in fields {
      bytes += name.utf8
      let value = value.utf8.prefix(Self.longestValue)
      if value.contains(0x0A) {
        bytes.append(0x0A)
        withUnsafeBytes(of: UInt64(value.count).littleEndian) { bytes += $0 }
      } else {
        bytes.append(UInt8(ascii: "="))
      }
      bytes += value
      bytes.append(0x0A)
    }
    return bytes
  }

  static func fieldName(_ name: String) -> String {
    var out = ""
    var wasLower = false
    for scalar in name.unicodeScalars {
      switch scalar {
      case "a"..."z":
        out += scalar.properties.uppercaseMapping
        wasLower = true
      case "A"..."Z":
        if wasLower { out += "_" }
        out.unicodeScalars.append(scalar)
        wasLower = false
      case "0"..."9" where !out.isEmpty:
        out.unicodeScalars.append(scalar)
        wasLower = true
      default:
        if !out.isEmpty { out += "_" }
        wasLower = false
      }
    }
    return out.isEmpty ? "FIELD" : String(out.prefix(64))
  }

  public static func == (one: Self, other: Self) -> Bool { one.bytes == other.bytes }
  public func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}

/// systemd's journal, by its own socket: there entries keep their fields, which standard error has no room for.
public final class JournalSocket: Sendable {
  public static let usualPath = "/run/systemd/journal/socket"

  private let datagram: UnixDatagram
  private let descriptor: Int32

  /// nil when there is no such socket.
  public init?(path: String = JournalSocket.usualPath) {
    guard access(path, W_OK) == 0, let datagram = UnixDatagram(path), let descriptor = UnixDatagram.openSocket() else {
      return nil
    }
    self.datagram = datagram
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Waits for as long as the journal's queue is full: for a thread that nobody waits for.
  /// - Returns: whether the journal has it.
  public func send(_ entry: JournalEntry) -> Bool { datagram.send(entry.bytes, with: descriptor) }

  /// Whether a stream is connected to the journal, by the rule of systemd.exec(5) for `$JOURNAL_STREAM`. The variable alone says little: a
  /// terminal's programs may have inherited it.
  /// - Parameter variable: its value, `DEVICE:INODE`.
  public static func isConnected(_ stream: Int32, to variable: String?) -> Bool {
    guard let variable else { return false }
    var status = stat()
    return fstat(stream, &status) == 0 && variable == "\(status.st_dev):\(status.st_ino)"
  }
}
