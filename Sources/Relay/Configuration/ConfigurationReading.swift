import GreenAPI

/// One pass over a configuration's values: takes out what each key holds, and collects every problem on the way.
///
/// A reading method answers `nil` for a key that isn't there and for one whose value is wrong; the wrong one has been
/// reported by then, so that the caller goes on with the default and the rest of the file is checked too.
struct ConfigurationReading {
  let environment: ConfigurationEnvironment
  /// Where relative paths in the configuration start.
  let directory: String
  private(set) var problems: [ConfigurationProblem] = []
  private(set) var warnings: [ConfigurationProblem] = []
  /// Whether the file itself holds a secret, and so should be read by its owner only.
  var holdsSecret = false

  init(environment: ConfigurationEnvironment, directory: String, problems: [ConfigurationProblem] = []) {
    self.environment = environment
    self.directory = directory
    self.problems = problems
  }

  mutating func report(
    _ place: ConfigurationPlace, _ what: String, expected: String? = nil, meant suggestion: String? = nil
  ) {
    problems.append(Self.problem(place, what, expected, suggestion))
  }

  mutating func warn(
    _ place: ConfigurationPlace, _ what: String, expected: String? = nil, meant suggestion: String? = nil
  ) {
    warnings.append(Self.problem(place, what, expected, suggestion))
  }

  private static func problem(
    _ place: ConfigurationPlace, _ what: String, _ expected: String?, _ suggestion: String?
  ) -> ConfigurationProblem {
    let text = what + (expected.map { ", expected \($0)" } ?? "") + (suggestion.map { ", did you mean '\($0)'?" } ?? "")
    return ConfigurationProblem(place: place, text: text)
  }

  func path(_ text: String) -> String { environment.absolutePath(text, in: directory) }
}

/// A mapping of the configuration whose keys are known ones, by the path that ``ConfigurationReference`` knows it by.
struct ConfigurationSection {
  let path: String
  let place: ConfigurationPlace
  fileprivate(set) var entries: [String: ConfigurationValue] = [:]
  /// Whether something else stands where the mapping should: then nothing is said to be missing from it.
  fileprivate var isUnreadable = false

  func key(_ name: String) -> ConfigurationKey {
    ConfigurationReference.key(path.isEmpty ? name : "\(path).\(name)")
  }

  /// The value of a key, and its place, when it was given.
  subscript(name: String) -> ConfigurationValue? { entries[key(name).name] }
}

// MARK: Sections and lists

extension ConfigurationReading {
  /// The mapping under a key; empty when it isn't there, or has nothing in it because all its keys are comments.
  mutating func section(_ name: String, of parent: ConfigurationSection) -> ConfigurationSection {
    let path = parent.key(name).path
    guard let value = parent[name] else { return ConfigurationSection(path: path, place: parent.place) }
    return section(value, path: path)
  }

  /// The value as a section, with its unknown keys reported.
  mutating func section(_ value: ConfigurationValue, path: String) -> ConfigurationSection {
    var section = ConfigurationSection(path: path, place: value.place)
    switch value.content {
    case .nothing: break
    case .unreadable: section.isUnreadable = true
    case .text, .list:
      section.isUnreadable = true
      let keys = ConfigurationReference.keys(in: path).map(\.name).joined(separator: ", ")
      report(value.place, "\(Self.title(path)) is \(value.kind)", expected: "a mapping of \(keys)")
    case .mapping(let entries):
      let known = Set(ConfigurationReference.keys(in: path).map(\.name))
      for entry in entries {
        if known.contains(entry.key) {
          section.entries[entry.key] = entry.value
        } else {
          reportUnknownKey(entry, in: path)
        }
      }
    }
    return section
  }

  private mutating func reportUnknownKey(_ entry: ConfigurationValue.Entry, in path: String) {
    let here = ConfigurationReference.keys(in: path).map(\.name)
    let elsewhere = ConfigurationReference.keys.filter { Spelling.isSame($0.name, entry.key) }.map(\.section)
    let within = elsewhere.first { $0.hasPrefix(path.isEmpty ? "" : path + ".") || path.hasPrefix($0 + ".") }
    let near = Spelling.nearest(to: entry.key, among: here)
    // A key of this very account or destination, one level off, is likelier than one of a similar name, and that one
    // likelier than a key of another part of the file.
    if let section = within ?? (near == nil ? elsewhere.first : nil),
      !here.contains(where: { Spelling.isSame($0, entry.key) })
    {
      let place = section.isEmpty ? "at the top of the file" : "in '\(section)'"
      return report(
        entry.place, "the key \(quote(entry.key)) does not belong in \(Self.title(path))", expected: "it \(place)")
    }
    report(
      entry.place, "unknown key \(quote(entry.key)) in \(Self.title(path))", expected: Self.either(here), meant: near)
  }

