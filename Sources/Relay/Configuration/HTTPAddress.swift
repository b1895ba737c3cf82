import Foundation

/// An http or https URL, or a proxy's, taken apart as far as it must be checked.
///
/// It is stricter than RFC 3986 where a slip is likelier than a wish: no white space, nothing beyond ASCII, no
/// fragment.
struct HTTPAddress {
  /// Without userinfo.
  var url: String
  var isEncrypted: Bool
  /// In small letters, an IPv6 one without its brackets.
  var host: String
  /// `nil` when the scheme's own is meant.
  var port: Int?
  var user: String?
  var password: String?
  /// From the first slash after the host, without the query.
  var path: String
  var query: String?

  /// What is wrong with a text. The text itself isn't in it: it may hold a password or a token.
  struct Fault: Error {
    var what: String
    var suggestion: String?
  }

  static let webSchemes = ["https", "http"]

  init(_ text: String, schemes: [String] = HTTPAddress.webSchemes) throws(Fault) {
    guard text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7F && $0 != "\\" }) else {
      throw Fault(
        what: "holds white space, a backslash or a letter beyond ASCII (a host is written as xn--…, the rest as %XX)")
    }
    guard let separator = text.firstRange(of: "://") else { throw Fault(what: "has no http:// or https:// before it") }
    let scheme = text[..<separator.lowerBound].lowercased()
    guard schemes.contains(scheme) else {
      let meant = Spelling.nearest(to: scheme, among: schemes)
      let what = schemes == Self.webSchemes ? "is neither http nor https" : "is of another kind"
      throw Fault(what: what, suggestion: meant.map { "\($0)://" })
    }
    guard !text.contains("#") else { throw Fault(what: "has a fragment (#…), which is never sent") }
    let rest = text[separator.upperBound...]
    let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    var authority = rest[..<end]
    if let at = authority.lastIndex(of: "@") {
      let userinfo = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard let user = String(userinfo[0]).removingPercentEncoding, !user.isEmpty, !user.contains(":"),
        let password = String(userinfo.count > 1 ? userinfo[1] : "").removingPercentEncoding
      else {
        throw Fault(what: "has an unusable user or password before the host (reserved characters are written as %XX)")
      }
      (self.user, self.password) = (user, password)
      authority = authority[authority.index(after: at)...]
    }
    guard let (host, port) = hostAndPort(authority) else { throw Fault(what: "has an invalid host") }
    guard !host.isEmpty else { throw Fault(what: "has no host") }
    if let port {
      guard port.allSatisfy(\.isNumber), let number = Int(port), (1...65_535).contains(number) else {
        throw Fault(what: "has an invalid port")
      }
      self.port = number
    }
    self.host = host.lowercased()
    isEncrypted = scheme == "https"
    url = "\(scheme)://\(authority)\(rest[end...])"
    let target = rest[end...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = target.first.map(String.init) ?? ""
    query = target.count > 1 ? String(target[1]) : nil
  }
}

/// `host`, `host:port` or `[IPv6]:port` taken apart; `nil` when the host is none.
func hostAndPort(_ text: some StringProtocol) -> (host: String, port: String?)? {
  if let match = String(text).wholeMatch(of: #/\[([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\](?::(.*))?/#) {
    return (String(match.output.1), match.output.2.map(String.init))
  }
  let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
  guard let host = parts.first.map({ String($0) }), host.wholeMatch(of: #/[A-Za-z0-9._\-]*/#) != nil else { return nil }
  return (host, parts.count > 1 ? "\(parts[1])" : nil)
}
