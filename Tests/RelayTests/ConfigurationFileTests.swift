import Foundation
import GreenAPI
import Testing

@testable import Relay

@Suite("Where a configuration comes from")
struct ConfigurationFileTests {
  typealias Sample = ConfigurationSample

  static func find(_ option: String?, _ variables: [String: String] = [:], files: [String] = []) -> ConfigurationSource
  {
    let items = Dictionary(uniqueKeysWithValues: files.map { ($0, MemoryFiles.Item.text("", mode: 0o600)) })
    return .find(
      option: option,
      in: ConfigurationEnvironment(variables: variables, workingDirectory: "/w", files: MemoryFiles(items: items)))
  }

  @Test("The option comes before the variable, that before the usual places, and those before the environment")
  func order() {
    let usual = ["/w/statusrelay.yaml", "/etc/statusrelay/config.yaml"]
    #expect(Self.find("a.yaml", ["STATUSRELAY_CONFIG": "b.yaml"], files: usual) == .file(path: "a.yaml"))
    #expect(Self.find(nil, ["STATUSRELAY_CONFIG": "b.yaml"], files: usual) == .file(path: "b.yaml"))
    #expect(Self.find(nil, ["STATUSRELAY_CONFIG": ""], files: usual) == .file(path: "statusrelay.yaml"))
    #expect(Self.find(nil, files: [usual[1]]) == .file(path: "/etc/statusrelay/config.yaml"))
    #expect(Self.find(nil) == .environment)
  }

