import Testing

@testable import Relay

/// Files in memory, for configurations that touch no disk.
struct MemoryFiles: ConfigurationFiles {
  enum Item: Sendable, CustomTestStringConvertible {
    case text(String, mode: UInt32)
    case bytes([UInt8])
    case fault(ConfigurationFileFault)

    var testDescription: String {
      switch self {
      case .text(let text, _): "\(text.prefix(40).debugDescription)"
      case .bytes(let bytes): "\(bytes.count) bytes"
      case .fault(let fault): "\(fault)"
      }
    }
  }

  var items: [String: Item]

  func exists(_ path: String) -> Bool { items[path] != nil }

  func read(_ path: String, limit: Int) throws(ConfigurationFileFault) -> ConfigurationFile {
    let file: ConfigurationFile
    switch items[path] {
    case nil: throw .missing
    case .fault(let fault): throw fault
    case .text(let text, let mode): file = ConfigurationFile(bytes: Array(text.utf8), mode: mode)
    case .bytes(let bytes): file = ConfigurationFile(bytes: bytes, mode: 0o600)
    }
    guard file.bytes.count <= limit else { throw .tooLarge }
    return file
  }
}

/// A configuration to load, `c.yaml` in `/etc/relay`, with what it may refer to.
struct ConfigurationSample {
  static let account = """
    accounts:
      - idInstance: 1101000001
        apiTokenInstance: {env: TOKEN}
    """
  static let destination = """
    destinations:
      - name: crm
        url: https://crm.example.com/hook
    """
  static let good = account + "\n" + destination + "\n"

  var variables = ["TOKEN": "d75b3a66374942c5b3c019c698abc2067e151558acbd412345", "HOME": "/home/me"]
  var files: [String: MemoryFiles.Item] = [:]
  var mode: UInt32 = 0o600

  func load(_ yaml: String) throws(ConfigurationErrors) -> RelayConfiguration {
    try load(.text(yaml, mode: mode))
  }

  func load(_ item: MemoryFiles.Item) throws(ConfigurationErrors) -> RelayConfiguration {
    var files = files
    files["/etc/relay/c.yaml"] = item
    let environment = ConfigurationEnvironment(
      variables: variables, workingDirectory: "/etc/relay", files: MemoryFiles(items: files))
    return try RelayConfiguration.load(.file(path: "c.yaml"), environment: environment)
  }

  /// A good file with more keys at the top, in its account (4 spaces before them) or in its destination.
  static func with(top: String = "", account: String = "", destination: String = "") -> String {
    func indented(_ text: String) -> String {
      text.isEmpty ? "" : text.split(separator: "\n").map { "    \($0)\n" }.joined()
    }
    return Self.account + "\n" + indented(account) + Self.destination + "\n" + indented(destination) + top
  }

  /// The lines that loading it fails with; empty when it loads.
  func errors(_ yaml: String) -> [String] {
    do throws(ConfigurationErrors) {
      _ = try load(yaml)
      return []
    } catch {
      return error.problems.map(\.description)
    }
  }
}
