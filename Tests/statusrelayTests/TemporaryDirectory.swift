import Foundation

/// An empty directory that is gone when the test ends. Its path is short: a Unix socket's must be.
func withTemporaryDirectory<T>(_ body: (String) async throws -> T) async throws -> T {
  let name = "sr-" + String(UInt64.random(in: .min ... .max), radix: 36)
  let directory = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
  try FileManager.default.createDirectory(
    atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
  defer { try? FileManager.default.removeItem(atPath: directory) }
  return try await body(directory)
}

extension String {
  /// Writes this text to a file that only its owner may read.
  @discardableResult
  func write(to path: String) throws -> String {
    try Data(utf8).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    return path
  }
}
