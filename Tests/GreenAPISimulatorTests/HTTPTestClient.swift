import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One connection, read to its end: nothing between the test and the bytes, so that broken answers are seen as they are.
struct HTTPTestClient: Sendable {
  let port: Int

  /// What came back, until the other side closed, or a whole answer was there.
  struct Reply: Sendable {
    var bytes: [UInt8] = []
    /// Whether the other side closed the connection before the answer was whole.
    var closedEarly = false

    var status: Int? {
      guard let line = headLines.first?.split(separator: " "), line.count > 1 else { return nil }
      return Int(line[1])
    }

    func header(_ name: String) -> String? {
      for line in headLines.dropFirst() {
        guard let colon = line.firstIndex(of: ":") else { continue }
        if line[..<colon].lowercased() == name.lowercased() {
          return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
      }
      return nil
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body so far, out of its chunks.
    var body: [UInt8] {
      guard let start = bodyStart else { return [] }
      let raw = bytes[start...]
      guard header("transfer-encoding") == "chunked" else { return Array(raw) }
      var body: [UInt8] = []
      var rest = raw
      while let end = rest.firstIndex(of: 10), let size = Int(Self.line(rest[..<end]), radix: 16), size > 0 {
        let chunk = rest[(end + 1)...].prefix(size)
        body += chunk
        rest = rest[min(chunk.endIndex + 2, rest.endIndex)...]
      }
      return body
    }

    func json() throws -> Any {
      try JSONSerialization.jsonObject(with: Data(body), options: .fragmentsAllowed)
    }

    var isWhole: Bool {
      guard let start = bodyStart else { return false }
      if header("transfer-encoding") == "chunked" { return bytes.suffix(5) == Array("0\r\n\r\n".utf8)[...] }
      return bytes.count - start >= header("content-length").flatMap { Int($0) } ?? 0
    }

    private var bodyStart: Int? {
      let end = Array("\r\n\r\n".utf8)
      guard bytes.count >= 4 else { return nil }
      return (0...(bytes.count - 4)).first { bytes[$0..<$0 + 4] == end[...] }.map { $0 + 4 }
    }

    private var headLines: [String] {
      String(decoding: bytes.prefix(bodyStart ?? 0), as: UTF8.self).components(separatedBy: "\r\n")
    }

    private static func line(_ bytes: ArraySlice<UInt8>) -> String {
      String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }

  func get(_ path: String, upTo limit: Int = .max) async throws -> Reply {
    try await send("GET", path, upTo: limit)
  }

  /// - Parameter limit: Hangs up once so many bytes came.
  func send(_ method: String, _ path: String, body: String? = nil, upTo limit: Int = .max) async throws -> Reply {
    var request = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if let body { request += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n" }
    request += "\r\n" + (body ?? "")
    let bytes = Array(request.utf8)
    return try await apart { try exchange(bytes, limit: limit) }
  }

  /// Sends these bytes and reads until the other side closes.
  func raw(_ request: String) async throws -> String {
    let bytes = Array(request.utf8)
    return try await apart {
      String(decoding: try exchange(bytes, limit: .max, untilClosed: true).bytes, as: UTF8.self)
    }
  }

  struct SocketError: Error {
    let call: String
    let code: Int32
  }

  /// A test that waits longer than this has failed.
  private static let deadline = 20

  private func exchange(_ request: [UInt8], limit: Int, untilClosed: Bool = false) throws -> Reply {
    let socket = try connect()
    defer { close(socket) }
    var sent = 0
    while sent < request.count {
      let count = request[sent...].withUnsafeBytes { write(socket, $0.baseAddress, $0.count) }
      guard count > 0 else { throw SocketError(call: "write", code: errno) }
      sent += count
    }
    var reply = Reply()
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while reply.bytes.count < limit {
      let count = buffer.withUnsafeMutableBytes { read(socket, $0.baseAddress, $0.count) }
      if count < 0, errno != ECONNRESET { throw SocketError(call: "read", code: errno) }
      if count <= 0 {
        reply.closedEarly = !reply.isWhole
        return reply
      }
      reply.bytes += buffer[..<count]
      if untilClosed { continue }
      // Looking for the end of the head is done only while there is little to look through.
      if reply.bytes.count < 1_000_000 ? reply.isWhole : reply.bytes.suffix(5) == Array("0\r\n\r\n".utf8)[...] {
        return reply
      }
    }
    return reply
  }

  /// A connection that the caller closes.
  func connect() throws -> Int32 {
    #if canImport(Darwin)
      let descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #else
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    guard descriptor >= 0 else { throw SocketError(call: "socket", code: errno) }
    var timeout = timeval(tv_sec: Self.deadline, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        #if canImport(Glibc)
          Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        #elseif canImport(Musl)
          Musl.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        #else
          Darwin.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        #endif
      }
    }
    guard result == 0 else {
      close(descriptor)
      throw SocketError(call: "connect", code: errno)
    }
    return descriptor
  }
}

/// Runs what blocks on a thread of its own: it must not take one of the pool that the server answers from.
func apart<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
  }
}
