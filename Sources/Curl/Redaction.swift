/// Takes what may be a secret out of libcurl's messages. They name hosts, ports and files on purpose, but a few quote
/// their input (a proxy that cannot be parsed, say, with its password).
enum Redaction {
  private static let replacement = "[redacted]"
  /// Shorter pieces are no secrets, and replacing them would only garble the message.
  private static let shortest = 4

  /// - Parameters:
  ///   - urls: their user information, path segments, query and fragment are taken out, each on its own.
  ///   - values: taken out whole.
  static func redact(_ message: String, urls: [String], values: [String]) -> String {
    var secrets = values
    for url in urls { secrets += parts(of: url) }
    var message = message
    // Longest first: a piece may be part of another one.
    for secret in Set(secrets).sorted(by: { $0.utf8.count > $1.utf8.count }) where secret.utf8.count >= shortest {
      message.replace(secret, with: replacement)
    }
    return withoutUserInformation(message)
  }

  private static func parts(of url: String) -> [String] {
    var rest = url[...]
    if let scheme = rest.firstRange(of: "://") { rest = rest[scheme.upperBound...] }
    let authorityEnd = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
    var parts: [String] = []
    if let at = rest[..<authorityEnd].lastIndex(of: "@") {
      parts.append(String(rest[..<at]))
      parts += rest[..<at].split(separator: ":").map(String.init)
    }
    let target = rest[authorityEnd...]
    parts.append(String(target))
    parts += target.split { "/?#&=".contains($0) }.map(String.init)
    return parts
  }

  /// `//user:password@host` becomes `//host`, wherever the URL came from (the environment's proxy, for one).
  private static func withoutUserInformation(_ message: String) -> String {
    message.replacing(/\/\/[^\/\s'"@]*@/, with: "//\(replacement)@")
  }
}