  @Test(
    "A file that can't be read is one clear line",
    arguments: [
      (MemoryFiles.Item.fault(.missing), "does not exist", " (statusrelay init writes one)"),
      (.fault(.notPermitted), "may not be read by this user", ""), (.fault(.isDirectory), "is a directory", ""),
      (.fault(.other("Input/output error")), "could not be read (Input/output error)", ""),
      (.bytes([UInt8](repeating: 0x23, count: RelayConfiguration.maximumFileSize + 1)), "is too large", ""),
    ])
  func unreadable(item: MemoryFiles.Item, fault: String, hint: String) {
    #expect(throws: ConfigurationErrors.self) { try Sample().load(item) }
    do {
      _ = try Sample().load(item)
    } catch {
      #expect(
        "\(error)" == "c.yaml: the configuration \(fault), expected a readable YAML file of at most 1 MiB\(hint)")
    }
  }

  @Test("A file that isn't UTF-8 is no configuration")
  func notUTF8() {
    let error = #expect(throws: ConfigurationErrors.self) { try Sample().load(.bytes([0x61, 0x3A, 0x20, 0xFF])) }
    #expect(error?.description == "c.yaml: the configuration is not UTF-8, expected a YAML file in UTF-8")
  }

  @Test("A file of 1 MiB is read")
  func largest() throws {
    let comment = "#" + String(repeating: "x", count: RelayConfiguration.maximumFileSize - Sample.good.utf8.count - 2)
    #expect(try Sample().load(Sample.good + comment + "\n").accounts.count == 1)
  }

  // MARK: The environment

  static func load(_ variables: [String: String]) throws -> RelayConfiguration {
    try RelayConfiguration.load(
      option: nil,
      environment: ConfigurationEnvironment(
        variables: variables.merging(["HOME": "/h"]) { $1 }, workingDirectory: "/w", files: MemoryFiles(items: [:])))
  }

  @Test("Without a file, one account and one destination come from the environment")
  func environment() throws {
    var variables = [
      "GREEN_API_ID_INSTANCE": "1101000001", "GREEN_API_TOKEN_INSTANCE": "tok",
      "STATUSRELAY_WEBHOOK_URL": "http://a:b@c/d",
    ]
    var configuration = try Self.load(variables)
    #expect(configuration.accounts == [.init(idInstance: 1_101_000_001, apiTokenInstance: Secret("tok"))])
    #expect(
      configuration.destinations == [
        .init(name: "webhook", url: "http://c/d", basicAuthentication: .init(user: "a", password: Secret("b")))
      ])
    #expect(configuration.warnings.isEmpty)
    variables["GREEN_API_URL"] = "https://1101.api.green-api.com"
    variables["STATUSRELAY_WEBHOOK_URL"] = "http://c/d"
    variables["STATUSRELAY_WEBHOOK_URL_TOKEN"] = "hook"
    configuration = try Self.load(variables)
    #expect(configuration.accounts[0].apiURL == "https://1101.api.green-api.com")
    #expect(configuration.destinations[0].webhookUrlToken == Secret("hook"))
  }

  @Test("What is missing or wrong in the environment is told by its variable")
  func badEnvironment() {
    func lines(_ variables: [String: String]) -> Set<String> {
      do {
        _ = try Self.load(variables)
        return []
      } catch {
        return Set("\(error)".split(separator: "\n").map(String.init))
      }
    }
    #expect(
      lines(["STATUSRELAY_WEBHOOK_URL": "c/d"]) == [
        "$GREEN_API_ID_INSTANCE: is not set, expected the instance's number, from GREEN-API's console",
        "$GREEN_API_TOKEN_INSTANCE: is not set, expected the instance's token, from the console",
        "$STATUSRELAY_WEBHOOK_URL: url has no http:// or https:// before it, "
          + "expected a URL such as https://crm.example.com/webhook, or fromAccount",
      ])
    #expect(
      lines(["GREEN_API_ID_INSTANCE": "x", "GREEN_API_TOKEN_INSTANCE": "a\nb", "STATUSRELAY_WEBHOOK_URL": "http://a"])
        == [
          "$GREEN_API_ID_INSTANCE: idInstance 'x' is invalid, expected a number of 1 to 18 digits",
          "$GREEN_API_TOKEN_INSTANCE: the environment variable 'GREEN_API_TOKEN_INSTANCE' for apiTokenInstance"
            + " has line breaks in it, expected the secret alone, in one line",
        ])
    #expect(
      lines([:]) == [
        "configuration: there is none: neither ./statusrelay.yaml nor /etc/statusrelay/config.yaml exists and"
          + " $GREEN_API_ID_INSTANCE is not set, expected --config FILE or a file made with: statusrelay init"
      ])
  }

  // MARK: The disk

  @Test("Files on the disk are read with their permissions, and their faults are told apart")
  func disk() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "statusrelay-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let path = directory + "/file"
    try Data(repeating: 0x61, count: 200_000).write(to: URL(filePath: path))
    chmod(path, 0o640)
    let files = DiskFiles()
    let file = try files.read(path, limit: 200_000)
    #expect(file.bytes.count == 200_000)
    #expect(file.modeText == "0640")
    #expect(file.isReadableByOthers)
    chmod(path, 0o600)
    #expect(try !files.read(path, limit: 200_000).isReadableByOthers)
    #expect(throws: ConfigurationFileFault.tooLarge) { try files.read(path, limit: 199_999) }
    #expect(throws: ConfigurationFileFault.missing) { try files.read(path + "2", limit: 1) }
    #expect(throws: ConfigurationFileFault.missing) { try files.read(path + "/2", limit: 1) }
    #expect(throws: ConfigurationFileFault.isDirectory) { try files.read(directory, limit: 1) }
    #expect(throws: ConfigurationFileFault.tooLarge) { try files.read("/dev/zero", limit: 100) }
    #expect(files.exists(path) && files.exists(directory) && !files.exists(path + "2"))
    if geteuid() != 0 {
      chmod(path, 0)
      #expect(throws: ConfigurationFileFault.notPermitted) { try files.read(path, limit: 200_000) }
    }
  }

  @Test("A whole configuration is loaded from the disk, with paths that start beside it")
  func wholeFromDisk() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "statusrelay-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory + "/conf", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try Data("tok\n".utf8).write(to: URL(filePath: directory + "/conf/token"))
    chmod(directory + "/conf/token", 0o644)
    let yaml = Sample.with(top: "stateDirectory: state").replacing("{env: TOKEN}", with: "{file: token}")
    try Data(yaml.utf8).write(to: URL(filePath: directory + "/conf/c.yaml"))
    let environment = ConfigurationEnvironment(variables: [:], workingDirectory: directory)
    let configuration = try RelayConfiguration.load(option: "./conf/c.yaml", environment: environment)
    #expect(configuration.stateDirectory == directory + "/conf/state")
    #expect(configuration.accounts[0].apiTokenInstance == Secret("tok"))
    let token = directory + "/conf/token"
    #expect(
      configuration.warnings.map(\.description) == [
        "./conf/c.yaml:3:30: others may read the secret in \(token) (mode 0644); run: chmod 600 \(token)"
      ])
  }
}
