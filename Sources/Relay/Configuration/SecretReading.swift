import GreenAPI
import RelayCore

extension ConfigurationReading {
  /// No token or key is longer; a larger file is the wrong one.
  private static let maximumSecret = 65_536

  mutating func secret(_ name: String, of section: ConfigurationSection) -> Secret? {
    let key = section.key(name)
    guard let value = section[name] else {
      if key.isRequired { reportMissing(key, in: section) }
      return nil
    }
    return secret(value, key)
  }

  /// A literal, or exactly one of `{file:}`, `{env:}` and `{credential:}`. What was read is never shown.
  mutating func secret(_ value: ConfigurationValue, _ key: ConfigurationKey) -> Secret? {
    switch value.content {
    case .unreadable: return nil
    case .nothing, .list:
      reportKind(of: value, key)
      return nil
    case .text(let text):
      holdsSecret = true
      return checked(text, key, from: "", at: value.place)
    case .mapping(let entries):
      return reference(entries, key, at: value.place)
    }
  }

  private mutating func reference(
    _ entries: [ConfigurationValue.Entry], _ key: ConfigurationKey, at place: ConfigurationPlace
  ) -> Secret? {
    let sources = ["file", "env", "credential"]
    for entry in entries where !sources.contains(entry.key) {
      // Not shown: braces around a secret make it a key.
      report(
        entry.place, "an unknown key in \(key.name)", expected: Self.either(sources),
        meant: Spelling.nearest(to: entry.key, among: sources))
    }
    guard entries.allSatisfy({ sources.contains($0.key) }) else { return nil }
    guard entries.count == 1, let entry = entries.first else {
      report(
        place, "\(key.name) has \(entries.isEmpty ? "no" : "more than one") source",
        expected: "exactly one of file, env and credential")
      return nil
    }
    guard case .text(let name) = entry.value.content, !name.isEmpty else {
      if case .unreadable = entry.value.content { return nil }
      let fault = if case .nothing = entry.value.content { "has no value" } else { "is \(entry.value.kind)" }
      report(entry.value.place, "\(entry.key) \(fault)", expected: "a " + (entry.key == "file" ? "path" : "name"))
      return nil
    }
    switch entry.key {
    case "file": return secretFile(path(name), key, at: entry.value.place)
    case "env": return variable(name, key, at: entry.value.place)
    default: return credential(name, key, at: entry.value.place)
    }
  }

  private mutating func variable(_ name: String, _ key: ConfigurationKey, at place: ConfigurationPlace) -> Secret? {
    guard let text = environment.variables[name] else {
      report(
        place, "the environment variable \(quote(name)) for \(key.name) is not set", expected: "it to hold the secret")
      return nil
    }
    return checked(text, key, from: "the environment variable \(quote(name)) for ", at: place)
  }

  private mutating func credential(_ name: String, _ key: ConfigurationKey, at place: ConfigurationPlace) -> Secret? {
    guard let directory = environment.variable("CREDENTIALS_DIRECTORY") else {
      report(
        place, "there are no credentials ($CREDENTIALS_DIRECTORY is not set)",
        expected: "to be started by systemd with LoadCredential=\(shown(name)):PATH")
      return nil
    }
    guard !name.contains("/"), name != ".", name != ".." else {
      report(place, "\(quote(name)) is no name of a credential", expected: "the name alone, without a path")
      return nil
    }
    // systemd guards the directory itself, and an access list can make the files look open to their group.
    return secretFile("\(directory)/\(name)", key, at: place, guarded: true)
  }

  private mutating func secretFile(
    _ path: String, _ key: ConfigurationKey, at place: ConfigurationPlace, guarded: Bool = false
  ) -> Secret? {
    let file: ConfigurationFile
    do throws(ConfigurationFileFault) {
      file = try environment.files.read(path, limit: Self.maximumSecret)
    } catch {
      report(
        place, "the file \(shown(path)) for \(key.name) \(error.text)", expected: "a readable file of at most 64 KiB")
      return nil
    }
    guard let text = String(validating: file.bytes, as: UTF8.self) else {
      report(place, "the file \(shown(path)) for \(key.name) is not UTF-8", expected: "a text")
      return nil
    }
    if !guarded, file.isReadableByOthers { warnReadable(path, file, at: place) }
    return checked(text, key, from: "the file \(shown(path)) for ", at: place)
  }

  /// A file ends with a line break, and so may a variable; anything else that can't be sent is an error.
  private mutating func checked(
    _ text: String, _ key: ConfigurationKey, from source: String, at place: ConfigurationPlace
  ) -> Secret? {
    var text = text[...]
    if !source.isEmpty {
      while let last = text.last, last.isNewline { text.removeLast() }
    }
    let fault: String? =
      if text.allSatisfy(\.isWhitespace) {
        "is empty"
      } else if text.contains(where: \.isNewline) {
        "has line breaks in it"
      } else if text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
        "has control characters in it"
      } else if text.first?.isWhitespace == true || text.last?.isWhitespace == true {
        "begins or ends with a space"
      } else {
        nil
      }
    guard let fault else { return Secret(String(text)) }
    report(place, "\(source)\(key.name) \(fault)", expected: "the secret alone, in one line")
    return nil
  }

  /// A path or a name, unless someone has put the secret itself in its place.
  private func shown(_ name: String) -> String { hasLooksOfSecret(name) ? "…" : name }

  mutating func warnReadable(_ path: String, _ file: ConfigurationFile, at place: ConfigurationPlace) {
    warn(place, "others may read the secret in \(path) (mode \(file.modeText)); run: chmod 600 \(path)")
  }

  /// A signing secret, or a list of them.
  mutating func signingSecrets(_ name: String, of section: ConfigurationSection) -> [SigningSecret] {
    guard let value = section[name] else { return [] }
    var values = [value]
    if case .list = value.content { values = list(name, of: section) ?? [] }
    return values.compactMap { value in
      guard let secret = secret(value, section.key(name)) else { return nil }
      do throws(SigningSecret.Invalid) {
        return try SigningSecret(secret)
      } catch {
        report(value.place, "\(name) can't be used: \(error.description)")
        return nil
      }
    }
  }
}
