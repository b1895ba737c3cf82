import Yams

/// The YAML text of a configuration as values with places.
///
/// Yams makes the tree, but three things are done here, because it would stop at the first of them or never end:
/// - *Aliases.* Yams shares what an alias refers to, so a few lines of aliases of aliases make a tree that takes ages
///   to walk (and to compare, when they stand as keys). Before it sees the text, every `*` becomes a character that
///   means nothing in YAML; the aliases come back as plain scalars and are resolved here, within ``maximumValues``.
/// - *Duplicate keys.* Yams ends with an error at the first; each is renamed and the text read again, so that all are
///   found.
/// - *Characters YAML forbids* are found beforehand, as Yams can't say where they are.
struct ConfigurationDocument {
  private(set) var root: ConfigurationValue
  private(set) var problems: [ConfigurationProblem] = []

  /// Values in a file, counted again each time an alias repeats them. A 1 MiB file without aliases can hold some
  /// 500,000.
  static let maximumValues = 1_000_000
  /// Mappings and lists within each other. The configuration itself needs 5.
  static let maximumDepth = 64
  /// Duplicate keys that are told of in one go; each takes another reading of the text.
  static let maximumDuplicates = 20

  private let source: String
  private let aliasMark: Unicode.Scalar
  private var duplicates: [Unicode.Scalar: String] = [:]
  private var anchors: [String: (value: ConfigurationValue, size: Int)] = [:]
  private var size = 0

  /// Never fails: what can't be read is in ``problems``, and unreadable in ``root``.
  init(yaml text: String, source: String) {
    self.source = source
    root = ConfigurationValue(content: .unreadable, place: ConfigurationPlace(source: source, line: 1, column: 1))
    var text = YAMLText(text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text)
    var spare = text.unusedScalars(Self.maximumDuplicates + 1)
    aliasMark = spare.removeLast()
    if let (position, scalar) = text.forbiddenScalar() {
      let digits = String(scalar.value, radix: 16, uppercase: true)
      let name = "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      report(place(position), "the character \(name) is not allowed in YAML, expected an escape in double quotes")
      return
    }
    text.replaceAll("*", with: aliasMark)
    compose(&text, spare: spare)
  }

  private mutating func compose(_ text: inout YAMLText, spare: [Unicode.Scalar]) {
    var spare = spare
    while true {
      do {
        // The anchors of the nodes live as long as the parser.
        let parser = try Parser(yaml: text.string, resolver: .basic, encoding: .utf8)
        try withExtendedLifetime(parser) {
          guard let node = try parser.singleRoot() else {
            root.content = .nothing
            return
          }
          root = value(of: node, after: root.place, depth: 0)
        }
        return
      } catch YamlError.duplicatedKeysInMapping(let names, let context) {
        guard let name = names.first, let mark = spare.popLast(),
          text.rename(keyAt: (context.mark.line, context.mark.column), with: mark)
        else {
          return report(place(context.mark), "the key \(quote(names.first ?? "")) is given twice, expected it once")
        }
        duplicates[mark] = restored(name)
      } catch {
        return report(error, in: text)
      }
    }
  }

  // MARK: Nodes

  private mutating func value(of node: Node, after keyPlace: ConfigurationPlace, depth: Int) -> ConfigurationValue {
    let place = node.mark.map { self.place($0) } ?? keyPlace
    let before = size
    size += 1
    guard depth <= Self.maximumDepth else {
      report(place, "lists and mappings are nested more than \(Self.maximumDepth) deep")
      return ConfigurationValue(content: .unreadable, place: place)
    }
    guard hasPlainTag(node) else {
      report(
        place,
        "a tag (!…) means nothing here, expected a value without one"
          + " (quotes around it if it begins with !; {env: NAME} or {file: PATH} for a secret)")
      return ConfigurationValue(content: .unreadable, place: place)
    }
    var value = ConfigurationValue(content: .nothing, place: place)
    switch node {
    case .scalar(let scalar):
      if scalar.style == .plain, scalar.string.unicodeScalars.first == aliasMark {
        return alias(String(scalar.string.unicodeScalars.dropFirst()), at: place)
      }
      if scalar.style == .plain, ["", "~", "null", "Null", "NULL"].contains(scalar.string) {
        value.place = scalar.string.isEmpty ? keyPlace : place
      } else {
        value.content = .text(restored(scalar.string))
      }
    case .sequence(let sequence):
      value.content = .list(sequence.map { self.value(of: $0, after: place, depth: depth + 1) })
    case .mapping(let mapping):
      value.content = .mapping(entries(of: mapping, at: place, depth: depth))
    case .alias:
      break  // Only made by Yams when it writes.
    }
    if let name = node.anchor?.rawValue { anchors[name] = (value, size - before) }
    return value
  }

