import GreenAPI

/// The commented file that `statusrelay init` writes: first what must be there, filled in, then every other key as a
/// comment.
///
/// A line that begins with `##` is an explanation; one that begins with a single `#` is a key with its default, or with
/// an example where there is none, that takes effect when the `#` is removed.
public enum ConfigurationTemplate {
  /// Where `apiTokenInstance` comes from.
  public enum TokenSource: Hashable, Sendable {
    case literal(Secret)
    case file(String)
    case environment(String)
    case credential(String)

    /// The one the example in the README uses.
    public static let `default` = TokenSource.environment("GREEN_API_TOKEN_INSTANCE")

    fileprivate var yaml: String {
      switch self {
      case .literal(let secret): scalar(secret.reveal())
      case .file(let path): "{file: \(scalar(path))}"
      case .environment(let name): "{env: \(scalar(name))}"
      case .credential(let name): "{credential: \(scalar(name))}"
      }
    }
  }

  /// The file's text. Values are written as they are given; whether they are valid is for loading it to say.
  public static func text(
    idInstance: String = "1101000001", apiURL: String = RelayConfiguration.Account.defaultAPIURL,
    token: TokenSource = .default, destination: String = "webhook",
    webhookURL: String = "https://crm.example.com/webhook"
  ) -> String {
    """
    ## statusrelay's configuration. Check it with: statusrelay check
    ## Below each part's first lines stand its other keys, with their defaults or an example: remove the # to use one.

    accounts:
      - idInstance: \(scalar(idInstance))
        apiUrl: \(scalar(apiURL))
        apiTokenInstance: \(token.yaml)
    \(optionalKeys(in: "accounts[]").joined(separator: "\n"))

    destinations:
      - name: \(scalar(destination))
        url: \(scalar(webhookURL))
    \(optionalKeys(in: "destinations[]").joined(separator: "\n"))

    ## For the relay as a whole.
    \(optionalKeys(in: "").joined(separator: "\n"))

    """
  }

  /// The keys of a section that the short part doesn't have, as comments indented for their place.
  private static func optionalKeys(in section: String) -> [String] {
    ConfigurationReference.keys
      .filter { key in
        guard !key.isRequired, key.path != "accounts[].apiUrl" else { return false }
        return section.isEmpty ? !key.path.contains("[]") : key.path.hasPrefix(section + ".")
      }
      .map { key in
        let depth = key.path.count { $0 == "." } + key.path.count { $0 == "[" }
        let value = (key.initial ?? key.example).map { " \($0)" } ?? ""
        let line = "#" + String(repeating: "  ", count: depth) + "\(key.name):\(value)"
        let padding = String(repeating: " ", count: max(1, 44 - line.count))
        return line + padding + "# " + key.summary
      }
  }

  /// The text as YAML reads it back: plain where that is safe, else in single quotes, or in double quotes when it has
  /// characters that need an escape.
  private static func scalar(_ text: String) -> String {
    let plain = text.wholeMatch(of: #/[A-Za-z0-9\/](?:[A-Za-z0-9_.\/@+?=&%~\-]|:(?=\S))*/#) != nil
    if plain, !["null", "true", "false", "yes", "no", "on", "off"].contains(text.lowercased()) { return text }
    if text.unicodeScalars.allSatisfy({ (0x20..<0x7F).contains($0.value) }) {
      return "'" + text.replacing("'", with: "''") + "'"
    }
    let escaped = text.unicodeScalars.map { scalar in
      switch scalar {
      case "\"", "\\": "\\\(scalar)"
      case " "..."~": String(scalar)
      default:
        "\\U" + String(repeating: "0", count: 8 - String(scalar.value, radix: 16).count)
          + String(scalar.value, radix: 16)
      }
    }
    return "\"\(escaped.joined())\""
  }
}
