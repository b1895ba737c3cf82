import GreenAPI
import RelayCore

extension RelayConfiguration {
  /// A larger file is no configuration.
  public static let maximumFileSize = 1 << 20

  /// Reads and checks a configuration, with the secrets and the files it refers to.
  ///
  /// - Throws: everything that is wrong with it at once.
  public static func load(
    _ source: ConfigurationSource, environment: ConfigurationEnvironment = .process
  ) throws(ConfigurationErrors) -> RelayConfiguration {
    switch source {
    case .file(let path): try load(file: path, environment)
    case .environment: try load(variables: environment)
    }
  }

  /// The configuration that ``ConfigurationSource/find(option:in:)`` finds.
  public static func load(
    option: String?, environment: ConfigurationEnvironment = .process
  ) throws(ConfigurationErrors) -> RelayConfiguration {
    try load(.find(option: option, in: environment), environment: environment)
  }

  /// Where the relay of this configuration keeps its state; nothing else of a file is checked, so that whoever may not read its secrets
  /// (systemd's credentials, say, are there for the service alone) finds the state all the same.
  public static func stateDirectory(
    option: String?, environment: ConfigurationEnvironment = .process
  ) throws(ConfigurationErrors) -> String {
    switch ConfigurationSource.find(option: option, in: environment) {
    case .environment: return try load(variables: environment).stateDirectory
    case .file(let name):
      var opened = try open(name, environment)
      let root = opened.reading.section(opened.root, path: "")
      let others = opened.reading.problems.count
      let directory = opened.reading.stateDirectory(root)
      let problems = Array(opened.reading.problems.dropFirst(others))
      guard problems.isEmpty else { throw ConfigurationErrors(problems: problems) }
      return directory
    }
  }

  private static func load(
    file name: String, _ environment: ConfigurationEnvironment
  ) throws(ConfigurationErrors) -> RelayConfiguration {
    var opened = try open(name, environment)
    let configuration = opened.reading.configuration(opened.root)
    if opened.reading.holdsSecret, opened.file.isReadableByOthers {
      opened.reading.warnReadable(opened.path, opened.file, at: ConfigurationPlace(source: name))
    }
    return try opened.reading.finish(configuration)
  }

  /// A file that could be read as YAML.
  private struct Opened {
    var path: String
    var file: ConfigurationFile
    var reading: ConfigurationReading
    var root: ConfigurationValue
  }

  private static func open(
    _ name: String, _ environment: ConfigurationEnvironment
  ) throws(ConfigurationErrors) -> Opened {
    let path = environment.absolutePath(name, in: environment.workingDirectory)
    let start = ConfigurationPlace(source: name)
    func failure(_ text: String) -> ConfigurationErrors {
      ConfigurationErrors(problems: [ConfigurationProblem(place: start, text: text)])
    }
    let file: ConfigurationFile
    do throws(ConfigurationFileFault) {
      file = try environment.files.read(path, limit: maximumFileSize)
    } catch {
      let hint = error == .missing ? " (statusrelay init writes one)" : ""
      throw failure("the configuration \(error.text), expected a readable YAML file of at most 1 MiB\(hint)")
    }
    guard let text = String(validating: file.bytes, as: UTF8.self) else {
      throw failure("the configuration is not UTF-8, expected a YAML file in UTF-8")
    }
    let document = ConfigurationDocument(yaml: text, source: name)
    let directory = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? path
    let reading = ConfigurationReading(environment: environment, directory: directory, problems: document.problems)
    if case .unreadable = document.root.content { throw ConfigurationErrors(problems: reading.problems) }
    return Opened(path: path, file: file, reading: reading, root: document.root)
  }

