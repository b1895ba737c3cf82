import Foundation

/// The server's side of TLS for the tests: the OpenSSL that libcurl brings into the process, found by name because no
/// module declares it.
private enum OpenSSL {
  typealias Pointer = UnsafeMutableRawPointer
  typealias ProtocolChooser =
    @convention(c) (
      Pointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?, UnsafePointer<UInt8>?,
      UInt32,
      Pointer?
    ) -> Int32

  static let method: @convention(c) () -> Pointer? = find("TLS_server_method")
  static let newContext: @convention(c) (Pointer?) -> Pointer? = find("SSL_CTX_new")
  static let freeContext: @convention(c) (Pointer?) -> Void = find("SSL_CTX_free")
  static let useCertificate: @convention(c) (Pointer?, UnsafePointer<CChar>?) -> Int32 =
    find("SSL_CTX_use_certificate_chain_file")
  static let useKey: @convention(c) (Pointer?, UnsafePointer<CChar>?, Int32) -> Int32 =
    find("SSL_CTX_use_PrivateKey_file")
  static let trust: @convention(c) (Pointer?, UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> Int32 =
    find("SSL_CTX_load_verify_locations")
  static let setVerify: @convention(c) (Pointer?, Int32, Pointer?) -> Void = find("SSL_CTX_set_verify")
  static let setChooser: @convention(c) (Pointer?, ProtocolChooser?, Pointer?) -> Void =
    find("SSL_CTX_set_alpn_select_cb")
  static let newSession: @convention(c) (Pointer?) -> Pointer? = find("SSL_new")
  static let freeSession: @convention(c) (Pointer?) -> Void = find("SSL_free")
  static let setDescriptor: @convention(c) (Pointer?, Int32) -> Int32 = find("SSL_set_fd")
  static let accept: @convention(c) (Pointer?) -> Int32 = find("SSL_accept")
  static let read: @convention(c) (Pointer?, Pointer?, Int32) -> Int32 = find("SSL_read")
  static let write: @convention(c) (Pointer?, UnsafeRawPointer?, Int32) -> Int32 = find("SSL_write")

  private static func find<Function>(_ name: String) -> Function {
    guard let symbol = dlsym(nil, name) ?? dlsym(dlopen("libssl.so.3", RTLD_NOW), name) else {
      fatalError("The tests' TLS server needs OpenSSL's \(name).")
    }
    return unsafeBitCast(symbol, to: Function.self)
  }
}

/// What a TLS server has to show and to ask for.
package final class TLSServerContext: @unchecked Sendable {
  // Sendable: OpenSSL lets any number of threads make sessions from a context that is not changed any more.
  fileprivate let context: UnsafeMutableRawPointer

  /// - Parameters:
  ///   - clientAuthority: the certificate that clients must have theirs from; nil asks for none.
  ///   - offersHTTP2: whether `h2` is chosen when the client offers it.
  package init(_ identity: TestCertificates.Identity, clientAuthority: String? = nil, offersHTTP2: Bool = false) {
    guard let context = OpenSSL.newContext(OpenSSL.method()) else { fatalError("no TLS context") }
    self.context = context
    precondition(OpenSSL.useCertificate(context, identity.certificate) == 1)
    precondition(OpenSSL.useKey(context, identity.key, 1) == 1)
    if let clientAuthority {
      precondition(OpenSSL.trust(context, clientAuthority, nil) == 1)
      // SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
      OpenSSL.setVerify(context, 3, nil)
    }
    if offersHTTP2 { OpenSSL.setChooser(context, chooseHTTP2, nil) }
  }

  deinit { OpenSSL.freeContext(context) }
}

private let chooseHTTP2: OpenSSL.ProtocolChooser = { _, chosen, length, offered, offeredCount, _ in
  guard let chosen, let length, let offered else { return 3 }
  var index = 0
  while index < Int(offeredCount) {
    let count = Int(offered[index])
    if count == 2, offered[index + 1] == UInt8(ascii: "h"), offered[index + 2] == UInt8(ascii: "2") {
      chosen.pointee = offered + index + 1
      length.pointee = 2
      return 0
    }
    index += 1 + count
  }
  // SSL_TLSEXT_ERR_NOACK
  return 3
}

/// One connection's TLS, used by the thread of its script alone.
package final class TLSServerSession: @unchecked Sendable {
  // Sendable: see above.
  private let session: UnsafeMutableRawPointer?
  private let context: TLSServerContext
  package let isEstablished: Bool

  package init(_ context: TLSServerContext, descriptor: Int32) {
    self.context = context
    session = OpenSSL.newSession(context.context)
    _ = OpenSSL.setDescriptor(session, descriptor)
    isEstablished = OpenSSL.accept(session) == 1
  }

  package func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    Int(OpenSSL.read(session, buffer.baseAddress, Int32(buffer.count)))
  }

  package func transmit(_ buffer: UnsafeRawBufferPointer) -> Int {
    Int(OpenSSL.write(session, buffer.baseAddress, Int32(min(buffer.count, 1 << 20))))
  }

  package func end() { OpenSSL.freeSession(session) }
}

/// OpenSSL writes to closed connections without asking for silence. The signal stays blocked on the server's threads
/// only, so that the client's own protection is what the tests see.
package func blockBrokenPipeSignal() {
  var signals = sigset_t()
  sigemptyset(&signals)
  sigaddset(&signals, SIGPIPE)
  pthread_sigmask(SIG_BLOCK, &signals, nil)
}
