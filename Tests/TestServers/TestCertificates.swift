import Foundation

/// A certificate authority and what it signed, made by the `openssl` tool in a temporary folder.
package final class TestCertificates: Sendable {
  package struct Identity: Sendable {
    package var certificate: String
    package var key: String
  }

  private let folder: URL
  package let authority: Identity
  /// An authority that signed nothing.
  package let stranger: Identity
  /// For 127.0.0.1 and localhost.
  package let server: Identity
  package let client: Identity

  package init() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "curl-tls-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    self.folder = folder
    authority = try Self.make("authority", in: folder, ["-addext", "basicConstraints=critical,CA:TRUE"])
    stranger = try Self.make("stranger", in: folder, ["-addext", "basicConstraints=critical,CA:TRUE"])
    let signed = ["-CA", authority.certificate, "-CAkey", authority.key]
    server = try Self.make("server", in: folder, ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"] + signed)
    client = try Self.make("client", in: folder, signed)
  }

  /// The server's, past its time.
  package func makeExpired() throws -> Identity {
    let expired = Identity(certificate: folder.appending(path: "expired.pem").path, key: server.key)
    let request = folder.appending(path: "expired.csr").path
    try Self.runTool([
      "req", "-new", "-key", server.key, "-subj", "/CN=expired", "-addext", "subjectAltName=IP:127.0.0.1",
      "-out", request,
    ])
    try Self.runTool([
      "x509", "-req", "-in", request, "-copy_extensions", "copy", "-days", "-1", "-CA", authority.certificate,
      "-CAkey", authority.key, "-out", expired.certificate,
    ])
    return expired
  }

  /// A server's for this name only.
  package func makeServer(for name: String) throws -> Identity {
    try Self.make(
      name, in: folder,
      ["-addext", "subjectAltName=DNS:\(name)", "-CA", authority.certificate, "-CAkey", authority.key])
  }

  package func remove() { try? FileManager.default.removeItem(at: folder) }

  package static let hasTool = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .contains { FileManager.default.isExecutableFile(atPath: "\($0)/openssl") }

  private static func make(_ name: String, in folder: URL, _ arguments: [String]) throws -> Identity {
    let identity = Identity(
      certificate: folder.appending(path: "\(name).pem").path, key: folder.appending(path: "\(name).key").path)
    try runTool(
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
        "-subj", "/CN=\(name)", "-keyout", identity.key, "-out", identity.certificate,
      ] + arguments)
    return identity
  }

  private static func runTool(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
  }
}
