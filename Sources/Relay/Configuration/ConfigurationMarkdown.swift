extension ConfigurationReference {
  /// The reference for the README: a table for each section, in the file's order, every line ending with a line break.
  public static var markdown: String {
    var lines: [String] = []
    for (title, section) in [("The relay", ""), ("`accounts[]`", "accounts[]"), ("`destinations[]`", "destinations[]")]
    {
      if !lines.isEmpty { lines.append("") }
      lines += ["#### \(title)", "", "| key | value | default | |", "|---|---|---|---|"]
      lines += keys(shownIn: section).map { key in row(key, below: section) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Mappings have no row of their own: their keys have the whole path.
  private static func keys(shownIn section: String) -> [ConfigurationKey] {
    keys.filter { key in
      let hasKeys = !keys(in: key.path).isEmpty || !keys(in: key.path + "[]").isEmpty
      return !hasKeys && (section.isEmpty ? !key.path.contains("[]") : key.path.hasPrefix(section + "."))
    }
  }

  private static func row(_ key: ConfigurationKey, below section: String) -> String {
    let name = section.isEmpty ? key.path : String(key.path.dropFirst(section.count + 1))
    let initial = key.isRequired ? "required" : key.initial.map { "`\($0)`" } ?? ""
    let cells = ["`\(name)`", key.form, initial, key.summary]
    return "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
  }
}
