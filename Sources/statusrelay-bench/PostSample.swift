import CBenchPeer

/// One delivery as it was seen on the wire: what a bare libcurl loop is to send as well.
struct PostSample {
  /// Header lines that libcurl doesn't make by itself.
  var headers: [String]
  var body: String

  init(_ request: String) throws {
    guard let end = request.firstRange(of: "\r\n\r\n") else { throw BenchFailure("no whole POST was seen") }
    headers = request[..<end.lowerBound].split(separator: "\r\n").dropFirst().map(String.init).filter { line in
      !["host:", "accept:", "content-length:"].contains { line.lowercased().hasPrefix($0) }
    }
    body = String(request[end.upperBound...])
  }

  /// Posts this as often as said, to each URL in turn, with a bare libcurl loop on this thread.
  /// - Returns: nanoseconds.
  func post(_ count: Int, to urls: [String], concurrency: Int) throws -> UInt64 {
    var nanoseconds: UInt64 = 0
    let result = withCStrings(urls) { urls in
      withCStrings(headers) { headers in
        body.withCString { body in
          var options = bench_post_options(
            urls: urls.baseAddress, url_count: UInt32(urls.count), headers: headers.baseAddress,
            header_count: UInt32(headers.count), body: body, body_size: UInt64(self.body.utf8.count),
            count: UInt64(count), concurrency: UInt32(concurrency))
          return bench_post(&options, &nanoseconds)
        }
      }
    }
    guard result == 0 else { throw BenchFailure("the bare loop could not post everything") }
    return nanoseconds
  }
}

/// C's `const char *const *`, for as long as the body runs.
func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) throws -> Result
) rethrows -> Result {
  let copies = strings.map { Array($0.utf8CString) }
  let starts = copies.map { copy in
    let memory = UnsafeMutableBufferPointer<CChar>.allocate(capacity: copy.count)
    _ = memory.initialize(from: copy)
    return memory
  }
  defer { for start in starts { start.deallocate() } }
  return try starts.map { UnsafePointer($0.baseAddress) }.withUnsafeBufferPointer(body)
}

/// A libcurl handle that posts a sample again and again over its kept connection.
final class BarePoster {
  private let poster: OpaquePointer
  /// libcurl points to it.
  private let body: UnsafeMutablePointer<CChar>

  init(_ sample: PostSample, to url: String) throws {
    let text = sample.body.utf8CString
    let body = UnsafeMutablePointer<CChar>.allocate(capacity: text.count)
    text.withUnsafeBufferPointer { body.initialize(from: $0.baseAddress!, count: text.count) }
    self.body = body
    let made = withCStrings([url]) { urls in
      withCStrings(sample.headers) { headers in
        var options = bench_post_options(
          urls: urls.baseAddress, url_count: 1, headers: headers.baseAddress, header_count: UInt32(headers.count),
          body: body, body_size: UInt64(text.count - 1), count: 0, concurrency: 0)
        return bench_poster_make(&options)
      }
    }
    guard let made else {
      body.deallocate()
      throw BenchFailure("there is no memory for a libcurl handle")
    }
    poster = made
  }

  deinit {
    bench_poster_free(poster)
    body.deallocate()
  }

  func post() throws {
    guard bench_poster_post(poster) == 0 else { throw BenchFailure("the bare POST failed") }
  }
}