  /// The values of a list that must not be empty; `nil` when it isn't there or is none.
  mutating func list(_ name: String, of section: ConfigurationSection) -> [ConfigurationValue]? {
    let key = section.key(name)
    guard let value = section[name] else {
      if key.isRequired { reportMissing(key, in: section) }
      return nil
    }
    switch value.content {
    case .list(let values) where !values.isEmpty: return values
    case .list: report(value.place, "\(name) is an empty list", expected: key.form + " with at least one of them")
    case .unreadable: break
    case .nothing, .text, .mapping: reportKind(of: value, key)
    }
    return nil
  }

  private static func title(_ path: String) -> String {
    switch path {
    case "": "the configuration"
    case _ where path.hasSuffix("[]"): "an entry of '\(path.dropLast(2))'"
    default: "'\(path)'"
    }
  }

  static func either(_ names: [String]) -> String {
    guard let last = names.last, names.count > 1 else { return names.first ?? "" }
    return names.dropLast().joined(separator: ", ") + " or " + last
  }
}

// MARK: Single values

extension ConfigurationReading {
  /// A value's text and where it stands.
  typealias Text = (text: String, place: ConfigurationPlace)

  mutating func text(_ name: String, of section: ConfigurationSection) -> Text? {
    let key = section.key(name)
    guard let value = section[name] else {
      if key.isRequired { reportMissing(key, in: section) }
      return nil
    }
    return text(value, key)
  }

  /// The value as the text it was written as. Numbers and words such as `on` are texts too.
  mutating func text(_ value: ConfigurationValue, _ key: ConfigurationKey, isEntry: Bool = false) -> Text? {
    switch value.content {
    case .text(let text) where !text.allSatisfy(\.isWhitespace): return (text, value.place)
    case .text:
      report(value.place, "\(isEntry ? "an entry of " : "")\(key.name) is empty", expected: key.form)
    case .unreadable: break
    case .nothing, .list, .mapping: reportKind(of: value, key, isEntry: isEntry)
    }
    return nil
  }

  mutating func reportMissing(_ key: ConfigurationKey, in section: ConfigurationSection) {
    guard !section.isUnreadable else { return }
    report(section.place, "\(key.name) is missing", expected: key.form)
  }

  mutating func reportKind(of value: ConfigurationValue, _ key: ConfigurationKey, isEntry: Bool = false) {
    let title = (isEntry ? "an entry of " : "") + key.name
    if case .nothing = value.content {
      report(value.place, "\(title) has no value", expected: key.form + (isEntry ? "" : " (or the key left out)"))
    } else {
      report(value.place, "\(title) is \(value.kind)", expected: key.form)
    }
  }

  mutating func duration(
    _ name: String, of section: ConfigurationSection, in range: ClosedRange<Duration>
  ) -> Duration? {
    text(name, of: section).flatMap { duration($0, section.key(name), in: range) }
  }

  mutating func duration(_ text: Text, _ key: ConfigurationKey, in range: ClosedRange<Duration>) -> Duration? {
    guard let duration = DurationText.parse(text.text) else {
      let bare = Int64(text.text) != nil
      report(
        text.place, "\(key.name) \(quote(text.text)) " + (bare ? "has no unit" : "is no duration"),
        expected: ConfigurationReference.duration, meant: DurationText.suggestion(for: text.text))
      return nil
    }
    guard range.contains(duration) else {
      let bound = duration < range.lowerBound ? range.lowerBound : range.upperBound
      report(
        text.place,
        "\(key.name) \(text.text) is " + (duration < bound ? "below" : "above") + " \(DurationText.format(bound))",
        expected: key.form)
      return nil
    }
    return duration
  }

  mutating func wholeNumber(_ name: String, of section: ConfigurationSection, in range: ClosedRange<Int>) -> Int? {
    guard let text = text(name, of: section) else { return nil }
    guard let number = Int(text.text.filter { $0 != "_" }), range.contains(number) else {
      report(
        text.place, "\(name) \(quote(text.text)) is out of range or no whole number", expected: section.key(name).form)
      return nil
    }
    return number
  }

  mutating func fraction(_ name: String, of section: ConfigurationSection, in range: ClosedRange<Double>) -> Double? {
    guard let text = text(name, of: section) else { return nil }
    guard let number = Double(text.text), range.contains(number) else {
      report(text.place, "\(name) \(quote(text.text)) is out of range or no number", expected: section.key(name).form)
      return nil
    }
    return number
  }

  /// `true` and `false`, and YAML 1.1's other words for them, as people still write them.
  mutating func truth(_ name: String, of section: ConfigurationSection) -> Bool? {
    guard let text = text(name, of: section) else { return nil }
    switch text.text.lowercased() {
    case "true", "yes", "on": return true
    case "false", "no", "off": return false
    default:
      report(text.place, "\(name) \(quote(text.text)) is no truth value", expected: section.key(name).form)
      return nil
    }
  }

  /// One of a closed set of words.
  mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String, of section: ConfigurationSection, as type: Choice.Type
  ) -> Choice? {
    guard let text = text(name, of: section) else { return nil }
    if let choice = Choice(rawValue: text.text) { return choice }
    report(
      text.place, "\(name) \(quote(text.text)) is not known", expected: section.key(name).form,
      meant: Spelling.nearest(to: text.text, among: Choice.allCases.map(\.rawValue)))
    return nil
  }
}
