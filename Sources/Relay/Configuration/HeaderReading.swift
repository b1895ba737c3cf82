extension ConfigurationReading {
  /// What the relay or HTTP itself sets, in small letters, and who it belongs to.
  private static let reserved: [String: String] = [
    "host": "comes from the url",
    "content-length": "is set by the relay", "content-type": "is set by the relay", "user-agent": "is set by the relay",
    "content-encoding": "is set by the relay", "transfer-encoding": "is never sent", "expect": "is never sent",
    "connection": "is for one connection only", "keep-alive": "is for one connection only",
    "te": "is for one connection only", "trailer": "is for one connection only",
    "upgrade": "is for one connection only", "http2-settings": "is for one connection only",
  ]

  private static let maximumValue = 8192

  /// - Parameter authorized: whether the relay sends Authorization by itself.
  mutating func headers(_ section: ConfigurationSection, authorized: Bool) -> [RelayConfiguration.Header] {
    let key = section.key("headers")
    guard let value = section["headers"] else { return [] }
    guard case .mapping(let entries) = value.content else {
      if case .unreadable = value.content { return [] }
      reportKind(of: value, key)
      return []
    }
    var headers: [RelayConfiguration.Header] = []
    var names: Set<String> = []
    for entry in entries {
      let name = entry.key.lowercased()
      if let fault = Self.fault(inName: name, authorized: authorized) {
        report(entry.place, "the header \(quote(entry.key)) \(fault)", expected: "another header, or none")
      } else if !names.insert(name).inserted {
        report(
          entry.place, "the header \(quote(entry.key)) is given twice", expected: "it once (case makes no difference)")
      }
      if let value = headerValue(entry) { headers.append(.init(name: entry.key, value: value)) }
    }
    return headers
  }

  private static func fault(inName name: String, authorized: Bool) -> String? {
    if name.wholeMatch(of: #/[a-z0-9!#$%&'*+.^_`|~\-]{1,128}/#) == nil {
      return "has other characters in it than a name may"
    }
    if name.hasPrefix("webhook-") || name.hasPrefix("statusrelay-") { return "is set by the relay" }
    if name.hasPrefix("proxy-") { return "is for a proxy" }
    if name == "authorization", authorized { return "is set from webhookUrlToken or the url" }
    return reserved[name]
  }

  /// A header's value may be a key to something: it is never shown.
  private mutating func headerValue(_ entry: ConfigurationValue.Entry) -> String? {
    let form = "a text in one line"
    let title = "the header \(quote(entry.key))"
    switch entry.value.content {
    case .unreadable: return nil
    case .nothing, .list, .mapping:
      report(entry.value.place, "\(title) is \(entry.value.kind)", expected: form)
    case .text(let text) where text.isEmpty:
      report(entry.value.place, "\(title) is empty", expected: form)
    case .text(let text) where !text.unicodeScalars.allSatisfy({ (0x20..<0x7F).contains($0.value) || $0 == "\t" }):
      let broken = text.contains(where: \.isNewline)
      report(
        entry.value.place, "\(title) has " + (broken ? "line breaks" : "characters beyond ASCII") + " in it",
        expected: form)
    case .text(let text) where text.first?.isWhitespace == true || text.last?.isWhitespace == true:
      report(entry.value.place, "\(title) begins or ends with a space", expected: form)
    case .text(let text) where text.utf8.count > Self.maximumValue:
      report(entry.value.place, "\(title) is longer than \(Self.maximumValue) bytes", expected: form)
    case .text(let text):
      return text
    }
    return nil
  }
}
