import Crypto
import Foundation
import GreenAPI

/// A key of Standard Webhooks, as the configuration gives it.
///
/// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md : `whsec_` and base64 is a key for
/// HMAC-SHA256 (24 to 64 bytes), `whsk_` and base64 a private ed25519 key (a 32-byte seed, or seed and public key in 64 bytes).
public struct SigningSecret: Hashable, Sendable {
  private enum Key: Sendable {
    case symmetric(SymmetricKey)
    case ed25519(Curve25519.Signing.PrivateKey)
  }

  private let key: Key
  /// As it was given, so that it can be hidden wherever it shows up.
  public let text: Secret

  /// Why a text is no signing secret; it never holds the text.
  public struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
  }

  public init(_ secret: Secret) throws(Invalid) {
    self.text = secret
    let text = secret.reveal()
    if text.hasPrefix("whsk_") {
      guard let bytes = Data(base64Encoded: String(text.dropFirst(5))), bytes.count == 32 || bytes.count == 64,
        let privateKey = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes.prefix(32))
      else { throw Invalid(description: "whsk_ must be followed by the base64 of a 32-byte seed or a 64-byte key") }
      guard bytes.count == 32 || privateKey.publicKey.rawRepresentation == bytes.suffix(32) else {
        throw Invalid(description: "the second half of the whsk_ key is not the public key of the first")
      }
      key = .ed25519(privateKey)
    } else if text.hasPrefix("whsec_") {
      guard let bytes = Data(base64Encoded: String(text.dropFirst(6))), (24...64).contains(bytes.count) else {
        throw Invalid(description: "whsec_ must be followed by the base64 of 24 to 64 bytes")
      }
      key = .symmetric(SymmetricKey(data: bytes))
    } else {
      throw Invalid(description: "a signing secret begins with whsec_ (HMAC-SHA256) or whsk_ (ed25519)")
    }
  }

  /// Equal when they are of one kind and sign with the same bytes, however those were written.
  public static func == (a: SigningSecret, b: SigningSecret) -> Bool {
    switch (a.key, b.key) {
    case (.symmetric(let a), .symmetric(let b)): a == b
    case (.ed25519(let a), .ed25519(let b)): a.rawRepresentation == b.rawRepresentation
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch key {
    case .symmetric(let key): key.withUnsafeBytes { hasher.combine(bytes: $0) }
    case .ed25519(let key): hasher.combine(key.rawRepresentation)
    }
  }

  /// One signature, with its version before it: `v1,…` or `v1a,…`.
  public func signature(webhookID: String, timestamp: Int64, body: [UInt8]) -> String {
    var signed = Data("\(webhookID).\(timestamp).".utf8)
    signed.append(contentsOf: body)
    switch key {
    case .symmetric(let key):
      return "v1," + Data(HMAC<SHA256>.authenticationCode(for: signed, using: key)).base64EncodedString()
    case .ed25519(let key):
      // Signing with a valid private key fails only when memory does.
      guard let signature = try? key.signature(for: signed) else { return "" }
      return "v1a," + signature.base64EncodedString()
    }
  }

  /// Whether one of the signatures in a `webhook-signature` header is by this key.
  public func verifies(_ header: String, webhookID: String, timestamp: Int64, body: [UInt8]) -> Bool {
    var signed = Data("\(webhookID).\(timestamp).".utf8)
    signed.append(contentsOf: body)
    return header.split(separator: " ").contains { candidate in
      switch key {
      case .symmetric(let key):
        guard candidate.hasPrefix("v1,"), let code = Data(base64Encoded: String(candidate.dropFirst(3))) else {
          return false
        }
        return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: signed, using: key)
      case .ed25519(let key):
        guard candidate.hasPrefix("v1a,"), let code = Data(base64Encoded: String(candidate.dropFirst(4))) else {
          return false
        }
        return key.publicKey.isValidSignature(code, for: signed)
      }
    }
  }
}

extension [SigningSecret] {
  /// The value of `webhook-signature`: one signature for each secret, while keys are rotated.
  public func header(webhookID: String, timestamp: Int64, body: [UInt8]) -> String {
    map { $0.signature(webhookID: webhookID, timestamp: timestamp, body: body) }.joined(separator: " ")
  }
}
