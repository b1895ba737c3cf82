import Foundation

/// The files a configuration is made of: itself, secrets, certificates.
public protocol ConfigurationFiles: Sendable {
  /// Whether something lies there, readable or not.
  func exists(_ path: String) -> Bool
  /// The contents of a file of at most `limit` bytes.
  func read(_ path: String, limit: Int) throws(ConfigurationFileFault) -> ConfigurationFile
}

/// What was read of a file.
public struct ConfigurationFile: Sendable {
  public var bytes: [UInt8]
  /// The permission bits of `st_mode`.
  public var mode: UInt32

  public init(bytes: [UInt8], mode: UInt32) {
    self.bytes = bytes
    self.mode = mode
  }

  /// Whether others than the owner may read it.
  var isReadableByOthers: Bool { mode & 0o044 != 0 }

  /// The permission bits as `chmod` takes them.
  var modeText: String { "0" + String(mode & 0o777, radix: 8) }
}

/// Why a file could not be read.
public enum ConfigurationFileFault: Error, Hashable, Sendable {
  case missing
  case isDirectory
  case notPermitted
  case tooLarge
  /// With the system's words.
  case other(String)

  /// What to say after the file's name.
  var text: String {
    switch self {
    case .missing: "does not exist"
    case .isDirectory: "is a directory"
    case .notPermitted: "may not be read by this user"
    case .tooLarge: "is too large"
    case .other(let text): "could not be read (\(text))"
    }
  }
}

/// The machine's own files.
public struct DiskFiles: ConfigurationFiles {
  public init() {}

  public func exists(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 || errno == EACCES
  }

  public func read(_ path: String, limit: Int) throws(ConfigurationFileFault) -> ConfigurationFile {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw fault(errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw fault(errno) }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw .isDirectory }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    // The size is not asked beforehand: a pipe has none, and a file may grow meanwhile.
    while true {
      let count = buffer.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw fault(errno)
      }
      if count == 0 { return ConfigurationFile(bytes: bytes, mode: UInt32(status.st_mode) & 0o7777) }
      bytes += buffer[..<count]
      guard bytes.count <= limit else { throw .tooLarge }
    }
  }

  private func fault(_ code: Int32) -> ConfigurationFileFault {
    switch code {
    case ENOENT, ENOTDIR: .missing
    case EISDIR: .isDirectory
    case EACCES, EPERM: .notPermitted
    default: .other(String(cString: strerror(code)))
    }
  }
}