  private mutating func entries(
    of mapping: Node.Mapping, at place: ConfigurationPlace, depth: Int
  ) -> [ConfigurationValue.Entry] {
    var entries: [ConfigurationValue.Entry] = []
    var repeated: [String: [ConfigurationPlace]] = [:]
    for (keyNode, node) in mapping {
      let keyPlace = keyNode.mark.map { self.place($0) } ?? place
      let value = value(of: node, after: keyPlace, depth: depth + 1)
      guard case .scalar(let key) = keyNode else {
        report(keyPlace, "a key is a list or a mapping, expected a single word")
        continue
      }
      guard key.style != .plain || key.string.unicodeScalars.first != aliasMark else {
        report(keyPlace, "a key is an alias (*…), expected a single word")
        continue
      }
      if let first = key.string.unicodeScalars.first, let name = duplicates[first] {
        repeated[name, default: []].append(keyPlace)
        continue
      }
      guard key.style != .plain || key.string != "<<" else {
        report(keyPlace, "merge keys ('<<') are not read, expected the keys themselves or an alias for a whole value")
        continue
      }
      entries.append(.init(key: restored(key.string), place: keyPlace, value: value))
    }
    for (name, places) in repeated {
      let all = places + entries.filter { $0.key == name }.map(\.place)
      for place in all.dropFirst() {
        report(place, "the key \(quote(name)) is given twice, first in line \(all[0].line ?? 0), expected it once")
      }
    }
    return entries
  }

  /// What the anchor of this name stands for. The name is never shown: it may be a secret that begins with `*` and
  /// lacks quotes.
  private mutating func alias(_ name: String, at place: ConfigurationPlace) -> ConfigurationValue {
    guard let anchor = anchors[name] else {
      report(
        place,
        "an alias (*…) has no anchor (&…) of its name before it, expected quotes around a value that begins with *")
      return ConfigurationValue(content: .unreadable, place: place)
    }
    guard size + anchor.size <= Self.maximumValues else {
      report(place, "aliases repeat more than \(Self.maximumValues) values, expected fewer")
      return ConfigurationValue(content: .unreadable, place: place)
    }
    size += anchor.size
    return anchor.value
  }

  /// Whether it has no tag of its own beyond those that say what is plain anyway, such as `!!str`.
  private func hasPlainTag(_ node: Node) -> Bool {
    let tag: Tag
    switch node {
    case .scalar(let scalar): tag = scalar.tag
    case .sequence(let sequence): tag = sequence.tag
    case .mapping(let mapping): tag = mapping.tag
    case .alias: return true
    }
    let known = ["", "!"] + ["str", "int", "float", "bool", "null", "seq", "map"].map { "tag:yaml.org,2002:\($0)" }
    return known.contains(tag.rawValue)
  }

  // MARK: Problems

  private func place(_ mark: Mark) -> ConfigurationPlace { place((mark.line, mark.column)) }

  private func place(_ position: YAMLText.Position) -> ConfigurationPlace {
    ConfigurationPlace(source: source, line: position.line, column: position.column)
  }

  private func restored(_ text: String) -> String {
    guard text.unicodeScalars.contains(aliasMark) else { return text }
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { scalars.append(scalar == aliasMark ? "*" : scalar) }
    return String(scalars)
  }

  private mutating func report(_ place: ConfigurationPlace, _ text: String) {
    problems.append(ConfigurationProblem(place: place, text: text))
  }

  private mutating func report(_ error: any Error, in text: YAMLText) {
    guard let error = error as? YamlError else { return report(root.place, "no valid YAML: \(error)") }
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _):
      guard !problem.contains("nesting") else {
        return report(place(mark), "lists and mappings are nested too deep to be read")
      }
      let sentence = [context?.text, problem].compactMap { $0 }.joined(separator: ", ")
      let hint = text.scalar(at: (mark.line, mark.column)).flatMap(Self.hint)
      report(place(mark), "no valid YAML: \(sentence)" + (hint.map { ", expected \($0)" } ?? ""))
    case .composer(let context, _, let mark, _) where context != nil:
      report(place(mark), "a second document begins, expected one (remove the line '---' or '...')")
    case .memory:
      report(root.place, "lists and mappings are nested too deep to be read")
    default:
      report(root.place, "no valid YAML")
    }
  }

  private static func hint(_ scalar: Unicode.Scalar) -> String? {
    switch scalar {
    case "\t": "spaces: YAML is not indented with tabs"
    case "@", "`", "%", "&", "!", "|", ">": "quotes around a value that begins with \(scalar)"
    default: nil
    }
  }
}
