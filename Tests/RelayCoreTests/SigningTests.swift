import GreenAPI
import RelayCore
import Testing

@Suite struct SigningTests {
  // The first is the example of Standard Webhooks' own libraries; the ed25519 key is the first of RFC 8032, section 7.1.
  private let symmetric = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  private let seed = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
  private let seedAndPublicKey =
    "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg=="
  private let webhookID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
  private let timestamp: Int64 = 1_614_265_330
  private let body = [UInt8](#"{"test": 2432232314}"#.utf8)
  private let symmetricSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
  private let ed25519Signature =
    "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw=="

  private func secret(_ text: String) throws -> SigningSecret { try SigningSecret(Secret(text)) }

  private func sign(_ secret: SigningSecret) -> String {
    secret.signature(webhookID: webhookID, timestamp: timestamp, body: body)
  }

  private func verify(_ secret: SigningSecret, _ header: String, body: [UInt8]? = nil) -> Bool {
    secret.verifies(header, webhookID: webhookID, timestamp: timestamp, body: body ?? self.body)
  }

  @Test("HMAC-SHA256 gives the known signature")
  func hmac() throws {
    let secret = try secret(symmetric)
    #expect(sign(secret) == symmetricSignature)
    #expect(verify(secret, symmetricSignature))
  }

  @Test("ed25519 verifies the known signature and its own, with either form of the key")
  func ed25519() throws {
    for text in [seed, seedAndPublicKey] {
      let secret = try secret(text)
      #expect(verify(secret, ed25519Signature))
      #expect(sign(secret).hasPrefix("v1a,"))
      #expect(verify(secret, sign(secret)))
    }
  }

  @Test("A signature fits one body, one id and one time only")
  func tampering() throws {
    for text in [symmetric, seed] {
      let secret = try secret(text)
      let signature = sign(secret)
      #expect(!verify(secret, signature, body: body + [32]))
      #expect(!secret.verifies(signature, webhookID: webhookID + "x", timestamp: timestamp, body: body))
      #expect(!secret.verifies(signature, webhookID: webhookID, timestamp: timestamp + 1, body: body))
      for header in ["", "v1,", "v1a,", "v2," + signature, String(signature.dropFirst(3)), "v1,!!!", "v1a,AAAA"] {
        #expect(!verify(secret, header), "\(header)")
      }
    }
  }

  @Test("While keys are rotated the header has a signature for each, and each consumer finds its own")
  func rotation() throws {
    let secrets = [try secret(symmetric), try secret(seed)]
    let header = secrets.header(webhookID: webhookID, timestamp: timestamp, body: body)
    #expect(header.split(separator: " ").count == 2)
    for secret in secrets { #expect(verify(secret, header)) }
    #expect([SigningSecret]().header(webhookID: webhookID, timestamp: timestamp, body: body) == "")
    let other = try secret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
    #expect(!verify(other, header))
  }

  @Test(
    "What is no key is refused without showing it",
    arguments: [
      "", "secret", "whsec_", "whsec_!!!", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY=", "whsk_", "whsk_AAAA",
      "whsec_" + String(repeating: "AAAA", count: 22), "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2CdYbGd7/1aYLqESvSS7CzEREnFaXsyaRlwO6wDHK5/YA==",
    ])
  func invalid(text: String) {
    #expect { try secret(text) } throws: { error in
      let words = "\(error)"
      return error is SigningSecret.Invalid && !words.contains("AAAA") && !words.contains("nWGx")
    }
  }

  @Test("A key prints nothing of itself")
  func quiet() throws {
    var dumped = ""
    dump(try secret(symmetric), to: &dumped)
    dump(try secret(seed), to: &dumped)
    for shown in [dumped, "\(try secret(symmetric))", String(reflecting: try secret(seed))] {
      #expect(!shown.contains("MfKQ") && !shown.contains("nWGx") && !shown.contains("9d61"))
      #expect(!shown.contains("157, 97"))
      #expect(!shown.contains("- 157") && !shown.contains("- 49\n"), "\(shown)")
    }
  }
}
