import Foundation

/// What loading a configuration may see of the process and the machine; tests bring their own.
public struct ConfigurationEnvironment: Sendable {
  public var variables: [String: String]
  /// Absolute; relative paths on the command line start here.
  public var workingDirectory: String
  public var files: any ConfigurationFiles

  public init(variables: [String: String], workingDirectory: String, files: any ConfigurationFiles = DiskFiles()) {
    self.variables = variables
    self.workingDirectory = workingDirectory
    self.files = files
  }

  /// This process's own.
  public static var process: ConfigurationEnvironment {
    ConfigurationEnvironment(
      variables: ProcessInfo.processInfo.environment, workingDirectory: FileManager.default.currentDirectoryPath)
  }

  /// A variable's value; `nil` too when it is set to nothing, as `NAME=` in a unit or a compose file does.
  func variable(_ name: String) -> String? {
    variables[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The absolute path: `~/` is the home directory, anything else that doesn't begin with a slash starts in
  /// `directory`.
  func absolutePath(_ path: String, in directory: String) -> String {
    if path.hasPrefix("/") { return path }
    if path.hasPrefix("~/"), let home = variable("HOME") { return home + path.dropFirst() }
    var relative = path[...]
    while relative.hasPrefix("./") { relative = relative.dropFirst(2).drop { $0 == "/" } }
    return directory + (directory.hasSuffix("/") ? "" : "/") + relative
  }
}

/// Where a configuration is read from.
public enum ConfigurationSource: Hashable, Sendable {
  /// A YAML file, named as the person named it.
  case file(path: String)
  /// One account and one destination from `GREEN_API_…` and `STATUSRELAY_WEBHOOK_…`.
  case environment

  /// The variable that names the file when `--config` is left out.
  public static let variable = "STATUSRELAY_CONFIG"
  /// Looked for in this order when neither `--config` nor ``variable`` names a file.
  public static let defaultPaths = ["statusrelay.yaml", "/etc/statusrelay/config.yaml"]

  /// `--config FILE`, else `$STATUSRELAY_CONFIG`, else `./statusrelay.yaml`, else `/etc/statusrelay/config.yaml`, else
  /// the environment. A file that is named is taken even when it doesn't exist, so that a slip is reported and not
  /// passed over.
  public static func find(option: String?, in environment: ConfigurationEnvironment) -> ConfigurationSource {
    if let option { return .file(path: option) }
    if let path = environment.variable(variable) { return .file(path: path) }
    let found = defaultPaths.first { path in
      environment.files.exists(environment.absolutePath(path, in: environment.workingDirectory))
    }
    return found.map { .file(path: $0) } ?? .environment
  }
}