  /// One account and one destination from variables, through the same checks as a file.
  private static func load(
    variables environment: ConfigurationEnvironment
  ) throws(ConfigurationErrors) -> RelayConfiguration {
    var reading = ConfigurationReading(environment: environment, directory: environment.workingDirectory)
    guard
      ["GREEN_API_ID_INSTANCE", "GREEN_API_TOKEN_INSTANCE", "STATUSRELAY_WEBHOOK_URL"].contains(where: {
        environment.variable($0) != nil
      })
    else {
      let files = ConfigurationSource.defaultPaths.map { $0.hasPrefix("/") ? $0 : "./\($0)" }.joined(separator: " nor ")
      reading.report(
        ConfigurationPlace(source: "configuration"),
        "there is none: neither \(files) exists and $GREEN_API_ID_INSTANCE is not set",
        expected: "--config FILE or a file made with: statusrelay init")
      throw ConfigurationErrors(problems: reading.problems)
    }
    let root = reading.variables()
    let configuration = reading.configuration(root)
    return try reading.finish(configuration)
  }
}

extension ConfigurationReading {
  /// The whole of a configuration; of use only when there are no problems afterwards.
  mutating func configuration(_ root: ConfigurationValue) -> RelayConfiguration {
    let root = section(root, path: "")
    let (accounts, named) = accounts(of: root)
    let configuration = RelayConfiguration(
      stateDirectory: stateDirectory(root), log: log(root), admin: admin(root), outbox: outbox(root),
      accounts: accounts, destinations: destinations(of: root, accounts: Set(named.keys)))
    for (id, place) in named where !configuration.destinations.contains(where: { $0.accounts?.contains(id) ?? true }) {
      if !configuration.destinations.isEmpty {
        warn(place, "no destination takes the account \(id), so its notifications go nowhere")
      }
    }
    return configuration
  }

  func finish(_ configuration: RelayConfiguration) throws(ConfigurationErrors) -> RelayConfiguration {
    guard problems.isEmpty else { throw ConfigurationErrors(problems: problems, warnings: warnings) }
    var configuration = configuration
    configuration.warnings = warnings.sortedByPlace()
    return configuration
  }

  /// The environment as the file it stands for.
  fileprivate mutating func variables() -> ConfigurationValue {
    func place(_ name: String) -> ConfigurationPlace { ConfigurationPlace(source: "$" + name) }
    func mapping(_ entries: [ConfigurationValue.Entry]) -> ConfigurationValue {
      ConfigurationValue(content: .mapping(entries), place: ConfigurationPlace(source: "environment"))
    }
    func entry(_ key: String, _ value: ConfigurationValue) -> ConfigurationValue.Entry {
      ConfigurationValue.Entry(key: key, place: value.place, value: value)
    }
    var account: [ConfigurationValue.Entry] = []
    var destination = [
      entry("name", ConfigurationValue(content: .text("webhook"), place: place("STATUSRELAY_WEBHOOK_URL")))
    ]
    for (name, key, isSecret, isRequired) in [
      ("GREEN_API_URL", "accounts[].apiUrl", false, false),
      ("GREEN_API_ID_INSTANCE", "accounts[].idInstance", false, true),
      ("GREEN_API_TOKEN_INSTANCE", "accounts[].apiTokenInstance", true, true),
      ("STATUSRELAY_WEBHOOK_URL", "destinations[].url", false, true),
      ("STATUSRELAY_WEBHOOK_URL_TOKEN", "destinations[].webhookUrlToken", true, false),
    ] {
      let key = ConfigurationReference.key(key)
      var value = ConfigurationValue(content: .unreadable, place: place(name))
      if let text = environment.variable(name) {
        value.content = .text(isSecret ? name : text)
        if isSecret { value.content = .mapping([entry("env", value)]) }
      } else if isRequired {
        report(value.place, "is not set", expected: key.summary)
      } else {
        continue
      }
      if key.section == "accounts[]" {
        account.append(entry(key.name, value))
      } else {
        destination.append(entry(key.name, value))
      }
    }
    func list(_ entries: [ConfigurationValue.Entry]) -> ConfigurationValue {
      ConfigurationValue(content: .list([mapping(entries)]), place: ConfigurationPlace(source: "environment"))
    }
    return mapping([entry("accounts", list(account)), entry("destinations", list(destination))])
  }
}
