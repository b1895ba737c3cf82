/// Where in the configuration something stands: `statusrelay.yaml:4:7`, or `$GREEN_API_URL` when it came from the
/// environment.
public struct ConfigurationPlace: Hashable, Sendable, CustomStringConvertible {
  /// The file as the person named it, or the environment variable with its `$`.
  public var source: String
  /// From 1; `nil` when the problem is the file itself.
  public var line: Int?
  /// From 1, counted in Unicode scalars.
  public var column: Int?

  public init(source: String, line: Int? = nil, column: Int? = nil) {
    self.source = source
    self.line = line
    self.column = column
  }

  public var description: String {
    ([source] + [line, column].compactMap { $0.map(String.init) }).joined(separator: ":")
  }
}

/// One thing that is wrong with the configuration, or worth a warning. Its text never holds a secret's value.
public struct ConfigurationProblem: Hashable, Sendable, CustomStringConvertible {
  public var place: ConfigurationPlace
  /// What is wrong, what was expected, and what may have been meant.
  public var text: String

  public init(place: ConfigurationPlace, text: String) {
    self.place = place
    self.text = text
  }

  public var description: String { "\(place): \(text)" }
}

/// Everything that is wrong with a configuration, so that it can be mended in one go. Nothing is started with one of
/// these.
public struct ConfigurationErrors: Error, Hashable, Sendable, CustomStringConvertible {
  /// Never empty; in the order of their places.
  public let problems: [ConfigurationProblem]
  /// What would have been warned of, had there been no error.
  public let warnings: [ConfigurationProblem]

  public init(problems: [ConfigurationProblem], warnings: [ConfigurationProblem] = []) {
    self.problems = problems.sortedByPlace()
    self.warnings = warnings.sortedByPlace()
  }

  /// A line for each problem.
  public var description: String { problems.map(\.description).joined(separator: "\n") }
}

extension [ConfigurationProblem] {
  /// In reading order; those at one place stay in the order they were found, and what is said twice is said once.
  func sortedByPlace() -> Self {
    var seen: Set<ConfigurationProblem> = []
    return enumerated().sorted { a, b in
      let (x, y) = (a.element.place, b.element.place)
      return (x.line ?? 0, x.column ?? 0, a.offset) < (y.line ?? 0, y.column ?? 0, b.offset)
    }
    .map(\.element)
    .filter { seen.insert($0).inserted }
  }
}
